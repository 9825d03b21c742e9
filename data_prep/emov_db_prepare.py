"""EmoV-DB, the Emotional Voices Database."""

import re

from data_prep.corpus import Corpus

# The first word of a file's name. Folders say angry, disgusted and sleepy.
EMOTIONS = {
    "amused": "amused",
    "anger": "anger",
    "disgust": "disgust",
    "neutral": "neutral",
    "sleepiness": "sleepiness",
}
CLIPS = (1315, 1267, 1019, 1566, 1720)
GENDERS = {"bea": "female", "jenie": "female", "josh": "male", "sam": "male"}


def describe(path):
    """Reads emotion and sentence from the name, the speaker from a folder.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as bea_Amused/amused_1-28_0011.wav or
        bea/Amused/amused_1-28_0011.wav; 1-28 is a range of sentences.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion` and `sentence`.
    """
    name = re.fullmatch(
        r"(?:([a-z]+)_)?([a-z]+)_[0-9]+[-_][0-9]+_([0-9]+)", path.stem.lower()
    )
    if not name:
        raise ValueError("name does not parse as emotion_range_sentence")
    if name[2] not in EMOTIONS:
        raise ValueError(f"emotion not in the class set: {name[2]}")
    folders = [re.split(r"[\W_]", part.lower()) for part in path.parts[:-1]]
    words = [name[1], *(word for part in folders[::-1] for word in part)]
    speakers = [word for word in words if word in GENDERS]
    if not speakers:
        raise ValueError("no speaker in its name, nor in those of its folders")
    sentence = f"{int(name[3]):04}"
    return {
        "ID": f"{speakers[0]}_{name[2]}_{sentence}",
        "spk_id": speakers[0],
        "gender": GENDERS[speakers[0]],
        "emotion": EMOTIONS[name[2]],
        "sentence": sentence,
    }


CORPUS = Corpus(
    name="EmoV-DB",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="loso",  # EmoBox's split shares speakers
    speakers=tuple(GENDERS),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="English",
    licence="non-commercial use",
    address="https://www.openslr.org/115/",
    citation="Adigwe et al. (2018), https://doi.org/10.48550/arXiv.1806.09514",
)
