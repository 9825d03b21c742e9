"""MEAD, the Multi-view Emotional Audio-visual Dataset: its audio, which must
be there as WAV files with the names of the M4A files."""

import re

from data_prep.corpus import Corpus

CLIPS = {
    "angry": 4193,
    "contempt": 4215,
    "disgusted": 4284,
    "fear": 4251,
    "happy": 4294,
    "neutral": 1916,
    "sad": 4306,
    "surprised": 4270,
}
SPEAKERS = tuple(
    """M003 M005 M007 M009 M011 M012 M013 M019 M022 M023 M024 M025 M026 M027 M028
M029 M030 M031 M032 M033 M034 M035 M037 M039 M040 M041 M042 W009 W011 W014 W015
W016 W017 W018 W019 W021 W023 W024 W025 W026 W028 W029 W033 W035 W036 W037 W038
W040""".split()
)
# Such as M003/audio/angry/level_1/001.wav
PATH = r"(?:.*/)?([mw][0-9]{3})/(?:audio/)?([a-z]+)/level_([123])/([0-9]{3})"


def describe(path):
    """Reads speaker, emotion, level and number: names are only numbers."""
    found = re.fullmatch(PATH, path.with_suffix("").as_posix().lower())
    if not found:
        raise ValueError("path does not parse as speaker/emotion/level/number")
    speaker, emotion, level, number = found.groups()
    return {
        "ID": f"{speaker.upper()}_{emotion}_{level}_{number}",
        "spk_id": speaker.upper(),
        "gender": "male" if speaker[0] == "m" else "female",
        "emotion": emotion,
        "sentence": "",  # which numbers are the same sentence is not told
    }


CORPUS = Corpus(
    name="MEAD",
    classes=tuple(CLIPS),
    describe=describe,
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=SPEAKERS,
    clips=CLIPS,
    language="English",
    licence="as its page states",
    address="https://github.com/uniBruce/Mead",
    citation="Wang et al. (2020), https://doi.org/10.1007/978-3-030-58589-1_42",
)
