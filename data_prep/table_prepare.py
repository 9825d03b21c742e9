"""Anyone's data: a CSV or TSV file with a row for each clip."""

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

# What a column is to us, and its name unless --columns says another.
DEFAULTS = {
    "wav": "wav",
    "emotion": "emotion",
    "spk_id": "spk_id",
    "gender": "gender",
    "sentence": "sentence",
    "split": "split",
}
REQUIRED = ("wav", "emotion")
MIN_CLIPS = 3  # of a class, one for each split: rarer labels are slips
GENDERS = {"f": "female", "m": "male", "female": "female", "male": "male"}
SPLITS = dict.fromkeys(("dev", "val", "validation", "development"), "valid")
SPLITS |= {"training": "train", "eval": "test", "evaluation": "test"}
MAX_LINES = 50  # of one row


def describe(path, rows):
    """Looks a file up in the table.

    Arguments
    ---------
    path : pathlib.PurePath
        Relative to the table's folder.
    rows : dict
        From paths to what the table says.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion`, `sentence` and `split`.
    """
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
    rows = {}
    for file, many in found.items():
        labels = {row["emotion"] for row in many}
        number = many[0].pop("row")
        if len(labels) > 1:
            refused.append((file, f"two labels for one path: row {number}"))
        elif not many[0]["emotion"]:
            refused.append((file, f"no label: row {number}"))
        elif not os.path.isfile(file):
            refused.append((file, f"no such file: row {number}"))
        else:
            rows[file] = many[0]
            refused += [
                (file, f"second row of one path: row {row['row']}")
                for row in many[1:]
            ]
    counts = Counter(row["emotion"] for row in rows.values())
    rare = {emotion for emotion, n in counts.items() if n < MIN_CLIPS}
    for file in [f for f, row in rows.items() if row["emotion"] in rare]:
        reason = f"unknown label, with fewer than {MIN_CLIPS} clips"
        refused.append((file, f"{reason}: {rows.pop(file)['emotion']}"))
    classes = tuple(sorted(set(counts) - rare))
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
    refused = [(relative(file, root), reason) for file, reason in refused]
    known = any(row["spk_id"] != "unknown" for row in rows.values())
    official = any(row["split"] == "test" for row in rows.values())
    return replace(
        corpus,
        classes=classes,
        describe=partial(describe, rows=rows),
        protocol="official" if official else "kfold" if known else "random",
        files=tuple(sorted(rows)),
        refused=tuple(refused),
        folder=Path(root),
    )


def relative(file, root):
    """Gives a path as manifests do, relative and with forward slashes."""
    return Path(os.path.relpath(file, root)).as_posix() if file else ""


def find_table(data_folder):
    """Finds the table.

    Returns
    -------
    pathlib.Path
    """
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
    """Reads which column is what.

    Arguments
    ---------
    columns : str
        Such as "wav=file emotion=label".

    Returns
    -------
    dict
        From what a column is to its name.
    """
    names = dict(DEFAULTS)
    # A name may hold spaces: what follows one is a pair if it has a "=".
    for pair in re.split(r"[\s,]+(?=\w+=)", columns.strip()) if columns else ():
        what, _, name = pair.partition("=")
        if what not in DEFAULTS or not name:
            raise RecipeError(
                f"columns is '{columns}': expected pairs such as wav=file "
                f"emotion=label, of {', '.join(DEFAULTS)}."
            )
        names[what] = name
    return names


def read_table(path, names):
    """Reads the file as text.

    Arguments
    ---------
    path : pathlib.Path
        CSV, or TSV by its ending.
    names : dict
        From what a column is to its name.

    Returns
    -------
    rows : dict
        From each file, absolute, to the rows that have it, each a dict of the
        columns of `DEFAULTS` but the path, and the number of its `row`.
    refused : list of (str, str)
        Rows that are none, and the reason.
    """
    try:
        # Bytes that are no UTF-8 spoil their row only.
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            lines = file.readlines()
    except OSError as error:
        raise RecipeError(
            f"{path} cannot be read ({error.strerror})."
        ) from error
    head = lines[0] if lines else ""
    separator = max(",\t;", key=head.count)
    columns = [
        name.strip()
        for name in next(csv.reader([head], delimiter=separator), [])
    ]
    check_columns(path, names, columns)
    rows, refused = {}, []
    for number, values in read_rows(lines, separator, len(columns)):
        text = dict(zip(columns, values))
        row = {what: text.get(n, "").strip() for what, n in names.items()}
        name = row.pop("wav").replace("\\", "/")
        file = os.path.normpath(path.parent / name) if name else ""
        split = row["split"].lower()
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
            row["emotion"] = row["emotion"].lower()
            row["spk_id"] = row["spk_id"] or "unknown"
            row["gender"] = GENDERS.get(row["gender"].lower(), "unknown")
            rows.setdefault(file, []).append(row | {"row": number})
            continue
        refused.append((file, f"{reason}: row {number}"))
    return rows, refused


def read_rows(lines, separator, number):
    """Reads the rows below the heading. A cell may hold line breaks; a quote
    that is never closed spoils its own line only.

    Arguments
    ---------
    lines : list of str
        All of the file.
    separator : str
        Between cells.
    number : int
        Of columns.

    Yields
    ------
    line : int
        Where the row begins, from 1.
    values : list of str
        As many as there are columns, or the row is broken.
    """
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
    """Raises where a column that is asked for is not there.

    Arguments
    ---------
    path : pathlib.Path
        The table.
    names : dict
        From what a column is to its name.
    columns : list of str
        Those of the table.
    """
    missing = [
        name
        for what, name in names.items()
        if name not in columns and (what in REQUIRED or name != DEFAULTS[what])
    ]
    if missing:
        raise RecipeError(
            f"{path} has no column {', '.join(missing)}; it has "
            f"{', '.join(columns) or 'none'}: say which is what, such as "
            '--columns "wav=file emotion=label spk_id=speaker".'
        )


CORPUS = Corpus(
    name="a table of clips",
    classes=(),
    describe=None,
    protocol="random",  # official or kfold where the table says more
    open=open_table,
)
