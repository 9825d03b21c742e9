"""SAVEE, the Surrey Audio-Visual Expressed Emotion database."""

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
SPEAKERS = ("DC", "JE", "JK", "KL")

# Such as DC/a01.wav or DC_a01.wav. The number is not that of a sentence: those
# of neutral recur under other numbers.
NAME = (
    r"(?:(?P<spk_id>DC|JE|JK|KL)_)?"
    r"(?P<ID>(?P<emotion>sa|su|[adfhn])[0-9]{2})"
)


def describe(path):
    """Reads emotion and number, and the speaker from the name or a folder."""
    clip = read_name(NAME, "emotion and number", EMOTIONS, None, path)
    folders = [part.upper() for part in reversed(path.parts[:-1])]
    speakers = [part for part in (clip["spk_id"], *folders) if part in SPEAKERS]
    if not speakers:
        raise ValueError("no speaker in its name, nor in those of its folders")
    return clip | {
        "ID": f"{speakers[0]}_{clip['ID']}",
        "spk_id": speakers[0],
        "gender": "male",
    }


CORPUS = Corpus(
    name="SAVEE",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="emobox",
    folds=(("JE",), ("KL",), ("DC",), ("JK",)),
    speakers=SPEAKERS,
    clips=dict.fromkeys(EMOTIONS.values(), 60) | {"neutral": 120},
    language="English",
    licence="free for research, on request",
    address="http://kahlan.eps.surrey.ac.uk/savee/",
    citation="Haq & Jackson (2010), https://doi.org/10.4018/978-1-61520-919-4.ch017",
)
