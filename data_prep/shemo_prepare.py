"""ShEMO, the Sharif Emotional Speech Database."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "A": "anger",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
}
CLIPS = (1059, 38, 201, 1028, 449, 225)
SPEAKERS = tuple(
    [f"F{n:02}" for n in range(1, 32)] + [f"M{n:02}" for n in range(1, 57)]
)


def describe(path):
    """Reads speaker and emotion.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as female/F01A01.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(r"(([FM])[0-9]{2})([A-Z])[0-9]{2,3}", path.stem)
    if not name:
        raise ValueError("name does not parse as speaker, emotion, number")
    if name[3] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[3]}")
    return {
        "spk_id": name[1],
        "gender": "female" if name[2] == "F" else "male",
        "emotion": EMOTIONS[name[3]],
        "sentence": "",  # of radio plays, each its own
    }


CORPUS = Corpus(
    name="ShEMO",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=SPEAKERS,
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="Persian",
    licence="free for research",
    address="https://github.com/mansourehk/ShEMO",
    citation="Mohamad Nezami et al. (2019), https://doi.org/10.1007/s10579-018-9427-x",
)
