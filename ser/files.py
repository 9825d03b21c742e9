"""Files and folders that are written whole or not at all."""

import contextlib
import os
import shutil
from pathlib import Path


@contextlib.contextmanager
def written_whole(path):
    """Moves a file or a folder into place once it is complete, so that a
    killed program or a full disk leaves nothing half written.

    Arguments
    ---------
    path : str or pathlib.Path
        Where it goes; the folder that holds it is made.

    Yields
    ------
    pathlib.Path
        A path beside it, to which a file or a folder is written. A folder that
        another process has put into place meanwhile is kept.

    Example
    -------
    >>> path = Path(getfixture("tmpdir")) / "new" / "a.txt"
    >>> with written_whole(path) as unfinished:
    ...     _ = unfinished.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    _remove(unfinished)  # of a killed process that had the same number
    try:
        yield unfinished
        try:
            os.replace(unfinished, path)
        except OSError:
            if not (unfinished.is_dir() and path.is_dir()):
                raise
    finally:
        _remove(unfinished)


def _remove(path):
    """Removes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def write_text(text, path):
    """Writes a text file whole, with the same bytes on any system.

    Arguments
    ---------
    text : str
        The content.
    path : str or pathlib.Path
        Where it goes.
    """
    with written_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def to_csv(table, path=None):
    """Makes the text of a table (pandas.DataFrame), without its index, or writes it
    to a path if one is given."""
    return table.to_csv(path, index=False, lineterminator="\n")


def write_csv(table, path):
    """Writes a table as `write_text` does, without its index.

    Arguments
    ---------
    table : pandas.DataFrame
        The content.
    path : str or pathlib.Path
        Where it goes.
    """
    with written_whole(path) as unfinished:
        # Not as one text, which takes more memory than the table.
        to_csv(table, unfinished)


def as_text(path):
    """Writes bytes of a path that are not Unicode as escapes.

    Arguments
    ---------
    path : str
        As the system knows it.

    Returns
    -------
    str
        What UTF-8 can hold.

    Example
    -------
    >>> print(as_text(os.fsdecode(b"caf\\xe9.wav")))
    caf\\udce9.wav
    """
    return path.encode("utf-8", "backslashreplace").decode()
