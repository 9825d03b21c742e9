"""nEMO, emotional speech in Polish."""

import csv
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from data_prep.corpus import Corpus
from data_prep.label_tables import read_tables

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
CLIPS = (749, 736, 749, 809, 769, 669)
# Those of data.tsv, and what they are to us
COLUMNS = {
    "file_id": "ID",
    "emotion": "emotion",
    "normalized_text": "sentence",
    "speaker_id": "spk_id",
    "gender": "gender",
}


def describe(path, rows):
    """Looks a file such as samples/EB0_anger_1.wav up in data.tsv."""
    if path.stem not in rows:
        raise ValueError("not in data.tsv")
    return rows[path.stem]


def open_table(corpus, data_folder, options):
    """Reads data.tsv, which is in the data folder or below."""
    # Quotation marks are those of the texts.
    dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE}
    tables = read_tables(corpus, data_folder, "data.tsv", COLUMNS, **dialect)
    rows = {}
    for row in chain(*tables):
        # Some values begin with spaces.
        clip = {
            ours: (row[name] or "").strip() for name, ours in COLUMNS.items()
        }
        clip["ID"] = Path(clip["ID"]).stem
        rows[clip["ID"]] = clip
    return replace(corpus, describe=partial(describe, rows=rows))


CORPUS = Corpus(
    name="nEMO",
    classes=EMOTIONS,
    describe=None,
    protocol="loso",
    speakers=tuple("EB0 IC0 KD0 KS0 MK0 MP0 SM0 TP0 WR0".split()),
    clips=dict(zip(EMOTIONS, CLIPS)),
    language="Polish",
    licence="CC BY-NC-SA 4.0",
    address="https://github.com/amu-cai/nEMO",
    citation="Christop (2024), https://doi.org/10.48550/arXiv.2404.06292",
    names=r"[A-Z]{2}[0-9]_[a-z]+_[0-9]+",
    open=open_table,
)
