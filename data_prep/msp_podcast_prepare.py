"""MSP-Podcast, spontaneous speech from podcasts."""

import csv
import os
import re
from dataclasses import replace
from functools import partial
from glob import iglob
from pathlib import Path

from data_prep.corpus import Corpus
from ser.errors import RecipeError
from ser.names import UNKNOWN

EMOTIONS = {
    "A": "angry",
    "H": "happy",
    "S": "sad",
    "N": "neutral",
    "U": "surprise",
    "F": "fear",
    "D": "disgust",
    "C": "contempt",
}
# As labels_detailed.csv spells them
HEARD = {name.capitalize(): name for name in EMOTIONS.values()}
ANSWERS = {"EmoClass_Major", "EmoDetail"}  # columns of it
REFUSED = {"O": "another emotion", "X": "raters did not agree on an emotion"}
SPLITS = {"Train": "train", "Development": "valid", "Validation": "valid"}
GENDERS = {"Female": "female", "Male": "male"}
COLUMNS = ("FileName", "EmoClass", "SpkrID", "Gender", "Split_Set")
NOTICE = "A score on MSP-Podcast holds for one release: "


def describe(path, rows, test):
    """Looks a file such as MSP-PODCAST_0001_0008.wav up in the labels, where
    `test` is the name of the test set, such as Test1."""
    if path.stem.startswith("MSP-PODCAST_test3_"):
        raise ValueError("in Test3, whose labels are not released")
    if path.stem not in rows:
        raise ValueError("not in labels_consensus.csv")
    _, label, speaker, gender, part = rows[path.stem]
    splits = SPLITS | {test: "test"}
    if part not in splits:
        raise ValueError(f"not in Train, Development or {test}: {part}")
    if label in REFUSED:
        raise ValueError(REFUSED[label])
    return {
        "spk_id": UNKNOWN if speaker in ("", "Unknown") else speaker,
        "gender": GENDERS.get(gender, "unknown"),
        "emotion": EMOTIONS.get(label, label),
        "sentence": "",  # spontaneous
        "split": splits[part],
    }


def find_release(path):
    """Finds the release in the folders of a file, such as 1.11."""
    words = r"(?:podcast|release|publish|\bv)\D*([0-9]+\.[0-9]+)"
    for part in reversed(path.parts[:-1]):
        found = re.search(words + r"|^([0-9]\.[0-9]+)$", part.lower())
        if found:
            return found[1] or found[2]
    return "unknown"


def read_votes(folder):
    """Counts what the raters heard in each clip; None unless a
    labels_detailed.csv with their answers is in the folder or below."""
    import pandas as pd  # late: the list of corpora does without

    for path in sorted(Path(folder).glob("**/labels_detailed.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if not ANSWERS & set(table) or "FileName" not in table:
            continue
        clip = table["FileName"].str.replace(r"\.\w+$", "", regex=True)
        if "EmoClass_Major" in table:  # 1.6, and 2.0 on
            heard = table["EmoClass_Major"]
        else:  # such as "WORKER00000193; Neutral; Neutral,Excited; A:5.000000;"
            heard = table["EmoDetail"].str.split(";").str[1]
        # Some wrote an emotion of their own, such as "Other-Annoyed".
        return pd.crosstab(clip, heard.str.strip().map(HEARD))


def open_labels(corpus, data_folder, options, test="Test1"):
    """Reads labels_consensus.csv, which is in the data folder or below."""
    name = "**/labels_consensus.csv"
    paths = sorted(iglob(name, root_dir=data_folder, recursive=True))
    paths = [data_folder / path for path in paths]
    if len({path.read_bytes() for path in paths}) != 1:
        raise RecipeError(
            f"{len(paths)} files labels_consensus.csv in '{data_folder}': "
            "expected one, in it or below, with the audio of one release of "
            "MSP-Podcast; pass that folder as --data_folder."
        )
    with open(paths[0], encoding="utf-8-sig", newline="") as f:
        reader = csv.DictReader(f)
        missing = set(COLUMNS) - set(reader.fieldnames or [])
        if missing:
            raise RecipeError(
                f"{paths[0]} has no column {', '.join(sorted(missing))}: "
                "expected the labels_consensus.csv of MSP-Podcast."
            )
        rows = {
            Path(row["FileName"]).stem: [
                (row[name] or "").strip() for name in COLUMNS
            ]
            for row in reader
        }
    release = find_release(Path(os.path.abspath(paths[0])))
    return replace(
        corpus,
        describe=partial(describe, rows=rows, test=test),
        notice=f"{NOTICE}here release {release}.",
    )


CORPUS = Corpus(
    name="MSP-Podcast",
    classes=tuple(EMOTIONS.values()),
    describe=None,
    protocol="official",
    language="English",
    licence="free for research, on request",
    address="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
    citation="Lotfian & Busso (2019), https://doi.org/10.1109/TAFFC.2017.2736999",
    names=r"MSP-PODCAST_(?:test3_)?[0-9_]+",
    open=open_labels,
    votes=read_votes,
    notice=NOTICE + "the data folder may name it.",
    variants={
        "test2": {
            "name": "MSP-Podcast Test2",
            "open": partial(open_labels, test="Test2"),
        },
    },
)
