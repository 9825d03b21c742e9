"""TurEV-DB, the Turkish Emotion Voice Database: words."""

from data_prep.corpus import Corpus
from data_prep.file_names import read_name

# kızgın, sakin, mutlu and hüzünlü
EMOTIONS = {"kz": "angry", "sk": "calm", "mt": "happy", "hl": "sad"}
CLIPS = (487, 408, 357, 483)

# Such as Sound Source/Angry/1984_kz_sevgi.wav; one, 7895_hl_ogul1, ends in a
# digit
NAME = r"(?P<spk_id>[0-9]{4})_(?P<emotion>[a-z]{2})_(?P<sentence>[a-z]+)[0-9]?"


def describe(path):
    """Reads speaker, emotion and word."""
    folders = [part.lower() for part in path.parts[:-1]]
    if "model output for test data" in folders:
        raise ValueError("a filtered copy of a clip")
    return read_name(NAME, "speaker_emotion_word", EMOTIONS, None, path)


CORPUS = Corpus(
    name="TurEV-DB",
    classes=tuple(EMOTIONS.values()),
    describe=describe,
    protocol="loso",  # EmoBox's split shares speakers
    speakers=("1157", "1234", "1358", "1984", "6783", "7895"),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="Turkish",
    licence="CC BY-NC-ND 4.0",
    address="https://github.com/Xeonen/TurEV-DB",
    citation="Canpolat et al. (2020), https://aclanthology.org/2020.sltu-1.52",
)
