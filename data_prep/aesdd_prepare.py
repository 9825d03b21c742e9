"""AESDD, the Acted Emotional Speech Dynamic Database."""

import re

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "s": "sadness",
}
CLIPS = (121, 122, 120, 119, 122)

# Such as anger/a03 (3).wav and sadness/s01 (5)b.wav
NAME = (
    r"(?P<emotion>[a-z])(?P<sentence>[0-9]{2})"
    r"[ _]?\(0?(?P<spk_id>[1-6])\)[a-z]?"
)


def describe(path):
    """Reads emotion, text and speaker; a last letter marks a second take."""
    clip = read_name(NAME, "emotion, text, (speaker)", EMOTIONS, None, path)
    # Copies differ in how they write the speaker.
    return clip | {"ID": re.sub(r"[ _]?\(0?([1-6])\)", r"_\1", path.stem)}


CORPUS = Corpus(
    name="AESDD",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="loso",  # EmoBox's split shares speakers
    speakers=("1", "2", "3", "4", "5", "6"),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="Greek",
    licence="free for research",
    address="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    citation="Vryzas et al. (2018), https://doi.org/10.17743/jaes.2018.0036",
)
