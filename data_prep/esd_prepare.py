"""ESD, the Emotional Speech Database."""

import re
from functools import partial

from data_prep.corpus import Corpus

# Of each speaker's 1750 clips, 350 each in this order.
EMOTIONS = ("neutral", "angry", "happy", "sad", "surprise")
TEXTS = 350
MANDARIN = tuple(f"{speaker:04}" for speaker in range(1, 11))
ENGLISH = tuple(f"{speaker:04}" for speaker in range(11, 21))

# Test speakers of EmoBox's five folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("0005", "0011", "0016", "0018"),
    ("0012", "0014", "0015", "0019"),
    ("0003", "0004", "0006", "0009"),
    ("0007", "0008", "0013", "0020"),
    ("0001", "0002", "0010", "0017"),
)


def describe(path, speakers=MANDARIN + ENGLISH):
    """Reads speaker and number, which gives emotion and text, from a path such
    as 0011/Angry/train/0011_000351.wav."""
    name = re.fullmatch(r"([0-9]{4})_([0-9]{6})", path.stem)
    if not name or name[1] not in MANDARIN + ENGLISH:
        raise ValueError("name does not parse as speaker_number")
    if not 1 <= int(name[2]) <= TEXTS * len(EMOTIONS):
        raise ValueError(f"no emotion has its number: {name[2]}")
    if name[1] not in speakers:
        raise ValueError("in the other language")
    emotion, text = divmod(int(name[2]) - 1, TEXTS)
    folders = {part.lower() for part in path.parts[:-1]} & set(EMOTIONS)
    if folders - {EMOTIONS[emotion]}:
        raise ValueError("its folder and its number name different emotions")
    language = "english" if name[1] in ENGLISH else "mandarin"
    return {
        "spk_id": name[1],
        "gender": "unknown",
        "emotion": EMOTIONS[emotion],
        "sentence": f"{language} {text + 1:03}",
    }


def in_one_language(language, speakers):
    """Makes a variant; EmoBox's folds are of both languages."""
    return {
        "name": f"ESD in {language}",
        "describe": partial(describe, speakers=speakers),
        "protocol": "loso",
        "folds": (),
        "speakers": speakers,
        "clips": dict.fromkeys(EMOTIONS, TEXTS * len(speakers)),
        "language": language,
    }


CORPUS = Corpus(
    name="ESD",
    classes=EMOTIONS,
    describe=describe,
    protocol="emobox",
    folds=FOLDS,
    speakers=MANDARIN + ENGLISH,
    clips=dict.fromkeys(EMOTIONS, TEXTS * 20),
    language="English and Mandarin",
    licence="free for research, on request",
    address="https://hltsingapore.github.io/ESD/",
    citation="Zhou et al. (2022), https://doi.org/10.1016/j.specom.2021.11.006",
    variants={
        "english": in_one_language("English", ENGLISH),
        "mandarin": in_one_language("Mandarin", MANDARIN),
    },
)
