"""AESDD, the Acted Emotional Speech Dynamic Database."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "s": "sadness",
}
CLIPS = (121, 122, 120, 119, 122)


def describe(path):
    """Reads emotion, text and speaker.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as anger/a03 (3).wav; a letter after the speaker is of a second
        take, as in s01 (5)b.wav.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(
        r"([a-z])([0-9]{2})[ _]?\(0?([1-6])\)([a-z]?)", path.stem
    )
    if not name:
        raise ValueError("name does not parse as emotion, text, (speaker)")
    if name[1] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[1]}")
    return {
        "ID": f"{name[1]}{name[2]}_{name[3]}{name[4]}",
        "spk_id": name[3],
        "gender": "unknown",
        "emotion": EMOTIONS[name[1]],
        "sentence": name[2],
    }


CORPUS = Corpus(
    name="AESDD",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="loso",  # EmoBox's split shares speakers
    speakers=("1", "2", "3", "4", "5", "6"),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="Greek",
    licence="free for research",
    address="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    citation="Vryzas et al. (2018), https://doi.org/10.17743/jaes.2018.0036",
)
