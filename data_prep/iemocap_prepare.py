"""IEMOCAP, the Interactive Emotional Dyadic Motion Capture database."""

import re
from dataclasses import replace
from functools import partial
from glob import iglob
from pathlib import Path

from data_prep.corpus import Corpus
from ser.errors import RecipeError

# What the raters agreed on; there are also fru, sur, fea, dis, oth and, if
# they did not agree, xxx.
EMOTIONS = {
    "ang": "angry",
    "hap": "happy",
    "exc": "happy",
    "neu": "neutral",
    "sad": "sad",
}
FOLDS = tuple((f"Ses{n:02}F", f"Ses{n:02}M") for n in range(1, 6))
DIALOGUE = r"(Ses0[1-5])[FM]_((?:impro|script)[0-9]{2}(?:_[0-9])?)[a-z]?"


def describe(path, labels, scripted=True):
    """Reads session, dialogue and speaker from a name such as
    Ses01F_impro04_M003, and looks its label up."""
    if re.fullmatch(DIALOGUE, path.stem):
        raise ValueError("a whole dialogue, not an utterance")
    # The letter after the session says who wears the markers, not who speaks.
    name = re.fullmatch(DIALOGUE + r"_([FM])[0-9]{3}", path.stem)
    if not name:
        raise ValueError("name does not parse as dialogue and turn")
    if not scripted and name[2].startswith("script"):
        raise ValueError("scripted, not improvised")
    if path.stem not in labels:
        raise ValueError("no label in the files of EmoEvaluation")
    label = labels[path.stem]
    return {
        "spk_id": name[1] + name[3],
        "gender": "female" if name[3] == "F" else "male",
        "emotion": EMOTIONS.get(label, label),
        # Takes of a script are cut into other turns, and those of a scenario
        # share much of its words: what must stay together is all of it.
        "sentence": name[2],
    }


def open_labels(corpus, data_folder, options, scripted=True):
    """Reads the labels in the files of EmoEvaluation."""
    labels = {}
    # Transcripts, whose files have these names too, have other lines.
    line = re.compile(rf"^\[[^\]]+\]\t({DIALOGUE}_[FM]\w+)\t(\w+)\t\[", re.M)
    pattern = "**/Ses0[1-5][FM]_*.txt"
    for name in sorted(iglob(pattern, root_dir=data_folder, recursive=True)):
        if not re.fullmatch(DIALOGUE, Path(name).stem):
            continue  # of one rater, or motion capture
        text = (data_folder / name).read_text("utf-8", errors="replace")
        labels |= {found[1]: found[4] for found in line.finditer(text)}
    if not labels:
        raise RecipeError(
            f"no label of IEMOCAP in '{data_folder}': expected files such as "
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt in it or below; "
            "pass the folder that holds Session1 as --data_folder."
        )
    return replace(
        corpus, describe=partial(describe, labels=labels, scripted=scripted)
    )


CORPUS = Corpus(
    name="IEMOCAP",
    classes=("angry", "happy", "neutral", "sad"),
    describe=None,
    protocol="emobox",
    folds=FOLDS,
    speakers=tuple(speaker for fold in FOLDS for speaker in fold),
    clips={"angry": 1103, "happy": 595 + 1041, "neutral": 1708, "sad": 1084},
    language="English",
    licence="free for research, on request",
    address="https://sail.usc.edu/iemocap/",
    citation="Busso et al. (2008), https://doi.org/10.1007/s10579-008-9076-6",
    names=DIALOGUE + r"_[FM][0-9]{3}",
    open=open_labels,
    variants={
        "improvised": {
            "name": "IEMOCAP improvised",
            "clips": {"angry": 289, "happy": 947, "neutral": 1099, "sad": 608},
            "open": partial(open_labels, scripted=False),
        },
    },
)
