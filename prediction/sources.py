"""What AUDIO on a command line means: files, folders, patterns and tables."""

import csv
import functools
import glob
import os
from itertools import chain

from prediction.output import import_pyarrow
from ser.errors import RecipeError
from ser.names import UNKNOWN, compile_speaker_pattern

# What libsndfile reads and recordings are kept in.
AUDIO_ENDINGS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"),
    *(".aifc", ".au", ".caf", ".w64", ".rf64", ".sph"),
)
TABLE_ENDINGS = (".csv", ".tsv", ".parquet")
COLUMNS = ("path", "wav", "file", "filename")  # the first that there is


def find_speakers(paths, names, column=None, pattern=None):
    """Finds who speaks in files, in the tables that name them or in their paths.

    Arguments
    ---------
    paths : list of str
        Of the files, as `find_audio` returns them.
    names : list of str
        As for `find_audio`.
    column : str or None
        Of the tables, with the speaker; capitals do not matter.
    pattern : str or None
        A regular expression with one group, the speaker, in a path whose
        folders are parted by "/".

    Returns
    -------
    list of str or None
        The speaker of each file, "unknown" where there is none; None without a
        column and a pattern.

    Raises
    ------
    RecipeError
        If a table has no such column, the pattern is none, or no speaker is
        found.
    """
    if pattern:
        regex = compile_speaker_pattern(pattern)
        slashed = (path.replace(os.sep, "/") for path in paths)
        found = [
            match[1] if (match := regex.search(p)) else "" for p in slashed
        ]
    elif column:
        clips = chain.from_iterable(expand(name, column) for name in names)
        speakers = {}
        for path, _, who in clips:
            real = os.path.realpath(path)
            if who and speakers.setdefault(real, who) != who:
                raise RecipeError(
                    f"{path} has two speakers in the column '{column}', "
                    f"{speakers[real]} and {who}: correct the tables."
                )
        found = [speakers.get(os.path.realpath(path)) for path in paths]
    else:
        return None
    if not any(found):
        raise RecipeError(
            f"no speaker was found by '{pattern or column}' in {len(paths)} "
            "files: expected a pattern that finds one in their paths, or a "
            "column of the CSV, TSV or Parquet tables that name them."
        )
    return [speaker or UNKNOWN for speaker in found]


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
    for path, reason, _ in chain.from_iterable(map(expand, names)):
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


def expand(name, column=None):
    """Yields the path, the reason as `find_audio` does, and the speaker in a
    column of a table or "", of all that one name stands for."""
    if os.path.isdir(name):
        for path, reason in search_folder(name):
            yield path, reason, ""
    elif name.lower().endswith(TABLE_ENDINGS) and os.path.isfile(name):
        yield from read_table(name, column)
    elif glob.has_magic(name) and not os.path.lexists(name):
        matches = sorted(glob.glob(name, recursive=True))
        for match in matches:
            yield from expand(match, column)
        if not matches:
            yield name, "nothing matches this pattern", ""
    else:
        yield name, "", ""


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


def read_table(table, column):
    """Yields the paths in a table, relative to its folder, or to the current
    one if they are there, and with each a reason and the speaker."""
    parquet = table.lower().endswith(".parquet")
    read = read_parquet if parquet else read_csv
    for place, path, speaker in read(table, column):
        if not path.strip() or "\0" in path:
            yield f"{table}: {place}", "no path", ""
            continue
        here = os.path.join(os.path.dirname(table), path)
        if not os.path.lexists(here) and os.path.lexists(path):
            here = path
        yield here, "", speaker.strip()


def read_csv(table, speaker_column):
    """Yields the line, the path and the speaker of each row of a CSV or TSV
    file."""
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
            speaker = find_column(table, columns, speaker_column)
            if columns[column].lower().endswith(AUDIO_ENDINGS):
                yield "line 1", columns[column], ""  # a list without a header
            for row in filter(None, rows):
                if len(row) != len(columns):
                    raise RecipeError(
                        f"{table} has {len(row)} values in line "
                        f"{rows.line_num} and {len(columns)} columns: put "
                        "values that hold a separator into quotes."
                    )
                who = "" if speaker is None else row[speaker]
                yield f"line {rows.line_num}", row[column], who
        except csv.Error as error:
            raise RecipeError(f"{table} is no table ({error}).") from error


def read_parquet(table, speaker_column):
    """Yields the number, the path and the speaker of each row of a Parquet
    file."""
    pyarrow = import_pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(table) as file:
            columns = file.schema_arrow.names
            places = [choose_column(table, columns)]
            if speaker_column:
                places.append(find_column(table, columns, speaker_column))
            names = [columns[place] for place in places]
            rows = file.read(columns=names).select(names).to_pydict()
    except pyarrow.ArrowException as error:
        raise RecipeError(f"{table} is no table ({error}).") from error
    rows = zip(*rows.values())
    for number, (path, *speaker) in enumerate(rows, start=1):
        who = "" if not speaker or speaker[0] is None else str(speaker[0])
        yield f"row {number}", str(path or ""), who


def find_column(table, columns, name):
    """Finds a column by its name, whose capitals do not matter; None if no name
    is given."""
    if not name:
        return None
    names = [column.strip().lower() for column in columns]
    if name.lower() not in names:
        raise RecipeError(
            f"{table} has no column '{name}': expected one of "
            f"{', '.join(columns)}."
        )
    return names.index(name.lower())


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
