"""Oréau, the French emotional speech database; version 2."""

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
CLIPS = (67, 67, 62, 70, 51, 62, 55)
FEMALE = "10 11 13 21 24 37 42".split()
MALE = """07 08 09 12 14 16 18 19 20 22 23 25 26 27 28 29 30 31 32 33 36 38 39 40
41""".split()
GENDERS = dict.fromkeys(FEMALE, "female") | dict.fromkeys(MALE, "male")

# Such as OréauFR_02/f/sessj/10a02Ja.wav. Each emotion has sentences of its own.
NAME = r"(?P<spk_id>[0-9]{2})(?P<sentence>[a-z][0-9]{2}(?P<emotion>[A-Z]))[a-z]"


def describe(path):
    """Reads speaker, sentence and emotion."""
    clip = read_name(
        NAME, "speaker, sentence, emotion, take", EMOTIONS, GENDERS, path
    )
    # It has the names of version 2 and clips that listeners misjudged.
    if any(part.lower().endswith("fr_01") for part in path.parts[:-1]):
        raise ValueError("of version 1")
    return clip


CORPUS = Corpus(
    name="Oreau",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=tuple(sorted(GENDERS)),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="French",
    licence="as its page states",
    address="https://zenodo.org/records/4405783",
    citation="Kerkeni et al. (2020), https://doi.org/10.5281/zenodo.4405783",
)
