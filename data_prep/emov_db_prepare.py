"""EmoV-DB, the Emotional Voices Database."""

import re
from pathlib import PurePath

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

# The first word of a file's name. Folders say angry, disgusted and sleepy.
EMOTIONS = ("amused", "anger", "disgust", "neutral", "sleepiness")
CODES = dict(zip(EMOTIONS, EMOTIONS))
CLIPS = (1315, 1267, 1019, 1566, 1720)
GENDERS = {"bea": "female", "jenie": "female", "josh": "male", "sam": "male"}

# Such as bea_Amused/amused_1-28_0011.wav or bea/Amused/amused_1-28_0011.wav;
# 1-28 is a range of sentences
NAME = (
    r"(?:(?P<spk_id>[a-z]+)_)?(?P<emotion>[a-z]+)"
    r"_[0-9]+[-_][0-9]+_(?P<sentence>[0-9]+)"
)


def describe(path):
    """Reads emotion and sentence, and the speaker from the name or a folder."""
    path = PurePath(path.as_posix().lower())
    clip = read_name(NAME, "emotion_range_sentence", CODES, None, path)
    folders = [re.split(r"[\W_]", part) for part in path.parts[:-1]]
    words = [clip["spk_id"], *(word for part in folders[::-1] for word in part)]
    speakers = [word for word in words if word in GENDERS]
    if not speakers:
        raise ValueError("no speaker in its name, nor in those of its folders")
    speaker, sentence = speakers[0], f"{int(clip['sentence']):04}"
    return clip | {
        "ID": f"{speaker}_{clip['emotion']}_{sentence}",
        "spk_id": speaker,
        "gender": GENDERS[speaker],
        "sentence": sentence,
    }


CORPUS = Corpus(
    name="EmoV-DB",
    classes=EMOTIONS,
    describe=describe,
    protocol="loso",  # EmoBox's split shares speakers
    speakers=tuple(GENDERS),
    clips=dict(zip(EMOTIONS, CLIPS)),
    language="English",
    licence="non-commercial use",
    address="https://www.openslr.org/115/",
    citation="Adigwe et al. (2018), https://doi.org/10.48550/arXiv.1806.09514",
)
