"""Polish, as EmoBox calls "Emotions in Polish speech recordings": single words."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {"a": "anger", "n": "neutral", "s": "fear"}

# Such as m3.s_trzymaj_5.wav
NAME = (
    r"(?P<spk_id>(?P<gender>m)[1-5])\.(?P<emotion>[a-z])"
    r"_(?P<sentence>[a-z]+)_[1-5]"
)

CORPUS = Corpus(
    name="Polish",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "speaker.emotion_word_take", EMOTIONS, None
    ),
    protocol="emobox",
    folds=(("m3",), ("m2",), ("m4",), ("m5",), ("m1",)),
    speakers=("m1", "m2", "m3", "m4", "m5"),
    clips=dict.fromkeys(EMOTIONS.values(), 150),
    language="Polish",
    licence="as its page states",
    address="https://mostwiedzy.pl/en/open-research-data/emotions-in-polish-speech-recordings,11190523461146169-0",
    citation="Mięsikowska & Świsulski (2020), https://doi.org/10.34808/h46c-hb44",
)
