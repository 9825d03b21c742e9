"""Anyone's data: a CSV or TSV file with a row for each clip."""

import csv
import os
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
SPLITS = {"dev": "valid", "val": "valid", "validation": "valid"}


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
    row = {k: v for k, v in rows[path.as_posix()].items() if k != "row"}
    return {"ID": path.with_suffix("").as_posix()} | row


def open_table(corpus, data_folder, options):
    """Reads the table.

    Arguments
    ---------
    corpus : Corpus
        That of this script.
    data_folder : pathlib.Path
        The file, or a folder that holds one CSV or TSV file. Paths in it are
        relative to its folder, or absolute and below it.
    options : dict
        With `columns`, such as "wav=file emotion=label spk_id=speaker".

    Returns
    -------
    Corpus
    """
    path = Path(os.path.abspath(find_table(data_folder)))
    rows, refused = read_table(path, name_columns(options["columns"]))
    for name, many in rows.items():
        first, labels = many[0], {row["emotion"] for row in many}
        number = first["row"]
        if not name:
            refused += [("", f"no path: row {row['row']}") for row in many]
        elif len(labels) > 1:
            refused.append((name, f"two labels for one path: row {number}"))
        elif not first["emotion"]:
            refused.append((name, f"no label: row {number}"))
        elif not os.path.isfile(path.parent / name):
            refused.append((name, f"no such file: row {number}"))
        else:
            refused += [
                (name, f"second row of one path: row {row['row']}")
                for row in many[1:]
            ]
            continue
        rows[name] = None
    rows = {name: many[0] for name, many in rows.items() if many}
    counts = Counter(row["emotion"] for row in rows.values())
    rare = {emotion for emotion, n in counts.items() if n < MIN_CLIPS}
    refused += [
        (
            name,
            f"unknown label, with fewer than {MIN_CLIPS} clips: {row['emotion']}",
        )
        for name, row in rows.items()
        if row["emotion"] in rare
    ]
    rows = {n: row for n, row in rows.items() if row["emotion"] not in rare}
    classes = tuple(sorted(set(counts) - rare))
    if len(classes) < 2:
        reasons = Counter(reason.split(":")[0] for _, reason in refused)
        raise RecipeError(
            f"{path} has {len(classes)} labels with {MIN_CLIPS} clips or more "
            f"({', '.join(classes)}; rows refused: {dict(reasons)}): expected "
            "two or more, and paths that are relative to the table's folder."
        )
    # Where files are not below the table, what all have in common is the root.
    paths = {name: os.path.abspath(path.parent / name) for name in rows}
    root = str(path.parent)
    if any(os.path.commonpath([root, file]) != root for file in paths.values()):
        root = os.path.commonpath([os.path.dirname(p) for p in paths.values()])
    rows = {
        Path(paths[name]).relative_to(root).as_posix(): row
        for name, row in rows.items()
    }
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
    for pair in columns.split():
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
        From each path to the rows that have it, each a dict of the columns
        of `DEFAULTS` but the path, and the number of its `row`.
    refused : list of (str, str)
        Rows that are none, and the reason.
    """
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    rows, refused = {}, []
    try:
        # Bytes that are no UTF-8 spoil their row only.
        with open(
            path, encoding="utf-8-sig", errors="replace", newline=""
        ) as f:
            reader = csv.DictReader(f, delimiter=separator)
            check_columns(path, names, reader.fieldnames or [])
            for row in reader:
                number = reader.line_num
                if None in row or None in row.values():
                    reason = f"more or fewer values than columns: row {number}"
                    refused.append((row[names["wav"]] or "", reason))
                    continue
                row = {
                    what: row.get(n, "").strip() for what, n in names.items()
                }
                name = row.pop("wav").replace("\\", "/")
                row["emotion"] = row["emotion"].lower()
                row["spk_id"] = row["spk_id"] or "unknown"
                row["gender"] = GENDERS.get(row["gender"].lower(), "unknown")
                split = row["split"].lower()
                row["split"] = SPLITS.get(split, split)
                rows.setdefault(name, []).append(row | {"row": number})
    except (OSError, csv.Error) as error:
        raise RecipeError(
            f"{path} cannot be read as a table ({error}): expected UTF-8 with "
            "a line of column names, commas between (tabs in a .tsv)."
        ) from error
    return rows, refused


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
