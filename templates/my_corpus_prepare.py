"""MyCorpus: until the three things are filled in, the built-in corpus."""

import re

from data_prep.corpus import Corpus
from data_prep.demo_prepare import make

# FILL IN 1: the class set, from what a path says to the name of the emotion.
# The order is that of the classifier's outputs.
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


def describe(path):
    """Reads speaker, gender, emotion and sentence.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as Actor_01/03-01-05-01-02-01-01.wav, relative to the data folder.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`, and `ID` where names of
        files are not unique.
    """
    # FILL IN 2: how a path becomes these. What is not known: the gender is
    # "unknown", the sentence is "". A ValueError excludes a file, and says why.
    name = re.fullmatch(
        r"03-01-([0-9]{2})-01-([0-9]{2})-[0-9]{2}-([0-9]{2})", path.stem
    )
    if not name:
        raise ValueError("name does not parse as seven numbers of two digits")
    emotion, sentence, speaker = name.groups()
    if emotion not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {emotion}")
    return {
        "spk_id": speaker,
        "gender": "male" if int(speaker) % 2 else "female",
        "emotion": EMOTIONS[emotion],
        "sentence": sentence,
    }


# FILL IN 3: the facts. Preparation says what is missing of `clips` and
# `speakers`, reports and the recipe's README give the others.
CORPUS = Corpus(
    name="MyCorpus",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="kfold",  # or loso, official, random, emobox (which needs folds)
    speakers=(),  # such as ("01", "02"), where they are known
    clips={},  # such as {"neutral": 96, "calm": 192}, where they are known
    language="FILL IN",
    licence="FILL IN",
    address="https://example.org/FILL-IN",
    citation="FILL IN (2026), https://example.org/FILL-IN",
    # Take out these two, and `make` above, with the first clips of your own.
    make=make,
    notice="This is the built-in corpus: its score says nothing of real "
    "speech.",
)
