"""EMO-DB, the Berlin Database of Emotional Speech."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
CLIPS = (127, 81, 46, 69, 71, 62, 79)
MALE = ("03", "10", "11", "12", "15")
FEMALE = ("08", "09", "13", "14", "16")
GENDERS = dict.fromkeys(MALE, "male") | dict.fromkeys(FEMALE, "female")

# Such as wav/03a01Wa.wav
NAME = r"(?P<spk_id>[0-9]{2})(?P<sentence>[ab][0-9]{2})(?P<emotion>[A-Z])[a-z]?"

CORPUS = Corpus(
    name="EMO-DB",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "speaker, text, emotion, take", EMOTIONS, GENDERS
    ),
    protocol="loso",  # EmoBox's folds share speakers
    speakers=tuple(sorted(GENDERS)),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="German",
    licence="free for research",
    address="http://emodb.bilderbar.info",
    citation="Burkhardt et al. (2005), https://doi.org/10.21437/Interspeech.2005-446",
)
