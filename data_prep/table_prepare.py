"""Any data: a CSV or TSV file with a row for each clip."""

import csv
import io
import os
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from data_prep.corpus import Corpus
from ser.errors import RecipeError

# What a column may be, and its name unless --columns gives another.
COLUMNS = ("wav", "emotion", "spk_id", "gender", "sentence", "split")
MIN_CLIPS = 3  # of a class, one for each split: rarer labels are typos
GENDERS = {"f": "female", "m": "male", "female": "female", "male": "male"}
SPLITS = dict.fromkeys(("dev", "val", "validation", "development"), "valid")
SPLITS |= {"training": "train", "eval": "test", "evaluation": "test"}
MAX_LINES = 50  # of one row
csv.field_size_limit(2**30)  # a cell without end spoils only its row


def describe(path, rows):
    """Looks up a file in the rows of the table."""
    return {"ID": path.with_suffix("").as_posix(), **rows[path.as_posix()]}


def open_table(corpus, data_folder, options):
    """Reads the table: the data folder is the file, or holds one CSV or TSV
    file. Paths in it are absolute, or relative to its folder."""
    path = data_folder
    if not path.is_file():
        tables = sorted(
            path
            for path in data_folder.glob("*")
            if path.suffix.lower() in (".csv", ".tsv") and path.is_file()
        )
        if len(tables) != 1:
            names = ", ".join(path.name for path in tables)
            raise RecipeError(
                f"'{data_folder}' holds {len(tables)} CSV or TSV files "
                f"({names}): pass the path of the table as --data_folder."
            )
        path = tables[0]
    path = Path(os.path.abspath(path))
    rows, refused = read_table(path, name_columns(options["columns"]))
    counts = Counter(row["emotion"] for row in rows.values())
    classes = sorted(name for name, n in counts.items() if n >= MIN_CLIPS)
    for file in list(rows):
        if rows[file]["emotion"] not in classes:
            reason = f"unknown label, with fewer than {MIN_CLIPS} clips"
            refused.append((file, f"{reason}: {rows.pop(file)['emotion']}"))
    if len(classes) < 2:
        reasons = Counter(reason.split(":")[0] for _, reason in refused)
        raise RecipeError(
            f"{path} has {len(classes)} labels with {MIN_CLIPS} clips or more "
            f"({', '.join(classes)}; rows refused: {dict(reasons)}): expected "
            "two or more, and paths that are relative to the table's folder."
        )
    # If files are not below the table, what all have in common is the root.
    root = str(path.parent)
    if any(os.path.commonpath([root, file]) != root for file in rows):
        root = os.path.commonpath([os.path.dirname(file) for file in rows])

    def relative(file):
        """Writes a path as in manifests."""
        return Path(os.path.relpath(file, root)).as_posix() if file else ""

    rows = {relative(file): row for file, row in rows.items()}
    known = any(row["spk_id"] != "unknown" for row in rows.values())
    official = any(row["split"] == "test" for row in rows.values())
    return replace(
        corpus,
        classes=tuple(classes),
        describe=partial(describe, rows=rows),
        protocol="official" if official else "kfold" if known else "random",
        files=tuple(sorted(rows)),
        refused=tuple((relative(file), reason) for file, reason in refused),
        folder=Path(root),
    )


def name_columns(columns):
    """Reads which column is what; returns a dict from each of `COLUMNS` to its
    name in the table."""
    names = {what: what for what in COLUMNS}
    # A name may hold spaces: what follows one is a pair if it has a "=".
    for pair in re.split(r"[\s,]+(?=\w+=)", columns.strip()) if columns else ():
        what, _, name = pair.partition("=")
        if what not in COLUMNS or not name:
            raise RecipeError(
                f"columns is '{columns}': expected pairs such as wav=file "
                f"emotion=label, of {', '.join(COLUMNS)}."
            )
        names[what] = name
    return names


def read_table(path, names):
    """Reads the file; returns a dict from each absolute path to its row, and
    the path and reason of the rows that are refused."""
    try:
        # Bytes that are not UTF-8 spoil only their row.
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            lines = file.readlines()
    except OSError as error:
        raise RecipeError(
            f"{path} cannot be read ({error.strerror})."
        ) from error
    head = lines[0] if lines else ""
    separator = max(",\t;", key=head.count)
    columns = next(csv.reader([head], delimiter=separator), [])
    columns = [name.strip() for name in columns]
    missing = [
        name
        for what, name in names.items()
        if name not in columns and (what in ("wav", "emotion") or name != what)
    ]
    if missing:
        raise RecipeError(
            f"{path} has no column {', '.join(missing)}; it has "
            f"{', '.join(columns) or 'none'}: name the columns, such as "
            '--columns "wav=file emotion=label spk_id=speaker".'
        )
    found, refused = {}, []
    for number, values in read_rows(lines, separator, len(columns)):
        text = dict(zip(columns, values))
        row = {what: text.get(n, "").strip() for what, n in names.items()}
        name, split = row.pop("wav").replace("\\", "/"), row["split"].lower()
        file = os.path.normpath(path.parent / name) if name else ""
        row["emotion"] = row["emotion"].lower()
        row["spk_id"] = row["spk_id"] or "unknown"
        row["gender"] = GENDERS.get(row["gender"].lower(), "unknown")
        row["split"] = SPLITS.get(split, split)
        if len(values) != len(columns):
            reason = "more or fewer values than columns"
        elif "\ufffd" in "".join(values):
            reason = "not UTF-8"
        elif not name:
            reason = "no path"
        elif row["split"] not in ("", "train", "valid", "test"):
            reason = f"unknown split {row['split']}"
        else:
            found.setdefault(file, []).append((number, row))
            continue
        refused.append((file, f"{reason}: row {number}"))
    rows = {}
    for file, ((number, row), *others) in found.items():
        if any(other["emotion"] != row["emotion"] for _, other in others):
            refused.append((file, f"two labels for one path: row {number}"))
        elif not row["emotion"]:
            refused.append((file, f"no label: row {number}"))
        elif not os.path.isfile(file):
            refused.append((file, f"no such file: row {number}"))
        else:
            rows[file] = row
            refused += [
                (file, f"second row of one path: row {number}")
                for number, _ in others
            ]
    return rows, refused


def read_rows(lines, separator, number):
    """Yields the line, from 1, and the values of each row below the heading;
    unless there are `number` values, the row is broken. A cell may hold line
    breaks; a quote that is never closed spoils only its own line."""
    start = 1
    while start < len(lines):
        for end in range(start + 1, min(start + MAX_LINES, len(lines)) + 1):
            text = "".join(lines[start:end])
            if text.count('"') % 2 == 0:
                break
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
        whole = text.count('"') % 2 == 0 and [len(r) for r in rows] == [number]
        if end > start + 1 and not whole:
            end, rows = start + 1, [[lines[start]]]
        if rows and rows[0]:
            yield start + 1, rows[0]
        start = end


CORPUS = Corpus(
    name="a table of clips",
    classes=(),
    describe=None,
    protocol="random",  # official or kfold if the table tells more
    open=open_table,
)
