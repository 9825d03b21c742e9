"""JL-Corpus, emotional speech in New Zealand English."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

PRIMARY = ("angry", "sad", "neutral", "happy", "excited")
SECONDARY = ("anxious", "apologetic", "assertive", "concerned", "encouraging")

# Such as JL(wav+txt)/female1_angry_10a_1.wav
NAME = (
    r"(?P<spk_id>(?P<gender>female|male)[12])"
    r"_(?P<emotion>[a-z]+)_(?P<sentence>[0-9]+)[ab]_[0-9]"
)

CORPUS = Corpus(
    name="JL-Corpus",
    classes=PRIMARY,
    describe=partial(
        read_name, NAME, "speaker_emotion_sentence_take", None, None
    ),
    protocol="emobox",
    folds=(("male2",), ("female1",), ("male1",), ("female2",)),
    emobox_clips=False,  # EmoBox has the secondary emotions too
    speakers=("female1", "female2", "male1", "male2"),
    clips=dict.fromkeys(PRIMARY, 240),
    language="English",
    licence="CC0 1.0",
    address="https://www.kaggle.com/datasets/tli725/jl-corpus",
    citation="James et al. (2018), https://doi.org/10.21437/Interspeech.2018-1349",
    variants={
        "all": {
            "name": "JL-Corpus with its secondary emotions",
            "classes": PRIMARY + SECONDARY,
            "clips": dict.fromkeys(PRIMARY + SECONDARY, 240),
            "emobox_clips": True,
        },
    },
)
