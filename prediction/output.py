"""Predictions as a table: on a terminal, in a pipe and in a file."""

import csv
import errno
import json
import os
import sys
import tempfile
from pathlib import Path

from ser.errors import RecipeError
from ser.files import written_whole

OUT_ENDINGS = (".csv", ".jsonl", ".parquet")
WITHOUT_SPEAKERS = (
    "the answers are then as for a speaker like the average of the training set"
)
TEXTS = ("path", "emotion", "note")  # the columns that are not numbers


def check_file(path):
    """Makes the folder of a file, and sees that the file can be written, so
    that no work is done in vain.

    Arguments
    ---------
    path : str
        The file; nothing is written to it yet.

    Raises
    ------
    OSError, RecipeError
        If the folder or the format cannot be written.
    """
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    if path.lower().endswith(".parquet"):
        import_pyarrow()


def write_table(out, columns, classes, rows):
    """Writes a file whole, prints a table on a terminal, or CSV in a pipe.

    Arguments
    ---------
    out : str or None
        The file, with one of `OUT_ENDINGS`; None is the standard output.
    columns, classes : list of str
        The names of the columns, and the classes among them.
    rows : list of tuple
        With None where there is no value.
    """
    if out:
        with written_whole(out) as unfinished:
            save_table(unfinished, Path(out).suffix.lower(), columns, rows)
    elif sys.stdout.isatty():
        print_table(columns, classes, rows)
    else:
        print_csv(columns, rows)


def print_table(columns, classes, rows):
    """Prints a table that fits the terminal. Its last column holds the top
    probabilities, or the note."""
    from rich.console import Console
    from rich.table import Table

    console, table = Console(), Table(box=None, pad_edge=False)
    table.add_column("path", overflow="fold", min_width=16)
    start = columns.index(classes[0])
    end = start + len(classes)
    for name in (*columns[1:start], *columns[end:-1]):
        table.add_column(name, no_wrap=True)
    table.add_column("top probabilities")
    shown = 2 if console.width < 100 else 3
    for row in rows:
        top = sorted(zip(row[start:end], classes), reverse=True)[:shown]
        text = "  ".join(f"{p:.2f} {name}" for p, name in top if p is not None)
        cells = (*row[:start], *row[end:-1], text or row[-1])
        table.add_row(*map(as_cell, cells))
    console.print(table)


def as_cell(value):
    """Makes what a terminal shows of a value."""
    from rich.text import Text

    text = f"{value:.2f}" if isinstance(value, float) else value or ""
    return Text(escaped(text))


def escaped(text):
    """Escapes what a terminal obeys: names may hold any character.

    Arguments
    ---------
    text : str
        Such as a path.

    Returns
    -------
    str
        What can be printed.

    Example
    -------
    >>> print(escaped("a\033[2J.wav"))
    a\\x1b[2J.wav
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def print_csv(columns, rows):
    """Prints CSV."""
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    try:
        write_csv(sys.stdout, columns, rows)
        sys.stdout.flush()
    except OSError as error:
        # The reader, such as head, has seen enough; Windows says EINVAL.
        if error.errno not in (errno.EPIPE, errno.EINVAL):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_csv(file, columns, rows):
    """Writes rows as CSV to an open file."""
    csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def save_table(path, ending, columns, rows):
    """Writes rows to a file in the format of an ending."""
    if ending == ".parquet":
        save_parquet(path, columns, rows)
        return
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        if ending == ".csv":
            write_csv(file, columns, rows)
            return
        for row in rows:
            line = json.dumps(dict(zip(columns, row)), ensure_ascii=False)
            file.write(line + "\n")


def save_parquet(path, columns, rows):
    """Writes rows as Parquet, with the types that an empty column has too."""
    pyarrow = import_pyarrow()
    types = [
        (name, pyarrow.string() if name in TEXTS else pyarrow.float64())
        for name in columns
    ]
    arrays = [
        pyarrow.array((row[number] for row in rows), kind)
        for number, (_, kind) in enumerate(types)
    ]
    table = pyarrow.table(arrays, pyarrow.schema(types))
    pyarrow.parquet.write_table(table, path)


def import_pyarrow():
    """Imports what reads and writes Parquet, with its module `parquet`.

    Returns
    -------
    module
        pyarrow.

    Raises
    ------
    RecipeError
        If it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise RecipeError(
            "Parquet needs a package that is not installed: run "
            "'pip install pyarrow', or use CSV."
        ) from error
    return pyarrow
