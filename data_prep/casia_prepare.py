"""CASIA, the Mandarin emotional speech corpus of the Institute of Automation."""

from data_prep.corpus import Corpus

EMOTIONS = ("angry", "fear", "happy", "neutral", "sad", "surprise")
# In the order of EmoBox's four folds, https://github.com/emo-box/EmoBox
SPEAKERS = ("wangzhe", "zhaozuoxiang", "liuchanhg", "zhaoquanyin")
TEXTS = tuple(str(number) for number in range(201, 251))


def describe(path):
    """Reads a path such as wangzhe/neutral/239.wav, whose number is that of
    the text: all speakers say it in all emotions."""
    if path.stem not in TEXTS:
        raise ValueError("name does not parse as a number from 201 to 250")
    folders = [part.lower() for part in reversed(path.parts[:-1])]
    speakers = [part for part in folders if part in SPEAKERS]
    emotions = [part for part in folders if part in EMOTIONS]
    if not speakers or not emotions:
        raise ValueError("its folders do not name a speaker and an emotion")
    return {
        "ID": f"{speakers[0]}_{emotions[0]}_{path.stem}",
        "spk_id": speakers[0],
        "gender": "unknown",
        "emotion": emotions[0],
        "sentence": path.stem,
    }


CORPUS = Corpus(
    name="CASIA",
    classes=EMOTIONS,
    describe=describe,
    protocol="emobox",
    folds=tuple((speaker,) for speaker in SPEAKERS),
    speakers=SPEAKERS,
    clips=dict.fromkeys(EMOTIONS, 200),
    language="Mandarin",
    licence="not stated",
    address="https://aistudio.baidu.com/datasetdetail/209512",
    citation="Institute of Automation, Chinese Academy of Sciences, "
    "http://www.chineseldc.org/resource_info.php?rid=76",
)
