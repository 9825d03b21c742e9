"""MESD, the Mexican Emotional Speech Database."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "Anger": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happiness": "happiness",
    "Neutral": "neutral",
    "Sadness": "sadness",
}
GENDERS = {"F": "female", "M": "male", "C": "unknown"}


def describe(path):
    """Reads emotion, voice and word.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as Anger_F_A_adios.wav; A and B are the lists of words.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(r"([A-Z][a-z]+)_([FMC])_[AB]_(.+)", path.stem)
    if not name:
        raise ValueError("name does not parse as emotion_voice_list_word")
    if name[1] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[1]}")
    return {
        # Names do not say who speaks, but nobody is of two of the voices,
        # woman, man and child: folds of voices share no speaker.
        "spk_id": name[2],
        "gender": GENDERS[name[2]],
        "emotion": EMOTIONS[name[1]],
        "sentence": name[3].lower(),
    }


CORPUS = Corpus(
    name="MESD",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="loso",
    speakers=tuple(GENDERS),
    clips=dict.fromkeys(EMOTIONS.values(), 144),
    language="Spanish",
    licence="CC BY 4.0",
    address="https://doi.org/10.17632/cy34mh68j9",
    citation="Duville et al. (2021), https://doi.org/10.3390/data6120130",
    notice="MESD names no speakers: its folds are of voices (woman, man, child).",
)
