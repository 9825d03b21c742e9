"""SUBESCO, the SUST Bangla Emotional Speech Corpus."""

import re

from data_prep.corpus import Corpus

EMOTIONS = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "sad",
    "surprise",
)
SPEAKERS = tuple(f"{sex}_{n:02}" for sex in "FM" for n in range(1, 11))

# Test speakers of EmoBox's five folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("F_03", "M_03", "M_08", "M_09"),
    ("F_01", "F_04", "F_10", "M_07"),
    ("F_06", "F_08", "M_05", "M_06"),
    ("F_05", "F_07", "F_09", "M_04"),
    ("F_02", "M_01", "M_02", "M_10"),
)


def describe(path):
    """Reads speaker, sentence, emotion and take.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as M_01_BASHIR_S_1_ANGRY_1.wav.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion` and `sentence`.
    """
    # One name, F_02_MONIKA_S_2_SURPRISE_3], ends in a stray bracket.
    stem = path.stem.removesuffix("]")
    name = re.fullmatch(
        r"(([FM])_[0-9]{2})_[A-Z]+_S_([0-9]+)_([A-Z]+)_[0-9]+", stem
    )
    if not name or name[1] not in SPEAKERS:
        raise ValueError(
            "name does not parse as speaker, sentence, emotion and take"
        )
    return {
        "ID": stem,
        "spk_id": name[1],
        "gender": "female" if name[2] == "F" else "male",
        "emotion": name[4].lower(),
        "sentence": name[3],
    }


CORPUS = Corpus(
    name="SUBESCO",
    classes=EMOTIONS,
    describe=describe,
    protocol="emobox",
    folds=FOLDS,
    speakers=SPEAKERS,
    clips=dict.fromkeys(EMOTIONS, 1000),
    language="Bangla",
    licence="CC BY 4.0",
    address="https://zenodo.org/records/4526477",
    citation="Sultana et al. (2021), https://doi.org/10.1371/journal.pone.0250173",
)
