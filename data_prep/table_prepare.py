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
REQUIRED = ("wav", "emotion")
MIN_CLIPS = 3  # of a class, one for each split: rarer labels are typos
GENDERS = {"f": "female", "m": "male", "female": "female", "male": "male"}
SPLITS = dict.fromkeys(("dev", "val", "validation", "development"), "valid")
SPLITS |= {"training": "train", "eval": "test", "evaluation": "test"}
MAX_LINES = 50  # of one row


def describe(path, rows):
    """Looks up a file in the rows of the table."""
    return {"ID": path.with_suffix("").as_posix(), **rows[path.as_posix()]}


def open_table(corpus, data_folder, options):
    """Reads the table.

    Arguments
    ---------
    corpus : Corpus
        That of this script.
    data_folder : pathlib.Path
        The file, or a folder that holds one CSV or TSV file. Paths in it are
        relative to its folder, or absolute.
    options : dict
        With `columns`, such as "wav=file emotion=label spk_id=speaker".

    Returns
    -------
    Corpus
    """
    path = Path(os.path.abspath(find_table(data_folder)))
    found, refused = read_table(path, name_columns(options["columns"]))
    rows, unfit = one_row_each(found)
    refused += unfit
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
    # Where files are not below the table, what all have in common is the root.
    root = str(path.parent)
    if any(os.path.commonpath([root, file]) != root for file in rows):
        root = os.path.commonpath([os.path.dirname(file) for file in rows])
    rows = {relative(file, root): row for file, row in rows.items()}
    known = any(row["spk_id"] != "unknown" for row in rows.values())
    official = any(row["split"] == "test" for row in rows.values())
    return replace(
        corpus,
        classes=tuple(classes),
        describe=partial(describe, rows=rows),
        protocol="official" if official else "kfold" if known else "random",
        files=tuple(sorted(rows)),
        refused=tuple((relative(file, root), why) for file, why in refused),
        folder=Path(root),
    )


def relative(file, root):
    """Makes a path relative, with forward slashes, as in manifests."""
    return Path(os.path.relpath(file, root)).as_posix() if file else ""


def one_row_each(found):
    """Chooses a row for each file; returns them, and the path and reason of
    the others."""
    rows, refused = {}, []
    for file, many in found.items():
        first, *others = many
        number = first.pop("row")
        if len({row["emotion"] for row in many}) > 1:
            refused.append((file, f"two labels for one path: row {number}"))
        elif not first["emotion"]:
            refused.append((file, f"no label: row {number}"))
        elif not os.path.isfile(file):
            refused.append((file, f"no such file: row {number}"))
        else:
            rows[file] = first
            refused += [
                (file, f"second row of one path: row {row['row']}")
                for row in others
            ]
    return rows, refused


def find_table(data_folder):
    """Finds the path of the table."""
    if data_folder.is_file():
        return data_folder
    tables = sorted(
        path
        for path in data_folder.glob("*")
        if path.suffix.lower() in (".csv", ".tsv")
    )
    if len(tables) != 1:
        names = ", ".join(path.name for path in tables)
        raise RecipeError(
            f"'{data_folder}' holds {len(tables)} CSV or TSV files ({names}): "
            "pass the path of the table as --data_folder."
        )
    return tables[0]


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
    """Reads the file; returns a dict from each absolute path to its rows,
    with the number of each as `row`, and the path and reason of broken ones."""
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
    check_columns(path, names, columns)
    rows, refused = {}, []
    for number, values in read_rows(lines, separator, len(columns)):
        text = dict(zip(columns, values))
        row = {what: text.get(n, "").strip() for what, n in names.items()}
        row = normalise(row)
        name = row.pop("wav")
        file = os.path.normpath(path.parent / name) if name else ""
        if len(values) != len(columns):
            reason = "more or fewer values than columns"
        elif "\ufffd" in "".join(values):
            reason = "not UTF-8"
        elif not name:
            reason = "no path"
        elif row["split"] not in ("", "train", "valid", "test"):
            reason = f"unknown split {row['split']}"
        else:
            rows.setdefault(file, []).append(row | {"row": number})
            continue
        refused.append((file, f"{reason}: row {number}"))
    return rows, refused


def normalise(row):
    """Writes the values of a row as manifests do."""
    split = row["split"].lower()
    return row | {
        "wav": row["wav"].replace("\\", "/"),
        "emotion": row["emotion"].lower(),
        "spk_id": row["spk_id"] or "unknown",
        "gender": GENDERS.get(row["gender"].lower(), "unknown"),
        "split": SPLITS.get(split, split),
    }


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


def check_columns(path, names, columns):
    """Raises where a column is missing that is needed or was named."""
    missing = [
        name
        for what, name in names.items()
        if name not in columns and (what in REQUIRED or name != what)
    ]
    if missing:
        raise RecipeError(
            f"{path} has no column {', '.join(missing)}; it has "
            f"{', '.join(columns) or 'none'}: name the columns, such as "
            '--columns "wav=file emotion=label spk_id=speaker".'
        )


CORPUS = Corpus(
    name="a table of clips",
    classes=(),
    describe=None,
    protocol="random",  # official or kfold where the table tells more
    open=open_table,
)
