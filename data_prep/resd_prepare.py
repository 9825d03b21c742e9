"""RESD, Russian Emotional Speech Dialogues."""

from data_prep.corpus import Corpus
from data_prep.file_names import read_name
from ser.names import UNKNOWN

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "e": "enthusiasm",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "s": "sadness",
}
CLIPS = (219, 185, 198, 223, 218, 191, 162)

# Such as train/anger_fear_34/34_anger_fear_a_060.wav: the dialogue, the
# emotions of its two actors and that of the turn
NAME = r"[0-9]{2}_[a-z]+_[a-z]+[_ ](?P<emotion>[a-z])_[0-9]{3}"


def describe(path):
    """Reads the emotion; nothing tells which actor speaks."""
    clip = read_name(NAME, "dialogue, emotion, turn", EMOTIONS, None, path)
    return clip | {"spk_id": UNKNOWN}


CORPUS = Corpus(
    name="RESD",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="random",  # without speakers there is no other
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="Russian",
    licence="MIT",
    address="https://huggingface.co/datasets/Aniemore/resd_annotated",
    citation="Aniemore (2022), https://doi.org/10.57967/hf/1272",
    notice="RESD names no speakers, and its training and test set share dialogues.",
)
