"""SAVEE, the Surrey Audio-Visual Expressed Emotion database."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = ("DC", "JE", "JK", "KL")


def describe(path):
    """Reads speaker, emotion and number.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as DC/a01.wav or DC_a01.wav.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion` and `sentence`.
    """
    # Two letters first: sa and su, then the others.
    name = re.fullmatch(
        r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])([0-9]{2})", path.stem
    )
    if not name:
        raise ValueError("name does not parse as emotion and number")
    folders = [part.upper() for part in reversed(path.parts[:-1])]
    speakers = [part for part in (name[1], *folders) if part in SPEAKERS]
    if not speakers:
        raise ValueError("no speaker in its name, nor in those of its folders")
    return {
        "ID": f"{speakers[0]}_{name[2]}{name[3]}",
        "spk_id": speakers[0],
        "gender": "male",
        "emotion": EMOTIONS[name[2]],
        "sentence": "",  # the sentences of neutral recur under other numbers
    }


CORPUS = Corpus(
    name="SAVEE",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="emobox",
    folds=(("JE",), ("KL",), ("DC",), ("JK",)),
    speakers=SPEAKERS,
    clips=dict.fromkeys(EMOTIONS.values(), 60) | {"neutral": 120},
    language="English",
    licence="free for research, on request",
    address="http://kahlan.eps.surrey.ac.uk/savee/",
    citation="Haq & Jackson (2010), https://doi.org/10.4018/978-1-61520-919-4.ch017",
)
