"""EMOVO, the Italian emotional speech database."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "dis": "disgust",
    "gio": "joy",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}


def describe(path):
    """Reads emotion, speaker and sentence.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as f1/dis-f1-b1.wav.

    Returns
    -------
    dict
        `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(r"([a-z]{3})-([fm][123])-([bdln][1-5])", path.stem)
    if not name:
        raise ValueError("name does not parse as emotion-speaker-sentence")
    if name[1] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[1]}")
    return {
        "spk_id": name[2],
        "gender": "female" if name[2].startswith("f") else "male",
        "emotion": EMOTIONS[name[1]],
        "sentence": name[3],
    }


CORPUS = Corpus(
    name="EMOVO",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="emobox",
    folds=(("f2",), ("m3",), ("m2",), ("f3",), ("f1",), ("m1",)),
    speakers=("f1", "f2", "f3", "m1", "m2", "m3"),
    clips=dict.fromkeys(EMOTIONS.values(), 84),
    language="Italian",
    licence="free for research",
    address="http://voice.fub.it/activities/corpora/emovo/index.html",
    citation="Costantini et al. (2014), https://aclanthology.org/L14-1478",
)
