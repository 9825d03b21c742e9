"""URDU, emotional speech from Urdu talk shows."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
FEMALE = tuple(f"SF{n}" for n in range(1, 12))
MALE = tuple(f"SM{n}" for n in (*range(1, 8), *range(17, 28)))

# Such as Angry/SM1_F01_A001.wav: the speaker, the number of the speaker's file
# (F is for file) and that of the emotion's. Speech is spontaneous, so that no
# sentence recurs.
NAME = r"(?P<spk_id>S(?P<gender>[FM])[0-9]+)_F[0-9]+_(?P<emotion>[A-Z])[0-9]+"

CORPUS = Corpus(
    name="URDU",
    classes=tuple(EMOTIONS.values()),
    describe=partial(read_name, NAME, "speaker_file_emotion", EMOTIONS, None),
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=FEMALE + MALE,
    clips=dict.fromkeys(EMOTIONS.values(), 100),
    language="Urdu",
    licence="not stated",
    address="https://github.com/siddiquelatif/urdu-dataset",
    citation="Latif et al. (2018), https://doi.org/10.1109/FIT.2018.00023",
)
