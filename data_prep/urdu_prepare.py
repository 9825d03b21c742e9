"""URDU, emotional speech from Urdu talk shows."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
FEMALE = tuple(f"SF{n}" for n in range(1, 12))
MALE = tuple(f"SM{n}" for n in (*range(1, 8), *range(17, 28)))


def describe(path):
    """Reads speaker and emotion.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as Angry/SM1_F01_A001.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    # The second token counts the files of a speaker (F is for file), the
    # third those of an emotion; the first is the speaker.
    name = re.fullmatch(r"(S([FM])[0-9]+)_F[0-9]+_([A-Z])[0-9]+", path.stem)
    if not name:
        raise ValueError("name does not parse as speaker_file_emotion")
    if name[3] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[3]}")
    return {
        "spk_id": name[1],
        "gender": "female" if name[2] == "F" else "male",
        "emotion": EMOTIONS[name[3]],
        "sentence": "",  # spontaneous
    }


CORPUS = Corpus(
    name="URDU",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=FEMALE + MALE,
    clips=dict.fromkeys(EMOTIONS.values(), 100),
    language="Urdu",
    licence="not stated",
    address="https://github.com/siddiquelatif/urdu-dataset",
    citation="Latif et al. (2018), https://doi.org/10.1109/FIT.2018.00023",
)
