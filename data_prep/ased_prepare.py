"""ASED, the Amharic Speech Emotion Dataset."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "n": "neutral",
    "f": "fear",
    "h": "happy",
    "s": "sad",
    "S": "sad",  # one name, S4-04-02-01-29, has a capital
    "a": "angry",
}
CLIPS = {"neutral": 522, "fear": 510, "happy": 486, "sad": 470, "angry": 486}
SPEAKERS = tuple(f"{number:02}" for number in range(1, 66))
FEMALE = (*SPEAKERS[:37:2], *"43 47 48 49 58 62".split())
GENDERS = dict.fromkeys(SPEAKERS, "male") | dict.fromkeys(FEMALE, "female")
# One of each speaker; which of the two codes is wrong cannot be known.
DOUBTFUL = """f2-01-01-02-15 f2-02-01-02-25 f2-07-02-02-21 s4-01-02-02-09
s4-04-01-02-23""".split()

# Such as 05Angry/a5-03-01-02-50.wav. Emotions share two of the sentences, and
# the others have numbers that recur, so that the number keeps both together.
NAME = (
    r"(?P<emotion>[A-Za-z])[1-5]-(?P<sentence>0[1-7])-0[12]-0[12]"
    r"-(?P<spk_id>[0-9]{2})"
)

CORPUS = Corpus(
    name="ASED",
    classes=tuple(CLIPS),
    describe=partial(
        read_name, NAME, "emotion-sentence-take-sex-speaker", EMOTIONS, GENDERS
    ),
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=SPEAKERS,
    clips=CLIPS,
    defects=dict.fromkeys(DOUBTFUL, "speaker and sex contradict each other"),
    language="Amharic",
    licence="not stated",
    address="https://github.com/wgwangang/ASED_V1",
    citation="Retta et al. (2023), https://doi.org/10.1145/3529759",
)
