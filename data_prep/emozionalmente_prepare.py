"""Emozionalmente, crowdsourced emotional speech in Italian."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from data_prep.corpus import Corpus
from data_prep.label_tables import read_tables

EMOTIONS = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "joy",
    "neutrality": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
SAMPLES = ("file_name", "sentence", "actor", "emotion_expressed")
USERS = ("username", "gender")


def describe(path, rows, genders):
    """Looks a file such as audio/1613655062436.wav up in samples.csv."""
    if path.stem not in rows:
        raise ValueError("not in samples.csv")
    row = rows[path.stem]
    emotion, gender = row["emotion_expressed"], genders.get(row["actor"])
    return {
        "spk_id": row["actor"][:8],  # of 64, and still different for each
        "gender": gender if gender in ("female", "male") else "unknown",
        "emotion": EMOTIONS.get(emotion, emotion),
        "sentence": row["sentence"],
    }


def open_tables(corpus, data_folder, options):
    """Reads samples.csv and users.csv."""
    samples, *_ = read_tables(corpus, data_folder, "samples.csv", SAMPLES)
    users, *_ = read_tables(corpus, data_folder, "users.csv", USERS)
    rows = {Path(row["file_name"]).stem: row for row in samples}
    genders = {user["username"]: user["gender"] for user in users}
    return replace(
        corpus, describe=partial(describe, rows=rows, genders=genders)
    )


CORPUS = Corpus(
    name="Emozionalmente",
    classes=tuple(EMOTIONS.values()),
    describe=None,
    protocol="kfold",  # EmoBox's split shares speakers
    clips=dict.fromkeys(EMOTIONS.values(), 986),
    language="Italian",
    licence="CC BY 4.0",
    address="https://zenodo.org/records/6569824",
    citation="Catania et al. (2025), https://doi.org/10.1109/TASLPRO.2025.3540662",
    names=r"[0-9]{13}",
    open=open_tables,
)
