"""TESS, the Toronto Emotional Speech Set."""

import re

from data_prep.corpus import Corpus

EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprise",  # pleasant surprise
    "sad": "sad",
}
SPEAKERS = ("OAF", "YAF")  # the older, of 64 years, and the younger, of 26


def describe(path):
    """Reads speaker, word and emotion.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as OAF_angry/OAF_back_angry.wav.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion` and `sentence`.
    """
    # One name, OA_bite_neutral, lacks a letter; some copies mend it.
    name = re.fullmatch(r"(OAF?|YAF)_([A-Za-z]+)_([a-z]+)", path.stem)
    if not name:
        raise ValueError("name does not parse as speaker_word_emotion")
    if name[3] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[3]}")
    speaker = "YAF" if name[1] == "YAF" else "OAF"
    return {
        "ID": f"{speaker}_{name[2]}_{name[3]}",
        "spk_id": speaker,
        "gender": "female",
        "emotion": EMOTIONS[name[3]],
        "sentence": name[2],
    }


CORPUS = Corpus(
    name="TESS",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="random",  # two speakers cannot train, validate and test apart
    speakers=SPEAKERS,
    clips=dict.fromkeys(EMOTIONS.values(), 400),
    language="English",
    licence="CC BY-NC-ND 4.0",
    address="https://doi.org/10.5683/SP2/E8H2MF",
    citation="Pichora-Fuller & Dupuis (2020), https://doi.org/10.5683/SP2/E8H2MF",
    notice="TESS has but two speakers, who say one carrier phrase.",
)
