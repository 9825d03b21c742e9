"""CREMA-D, the Crowd-sourced Emotional Multimodal Actors Dataset."""

from functools import partial
from pathlib import Path

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
ACTORS = tuple(str(actor) for actor in range(1001, 1092))
# From VideoDemographics.csv
FEMALE = """1002 1003 1004 1006 1007 1008 1009 1010 1012 1013 1018 1020 1021 1024 1025
1028 1029 1030 1037 1043 1046 1047 1049 1052 1053 1054 1055 1056 1058 1060
1061 1063 1072 1073 1074 1075 1076 1078 1079 1082 1084 1089 1091""".split()
MALE = sorted(set(ACTORS) - set(FEMALE))
GENDERS = dict.fromkeys(FEMALE, "female") | dict.fromkeys(MALE, "male")
# Every fifth actor of each gender, fixed: the built-in encoder was trained
# without those of fold 1, who can test it.
FOLDS = tuple(
    tuple(sorted(FEMALE[start::5] + MALE[start::5])) for start in range(5)
)
# Three recordings have two names each; copies in other formats hide it.
TWINS = """1006_TIE_HAP_XX 1006_TIE_NEU_XX 1013_WSI_DIS_XX 1013_WSI_SAD_XX
1017_IWW_ANG_XX 1017_IWW_FEA_XX""".split()
# Such as AudioWAV/1001_DFA_ANG_XX.wav; one, 1040_ITH_SAD_X, ends in a single X
NAME = (
    r"(?P<spk_id>1[0-9]{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})"
    r"_(LO|MD|HI|XX?)"
)


def read_votes(folder):
    """Counts what listeners heard in each clip, without seeing the face; None
    unless tabulatedVotes.csv is in the folder or below."""
    import pandas as pd  # late: the list of corpora does without

    found = sorted(Path(folder).glob("**/tabulatedVotes.csv"))
    if not found:
        return None
    table = pd.read_csv(found[0], index_col=0)
    # Votes on the voice, the face and both have 1, 2 and 3 as first digit.
    table = table[table.index // 100000 == 1].set_index("fileName")
    letters = {code[0]: emotion for code, emotion in EMOTIONS.items()}
    return table[[*letters]].rename(columns=letters)


CORPUS = Corpus(
    name="CREMA-D",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "actor_sentence_emotion_level", EMOTIONS, GENDERS
    ),
    protocol="kfold",  # EmoBox's split shares speakers
    folds=FOLDS,
    speakers=ACTORS,
    votes=read_votes,
    clips=dict.fromkeys(EMOTIONS.values(), 1271) | {"neutral": 1087},
    defects=dict.fromkeys(TWINS, "identical audio under two labels"),
    language="English",
    licence="Open Database License 1.0",
    address="https://github.com/CheyneyComputerScience/CREMA-D",
    citation="Cao et al. (2014), https://doi.org/10.1109/TAFFC.2014.2336244",
)
