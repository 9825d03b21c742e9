"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song.

Livingstone & Russo (2018), https://doi.org/10.1371/journal.pone.0196391
Download (CC BY-NC-SA 4.0): https://zenodo.org/records/1188976
"""

import re

from data_prep.manifest import Corpus

EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)
STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")

# Test actors of EmoBox's six folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)


def describe(path):
    """Reads modality-channel-emotion-intensity-statement-repetition-actor.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as Actor_01/03-01-05-01-02-01-01.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    if not re.fullmatch(r"[0-9]{2}(-[0-9]{2}){6}", path.stem):
        raise ValueError("name does not parse as seven numbers of two digits")
    _, channel, emotion, _, statement, _, actor = path.stem.split("-")
    if channel != "01":
        raise ValueError("song, not speech")
    if not 1 <= int(emotion) <= len(EMOTIONS):
        raise ValueError(f"emotion not in the class set: {emotion}")
    if not 1 <= int(actor) <= 24 or statement not in ("01", "02"):
        raise ValueError("name does not parse: no such actor or statement")
    return {
        "spk_id": actor,
        "gender": "male" if int(actor) % 2 else "female",
        "emotion": EMOTIONS[int(emotion) - 1],
        "sentence": STATEMENTS[int(statement) - 1],
    }


CORPUS = Corpus(
    name="RAVDESS",
    classes=EMOTIONS,
    folds=FOLDS,
    protocol="EmoBox, six folds of four unseen actors",
    describe=describe,
)
