"""JL-Corpus, emotional speech in New Zealand English."""

import re

from data_prep.corpus import Corpus

PRIMARY = ("angry", "sad", "neutral", "happy", "excited")
SECONDARY = ("anxious", "apologetic", "assertive", "concerned", "encouraging")


def describe(path):
    """Reads speaker, emotion, sentence and repetition.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as JL(wav+txt)/female1_angry_10a_1.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(
        r"((female|male)[12])_([a-z]+)_([0-9]+)[ab]_[0-9]", path.stem
    )
    if not name:
        raise ValueError("name does not parse as speaker_emotion_sentence_take")
    return {
        "spk_id": name[1],
        "gender": name[2],
        "emotion": name[3],
        "sentence": name[4],
    }


CORPUS = Corpus(
    name="JL-Corpus",
    classes=PRIMARY,
    describe=describe,
    protocol="emobox",
    folds=(("male2",), ("female1",), ("male1",), ("female2",)),
    speakers=("female1", "female2", "male1", "male2"),
    clips=dict.fromkeys(PRIMARY, 240),
    language="English",
    licence="CC0 1.0",
    address="https://www.kaggle.com/datasets/tli725/jl-corpus",
    citation="James et al. (2018), https://doi.org/10.21437/Interspeech.2018-1349",
    variants={
        "all": {
            "name": "JL-Corpus with its secondary emotions",
            "classes": PRIMARY + SECONDARY,
            "clips": dict.fromkeys(PRIMARY + SECONDARY, 240),
        },
    },
)
