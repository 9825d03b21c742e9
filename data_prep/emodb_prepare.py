"""EMO-DB, the Berlin Database of Emotional Speech."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
CLIPS = (127, 81, 46, 69, 71, 62, 79)
MALE = ("03", "10", "11", "12", "15")
FEMALE = ("08", "09", "13", "14", "16")


def describe(path):
    """Reads speaker, text, emotion and take.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as wav/03a01Wa.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(r"([0-9]{2})([ab][0-9]{2})([A-Z])([a-z]?)", path.stem)
    if not name or name[1] not in MALE + FEMALE:
        raise ValueError("name does not parse as speaker, text, emotion, take")
    if name[3] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[3]}")
    return {
        "spk_id": name[1],
        "gender": "male" if name[1] in MALE else "female",
        "emotion": EMOTIONS[name[3]],
        "sentence": name[2],
    }


CORPUS = Corpus(
    name="EMO-DB",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="loso",  # EmoBox's folds share speakers
    speakers=tuple(sorted(MALE + FEMALE)),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="German",
    licence="free for research",
    address="http://emodb.bilderbar.info",
    citation="Burkhardt et al. (2005), https://doi.org/10.21437/Interspeech.2005-446",
)
