"""BAVED, the Basic Arabic Vocal Emotions Dataset: words at three levels."""

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

# Level 1 is everyday speech, 0 tired or down, 2 any strong emotion.
LEVELS = {"0": "low", "1": "neutral", "2": "high"}
CLIPS = (585, 672, 678)
COPY = "53"  # of all clips of speaker 46
SPEAKERS = tuple(
    str(number)
    for number in (*range(57), *range(100, 104))
    if str(number) not in ("52", COPY)  # there is no 52
)

# Such as 4/46-m-20-4-0-1239.wav
NAME = (
    r"(?P<spk_id>[0-9]+)-(?P<gender>[fm])-[0-9]+-(?P<sentence>[0-6])"
    r"-(?P<emotion>[0-9])-[0-9]+"
)


def describe(path):
    """Reads speaker, sex, word and level."""
    clip = read_name(
        NAME, "speaker-sex-age-word-level-number", LEVELS, None, path
    )
    if clip["spk_id"] == COPY:
        raise ValueError("the same recording as one of speaker 46")
    return clip


CORPUS = Corpus(
    name="BAVED",
    classes=tuple(LEVELS.values()),
    describe=describe,
    protocol="kfold",
    speakers=SPEAKERS,
    clips=dict(zip(LEVELS.values(), CLIPS)),
    language="Arabic",
    licence="not stated",
    address="https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
    citation="Aouf (2019), https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
)
