"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song."""

import re
from functools import partial

from data_prep.corpus import Corpus

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
CLASSES = tuple(EMOTIONS.values())
STATEMENTS = {
    "01": "Kids are talking by the door",
    "02": "Dogs are sitting by the door",
}
ACTORS = tuple(f"{actor:02}" for actor in range(1, 25))
SPEECH = dict.fromkeys(CLASSES, 192) | {"neutral": 96}
# Song has no disgust and no surprise, and none by actor 18.
SUNG = dict.fromkeys(CLASSES[:6], 184) | {"neutral": 92}

# Test actors of EmoBox's six folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)


def describe(path, channels=("01",)):
    """Reads modality-channel-emotion-intensity-statement-repetition-actor,
    such as 03-01-05-01-02-01-01; channel 01 is speech, 02 song."""
    if not re.fullmatch(r"[0-9]{2}(-[0-9]{2}){6}", path.stem):
        raise ValueError("name does not parse as seven numbers of two digits")
    _, channel, emotion, _, statement, _, actor = path.stem.split("-")
    if channel not in channels:
        raise ValueError(
            "speech, not song" if channel == "01" else "song, not speech"
        )
    if emotion not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {emotion}")
    if actor not in ACTORS or statement not in STATEMENTS:
        raise ValueError("name does not parse: no such actor or statement")
    return {
        "spk_id": actor,
        "gender": "male" if int(actor) % 2 else "female",
        "emotion": EMOTIONS[emotion],
        "sentence": STATEMENTS[statement],
    }


CORPUS = Corpus(
    name="RAVDESS",
    classes=CLASSES,
    describe=describe,
    protocol="emobox",
    folds=FOLDS,
    speakers=ACTORS,
    clips=SPEECH,
    language="English",
    licence="CC BY-NC-SA 4.0",
    address="https://zenodo.org/records/1188976",
    citation="Livingstone & Russo (2018), https://doi.org/10.1371/journal.pone.0196391",
    variants={
        "song": {
            "name": "RAVDESS song",
            "classes": CLASSES[:6],
            "describe": partial(describe, channels=("02",)),
            "folds": tuple(
                tuple(a for a in fold if a != "18") for fold in FOLDS
            ),
            "speakers": tuple(actor for actor in ACTORS if actor != "18"),
            "clips": SUNG,
        },
        "all": {
            "name": "RAVDESS speech and song",
            "describe": partial(describe, channels=("01", "02")),
            "clips": {e: SPEECH[e] + SUNG.get(e, 0) for e in CLASSES},
        },
    },
)
