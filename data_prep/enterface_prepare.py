"""eNTERFACE'05, the audio-visual emotion database: the audio of its videos,
which must be there as WAV files with the names of the AVI files."""

import re

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

EMOTIONS = {
    "an": "anger",
    "di": "disgust",
    "fe": "fear",
    "ha": "happiness",
    "sa": "sadness",
    "su": "surprise",
}
# Such as subject 1/anger/sentence 1/s1_an_1.wav; also s_3_su_4 and s16_su_3avi
NAME = (
    r"s_?(?P<spk_id>[0-9]+)_(?P<emotion>[a-z]{2})(?:_(?P<sentence>[1-5]))?"
    r"(?:avi)?"
)


def describe(path):
    """Reads emotion and sentence, and the subject from a folder or the name:
    files of subjects 11 and 12 are both named s12."""
    clip = read_name(NAME, "subject_emotion_sentence", EMOTIONS, None, path)
    if clip["sentence"] is None:  # of subject 6
        raise ValueError("all sentences of an emotion in one recording")
    folders = "/".join(path.parts[:-1]).lower()
    folder = re.search(r"\bsubject ([0-9]+)\b", folders)
    subject = f"s{folder[1] if folder else clip['spk_id']}"
    sentence = f"{clip['emotion']} {clip['sentence']}"
    ID = f"{subject} {sentence}".replace(" ", "_")
    return clip | {"ID": ID, "spk_id": subject, "sentence": sentence}


CORPUS = Corpus(
    name="eNTERFACE05",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="kfold",  # EmoBox's split shares speakers
    speakers=tuple(f"s{number}" for number in range(1, 45) if number != 6),
    language="English",
    licence="free for research",
    address="https://enterface.net/enterface05/main.php?frame=emotion",
    citation="Martin et al. (2006), https://doi.org/10.1109/ICDEW.2006.145",
)
