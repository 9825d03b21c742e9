"""ASVP-ESD, emotional sounds from films, television and web sites."""

from functools import partial

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "01": "boredom",
    "02": "neutral",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
    "09": "excited",
    "10": "pleasure",
    "11": "pain",
    "12": "disappointment",
}  # 13 is breath
CLASSES = tuple(EMOTIONS.values())
SPEECH = (98, 1314, 613, 551, 1064, 170, 190, 492, 270, 35, 54, 288)
ALL = (548, 1598, 1868, 2694, 1453, 1180, 899, 1586, 401, 365, 834, 365)

# Such as Audio/actor_37/03-02-03-01-07-37-02-02-01-33.wav; language and more
# may follow the source
NAME = (
    r"03-(?P<channel>0[12])-(?P<emotion>[0-9]{2})-[0-9]+-[0-9]+"
    r"-(?P<spk_id>[0-9]+)(?: ?-[0-9]+){2,6}"
)
FORM = "modality-channel-emotion-intensity-number-actor-age-source"


def describe(path, channels=("01",)):
    """Reads emotion and actor, of whom odd ones are female; channel 01 is
    speech, and 02 laughter, crying and other sounds."""
    clip = read_name(NAME, FORM, EMOTIONS, None, path)
    if clip.pop("channel") not in channels:
        raise ValueError("not speech")
    actor = int(clip["spk_id"])
    if 1 <= actor <= 128:  # 0, 150 and 200 are outside that numbering
        clip["gender"] = "female" if actor % 2 else "male"
    return clip


CORPUS = Corpus(
    name="ASVP-ESD",
    classes=CLASSES,
    describe=describe,
    protocol="kfold",  # EmoBox's split shares speakers
    clips=dict(zip(CLASSES, SPEECH)),
    language="Mandarin, English, French, Russian and others",
    licence="as its page states",
    address="https://zenodo.org/records/7132783",
    citation="Landry et al. (2020), https://doi.org/10.5281/zenodo.7132783",
    variants={
        "all": {
            "name": "ASVP-ESD with sounds that are not speech",
            "describe": partial(describe, channels=("01", "02")),
            "clips": dict(zip(CLASSES, ALL)),
        },
    },
)
