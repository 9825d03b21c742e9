"""TESS, the Toronto Emotional Speech Set."""

import re

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprise",  # pleasant surprise
    "sad": "sad",
}
SPEAKERS = ("OAF", "YAF")  # the older, of 64 years, and the younger, of 26

# Such as OAF_angry/OAF_back_angry.wav
NAME = r"(?P<spk_id>OAF|YAF)_(?P<sentence>[A-Za-z]+)_(?P<emotion>[a-z]+)"


def describe(path):
    """Reads speaker, word and emotion."""
    # One name, OA_bite_neutral, lacks a letter; some copies have put it right.
    path = path.with_name(re.sub("^OA_", "OAF_", path.name))
    clip = read_name(NAME, "speaker_word_emotion", EMOTIONS, None, path)
    return clip | {"ID": path.stem, "gender": "female"}


CORPUS = Corpus(
    name="TESS",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="random",  # two speakers cannot train, validate and test apart
    speakers=SPEAKERS,
    clips=dict.fromkeys(EMOTIONS.values(), 400),
    language="English",
    licence="CC BY-NC-ND 4.0",
    address="https://doi.org/10.5683/SP2/E8H2MF",
    citation="Pichora-Fuller & Dupuis (2020), https://doi.org/10.5683/SP2/E8H2MF",
    notice="TESS has only two speakers, who say the same carrier phrase.",
)
