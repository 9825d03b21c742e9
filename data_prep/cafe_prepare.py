"""CaFE, the Canadian French Emotional speech dataset."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "C": "anger",
    "D": "disgust",
    "J": "happiness",
    "N": "neutral",
    "P": "fear",
    "S": "surprise",
    "T": "sadness",
}
ACTORS = {f"{n:02}": "male" if n % 2 else "female" for n in range(1, 13)}

# Test actors of EmoBox's three folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("01", "07", "08", "10"),
    ("02", "04", "09", "12"),
    ("03", "05", "06", "11"),
)

# Such as Colère/Faible/01-C-1-1.wav
NAME = r"(?P<spk_id>[0-9]{2})-(?P<emotion>[A-Z])-[12]-(?P<sentence>[1-6])"

CORPUS = Corpus(
    name="CaFE",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "actor-emotion-intensity-sentence", EMOTIONS, ACTORS
    ),
    protocol="emobox",
    folds=FOLDS,
    speakers=tuple(ACTORS),
    clips=dict.fromkeys(EMOTIONS.values(), 144) | {"neutral": 72},
    language="French",
    licence="CC BY-NC-SA 4.0",
    address="https://zenodo.org/records/1478765",
    citation="Gournay et al. (2018), https://doi.org/10.1145/3204949.3208121",
)
