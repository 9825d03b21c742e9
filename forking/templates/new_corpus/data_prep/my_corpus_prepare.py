"""MyCorpus; until it is filled in, the built-in corpus."""

import re

from data_prep.corpus import Corpus
from data_prep.demo_prepare import make

# FILL IN 1, the classes: from what a path holds to the name of the emotion, in
# the order of the classifier's outputs.
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
    """Reads speaker, gender, emotion and sentence from a path.

    Arguments
    ---------
    path : pathlib.PurePath
        Relative to the data folder, such as
        Actor_01/03-01-05-01-02-01-01.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`, and `ID` where names of
        files are not unique.

    Raises
    ------
    ValueError
        If the file is no clip of the corpus, with the reason.
    """
    # FILL IN 2, how a path is read: where it is not known, the gender is
    # "unknown" and the sentence is "".
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


# FILL IN 3, the facts: preparation checks `speakers` and `clips`; reports and
# the recipe's README give the others.
CORPUS = Corpus(
    name="MyCorpus",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    # kfold, loso and emobox (with `folds`) need three speakers or more: one
    # each to train, validate and test. With fewer there is random.
    protocol="kfold",
    speakers=(),  # such as ("01", "02", "03"), where they are known
    clips={},  # such as {"neutral": 96, "calm": 192}, where they are known
    language="FILL IN",
    licence="FILL IN",
    address="https://example.org/FILL-IN",
    citation="FILL IN (2026), https://example.org/FILL-IN",
    # FILL IN 4, the data: take out the two below and the import of `make`.
    make=make,
    notice="This is the built-in corpus: its score says nothing of real "
    "speech.",
)
