"""MyCorpus; until it is filled in, the built-in corpus."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.demo_prepare import make
from data_prep.file_names import read_name

# FILL IN 1, the classes: from what a name holds to the name of the emotion, in
# the order of the classifier's outputs.
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}

# FILL IN 2, the names of files, such as 03-01-05-01-02-01-01.wav: `read_name`
# has all that they may tell. If folders tell something, as the emotion does in
# angry/anna_01.wav, pass a function of your own as `describe`:
#     def describe(path):  # raises ValueError, with the reason, for other files
#         return {
#             "ID": f"{path.parts[0]}_{path.stem}",  # if names are not unique
#             "spk_id": path.stem.split("_")[0],
#             "gender": "unknown",
#             "emotion": EMOTIONS[path.parts[0]],
#             "sentence": "",
#         }
NAME = (
    r"03-01-(?P<emotion>[0-9]{2})-01-(?P<sentence>[0-9]{2})-[0-9]{2}"
    r"-(?P<spk_id>[0-9]{2})"
)

# FILL IN 3, the facts: preparation checks `speakers` and `clips`; reports and
# the recipe's README give the others.
CORPUS = Corpus(
    name="MyCorpus",
    classes=tuple(EMOTIONS.values()),
    describe=partial(
        read_name, NAME, "seven numbers of two digits", EMOTIONS, None
    ),
    # kfold, loso and emobox (with `folds`) need three speakers or more: one
    # each to train, validate and test. With fewer there is random.
    protocol="kfold",
    speakers=(),  # such as ("01", "02", "03"), if they are known
    clips={},  # such as {"neutral": 96, "calm": 192}, if they are known
    language="FILL IN",
    licence="FILL IN",
    address="https://example.org/FILL-IN",
    citation="FILL IN (2026), https://example.org/FILL-IN",
    # FILL IN 4, the data: take out the two below and the import of `make`.
    make=make,
    notice="This is the built-in corpus: its score says nothing about real "
    "speech.",
)
