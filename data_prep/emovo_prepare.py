"""EMOVO, the Italian emotional speech database."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "dis": "disgust",
    "gio": "joy",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
# Such as f1/dis-f1-b1.wav
NAME = (
    r"(?P<emotion>[a-z]{3})-(?P<spk_id>(?P<gender>[fm])[123])"
    r"-(?P<sentence>[bdln][1-5])"
)

CORPUS = Corpus(
    name="EMOVO",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "emotion-speaker-sentence", EMOTIONS, None
    ),
    protocol="emobox",
    folds=(("f2",), ("m3",), ("m2",), ("f3",), ("f1",), ("m1",)),
    speakers=("f1", "f2", "f3", "m1", "m2", "m3"),
    clips=dict.fromkeys(EMOTIONS.values(), 84),
    language="Italian",
    licence="free for research",
    address="http://voice.fub.it/activities/corpora/emovo/index.html",
    citation="Costantini et al. (2014), https://aclanthology.org/L14-1478",
)
