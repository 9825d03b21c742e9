"""SUBESCO, the SUST Bangla Emotional Speech Corpus."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
FEMALE = tuple(f"F_{n:02}" for n in range(1, 11))
MALE = tuple(f"M_{n:02}" for n in range(1, 11))
GENDERS = dict.fromkeys(FEMALE, "female") | dict.fromkeys(MALE, "male")

# Test speakers of EmoBox's five folds, https://github.com/emo-box/EmoBox
FOLDS = (
    ("F_03", "M_03", "M_08", "M_09"),
    ("F_01", "F_04", "F_10", "M_07"),
    ("F_06", "F_08", "M_05", "M_06"),
    ("F_05", "F_07", "F_09", "M_04"),
    ("F_02", "M_01", "M_02", "M_10"),
)

# Such as M_01_BASHIR_S_1_ANGRY_1.wav. One name, F_02_MONIKA_S_2_SURPRISE_3],
# ends in a stray bracket.
NAME = (
    r"(?P<ID>(?P<spk_id>[FM]_[0-9]{2})_[A-Z]+"
    r"_S_(?P<sentence>[0-9]+)_(?P<emotion>[A-Z]+)_[0-9]+)\]?"
)

CORPUS = Corpus(
    name="SUBESCO",
    classes=EMOTIONS,
    describe=partial(
        read_name, NAME, "speaker, sentence, emotion and take", None, GENDERS
    ),
    protocol="emobox",
    folds=FOLDS,
    speakers=tuple(GENDERS),
    clips=dict.fromkeys(EMOTIONS, 1000),
    language="Bangla",
    licence="CC BY 4.0",
    address="https://zenodo.org/records/4526477",
    citation="Sultana et al. (2021), https://doi.org/10.1371/journal.pone.0250173",
)
