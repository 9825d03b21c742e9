"""ShEMO, the Sharif Emotional Speech Database."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "A": "anger",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
}
CLIPS = (1059, 38, 201, 1028, 449, 225)
FEMALE = tuple(f"F{n:02}" for n in range(1, 32))
MALE = tuple(f"M{n:02}" for n in range(1, 57))

# Such as female/F01A01.wav. No sentence recurs: these are radio plays.
NAME = r"(?P<spk_id>(?P<gender>[FM])[0-9]{2})(?P<emotion>[A-Z])[0-9]{2,3}"

CORPUS = Corpus(
    name="ShEMO",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "speaker, emotion, number", EMOTIONS, None
    ),
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=FEMALE + MALE,
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="Persian",
    licence="free for research",
    address="https://github.com/mansourehk/ShEMO",
    citation="Mohamad Nezami et al. (2019), https://doi.org/10.1007/s10579-018-9427-x",
)
