"""MESD, the Mexican Emotional Speech Database."""

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
CODES = {emotion.capitalize(): emotion for emotion in EMOTIONS}

# Such as Anger_F_A_adios.wav; A and B are the lists of words. Names do not tell
# the speaker, but nobody has two of the voices (woman, man, child), so that
# folds of voices share no speaker.
NAME = (
    r"(?P<emotion>[A-Z][a-z]+)_(?P<spk_id>(?P<gender>[FMC]))_[AB]"
    r"_(?P<sentence>.+)"
)


def describe(path):
    """Reads emotion, voice and word, in lower case."""
    clip = read_name(NAME, "emotion_voice_list_word", CODES, None, path)
    return clip | {"sentence": clip["sentence"].lower()}


CORPUS = Corpus(
    name="MESD",
    classes=EMOTIONS,
    describe=describe,
    protocol="loso",
    speakers=("F", "M", "C"),
    clips=dict.fromkeys(EMOTIONS, 144),
    language="Spanish",
    licence="CC BY 4.0",
    address="https://doi.org/10.17632/cy34mh68j9",
    citation="Duville et al. (2021), https://doi.org/10.3390/data6120130",
    notice="MESD names no speakers: its folds are of voices (woman, man, child).",
)
