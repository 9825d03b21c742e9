"""What AUDIO on a command line means: files, folders, patterns and tables."""

import csv
import functools
import glob
import os
from itertools import chain

from prediction.output import import_pyarrow
from ser.errors import RecipeError

# What libsndfile reads and recordings are kept in.
AUDIO_ENDINGS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"),
    *(".aifc", ".au", ".caf", ".w64", ".rf64", ".sph"),
)
TABLE_ENDINGS = (".csv", ".tsv", ".parquet")
COLUMNS = ("path", "wav", "file", "filename")  # the first that there is


def find_audio(names):
    """Finds the files that names stand for, in the order of the names.

    Arguments
    ---------
    names : list of str
        Files of any ending, folders (searched with all below them, links
        too), patterns with `*`, `?`, `[...]` or `**`, and CSV, TSV or Parquet
        tables of paths. A name that is there is no pattern.

    Returns
    -------
    list of (str, str)
        A path that opens from the current folder, and "" or the reason why
        there is nothing to open. A file that is named twice is listed once.

    Raises
    ------
    RecipeError
        If nothing is found, or a table cannot be read.

    Example
    -------
    >>> folder = getfixture("tmpdir").mkdir("calls")
    >>> _ = folder.join("a.wav").write("")
    >>> [os.path.basename(path) for path, _ in find_audio([str(folder)])]
    ['a.wav']
    """
    real_folder = functools.cache(os.path.realpath)
    found = {}
    for path, reason in chain.from_iterable(map(expand, names)):
        folder, file = os.path.split(path)
        file = os.path.normcase(os.path.join(real_folder(folder), file))
        found.setdefault((file, reason), (path, reason))
    found = list(found.values())
    if not any(not reason and os.path.exists(path) for path, reason in found):
        reasons = "; ".join({reason: "" for _, reason in found if reason})
        raise RecipeError(
            f"no audio was found by {', '.join(names[:3])}"
            f"{' ...' if names[3:] else ''}{reasons and f' ({reasons})'}: "
            "expected files, folders with files that end in "
            f"{' '.join(AUDIO_ENDINGS)}, patterns such as 'calls/*.wav', or "
            "CSV, TSV or Parquet tables with a column path."
        )
    return found


def expand(name):
    """Yields the path and the reason, as `find_audio` does, of all that one
    name stands for."""
    if os.path.isdir(name):
        yield from search_folder(name)
    elif name.lower().endswith(TABLE_ENDINGS) and os.path.isfile(name):
        yield from read_table(name)
    elif glob.has_magic(name) and not os.path.lexists(name):
        matches = sorted(glob.glob(name, recursive=True))
        for match in matches:
            yield from expand(match)
        if not matches:
            yield name, "nothing matches this pattern"
    else:
        yield name, ""


def search_folder(root):
    """Lists the audio files in a folder and below it, and what cannot be
    listed; hidden ones are passed over, as by patterns."""
    seen, found = set(), []
    for folder, below, files in os.walk(
        root,
        onerror=lambda error: found.append((error.filename, error.strerror)),
        followlinks=True,
    ):
        real = os.path.realpath(folder)
        if real in seen:  # links lead here twice
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if name[0] != ".")
        for file in sorted(files):
            if file[0] != "." and file.lower().endswith(AUDIO_ENDINGS):
                found.append((os.path.join(folder, file), ""))
    return found or [(root, "no audio in this folder")]


def read_table(table):
    """Yields the paths in a table: relative to its folder, or to the current
    one if they are there."""
    parquet = table.lower().endswith(".parquet")
    for place, path in (read_parquet if parquet else read_csv)(table):
        if not path.strip() or "\0" in path:
            yield f"{table}: {place}", "no path"
            continue
        here = os.path.join(os.path.dirname(table), path)
        if not os.path.lexists(here) and os.path.lexists(path):
            here = path
        yield here, ""


def read_csv(table):
    """Yields the line and the path of each row of a CSV or TSV file."""
    # Names of files may be any bytes, and this keeps them as Python does.
    with open(
        table, encoding="utf-8-sig", errors="surrogateescape", newline=""
    ) as file:
        head = file.readline()
        file.seek(0)
        tabs = table.lower().endswith(".tsv")
        separator = "\t" if tabs else max(",;\t", key=head.count)
        rows = csv.reader(file, delimiter=separator)
        try:
            columns = next(rows, [])
            column = choose_column(table, columns)
            if columns[column].lower().endswith(AUDIO_ENDINGS):
                yield "line 1", columns[column]  # a list without a header
            for row in filter(None, rows):
                if len(row) != len(columns):
                    raise RecipeError(
                        f"{table} has {len(row)} values in line "
                        f"{rows.line_num} and {len(columns)} columns: put "
                        "values that hold a separator into quotes."
                    )
                yield f"line {rows.line_num}", row[column]
        except csv.Error as error:
            raise RecipeError(f"{table} is no table ({error}).") from error


def read_parquet(table):
    """Yields the number and the path of each row of a Parquet file."""
    pyarrow = import_pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(table) as file:
            columns = file.schema_arrow.names
            name = columns[choose_column(table, columns)]
            paths = file.read(columns=[name])[name].to_pylist()
    except pyarrow.ArrowException as error:
        raise RecipeError(f"{table} is no table ({error}).") from error
    for number, path in enumerate(paths, start=1):
        yield f"row {number}", str(path or "")


def choose_column(table, columns):
    """Chooses the column with the paths."""
    if len(columns) == 1:
        return 0
    names = [name.strip().lower() for name in columns]
    for name in COLUMNS:
        if name in names:
            return names.index(name)
    raise RecipeError(
        f"{table} has the columns {', '.join(columns) or '(none)'}: expected "
        f"one with paths, named {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}."
    )
