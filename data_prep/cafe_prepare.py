"""CaFE, the Canadian French Emotional speech dataset."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "C": "anger",
    "D": "disgust",
    "J": "happiness",
    "N": "neutral",
    "P": "fear",
    "S": "surprise",
    "T": "sadness",
}
ACTORS = tuple(f"{actor:02}" for actor in range(1, 13))

# Test actors of EmoBox's three folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("01", "07", "08", "10"),
    ("02", "04", "09", "12"),
    ("03", "05", "06", "11"),
)


def describe(path):
    """Reads actor, emotion, intensity and sentence.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as Colère/Faible/01-C-1-1.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(r"([0-9]{2})-([A-Z])-[12]-([1-6])", path.stem)
    if not name or name[1] not in ACTORS:
        raise ValueError(
            "name does not parse as actor-emotion-intensity-sentence"
        )
    if name[2] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[2]}")
    return {
        "spk_id": name[1],
        "gender": "male" if int(name[1]) % 2 else "female",
        "emotion": EMOTIONS[name[2]],
        "sentence": name[3],
    }


CORPUS = Corpus(
    name="CaFE",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="emobox",
    folds=FOLDS,
    speakers=ACTORS,
    clips=dict.fromkeys(EMOTIONS.values(), 144) | {"neutral": 72},
    language="French",
    licence="CC BY-NC-SA 4.0",
    address="https://zenodo.org/records/1478765",
    citation="Gournay et al. (2018), https://doi.org/10.1145/3204949.3208121",
)
