"""Facts about audio files, kept on disk so that each file is read once."""

import hashlib
import os
import sqlite3
from pathlib import Path

from data_prep.defects import find_defect
from ser.errors import RecipeError

# Raise it with any change to what `find_defect` finds.
VERSION = 2

COLUMNS = ("duration", "sample_rate", "channels", "sha256", "reason")


class AudioIndex:
    """A file with the length, sampling rate, channels, hash and defect of
    audio files, valid for as long as a file's size and times are the same.

    Arguments
    ---------
    path : str or pathlib.Path
        The file, made if it is not there; it may be deleted at any time.

    Example
    -------
    >>> path = Path(getfixture("tmpdir")) / "a.wav"
    >>> _ = path.write_bytes(b"x")
    >>> with AudioIndex(path.with_name("index.sqlite")) as index:
    ...     facts, entry = read_facts(path, index.find([path]))
    ...     index.keep([entry])
    ...     read_facts(path, index.find([path])) == (facts, None)
    True
    >>> facts["reason"]
    'not audio'
    """

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # SQLite makes the threads of a process take turns.
            self.connection = sqlite3.connect(
                self.path, timeout=600, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error
        self._execute(
            "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY,"
            " stamp TEXT NOT NULL, duration REAL, sample_rate INTEGER,"
            " channels INTEGER, sha256 TEXT NOT NULL, reason TEXT)"
        )
        return self

    def __exit__(self, *error):
        self.connection.close()

    def find(self, paths):
        """Looks up files.

        Arguments
        ---------
        paths : list of pathlib.Path
            Some hundreds at most.

        Returns
        -------
        dict
            What `read_facts` takes.
        """
        names = [os.path.abspath(path) for path in paths]
        names = [name for name in names if is_text(name)]
        rows = self._execute(
            f"SELECT path, stamp, {', '.join(COLUMNS)} FROM files"
            f" WHERE path IN ({', '.join('?' * len(names))})",
            names,
        )
        return {name: values for name, *values in rows}

    def keep(self, entries):
        """Adds what was read, in one transaction.

        Arguments
        ---------
        entries : list of tuple
            From `read_facts`.
        """
        marks = ", ".join("?" * (2 + len(COLUMNS)))
        try:
            with self.connection:
                self.connection.executemany(
                    f"INSERT OR REPLACE INTO files VALUES ({marks})", entries
                )
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _execute(self, statement, values=()):
        """Runs a statement and returns its rows."""
        try:
            return self.connection.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error):
        """Makes the error for a file that is no database."""
        return RecipeError(
            f"{self.path} cannot be used ({error}): delete it, and the audio "
            "is read again."
        )


def read_facts(path, found):
    """Reads a file, unless the index knows it.

    Arguments
    ---------
    path : pathlib.Path
        An audio file.
    found : dict
        What `AudioIndex.find` found for it and others.

    Returns
    -------
    facts : dict
        `duration` in seconds, `sample_rate` in Hz, `channels`, `sha256`, and
        `reason`, which is None where the file is sound.
    entry : tuple or None
        For `AudioIndex.keep`; None where it was known.
    """
    name = os.path.abspath(path)
    stamp = stamp_of(path)  # before the content, which may change after
    known, *facts = found.get(name, [None])
    if known == stamp:
        return dict(zip(COLUMNS, facts)), None
    content = path.read_bytes()
    reason, facts = find_defect(content)
    facts = dict.fromkeys(COLUMNS) | (facts or {})
    facts["sha256"] = hashlib.sha256(content).hexdigest()
    facts["reason"] = reason
    return facts, (name, stamp, *facts.values())


def stamp_of(path):
    """Returns what changes when a file's content does, or our reading of it."""
    stat = os.stat(path)
    return f"{VERSION} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def is_text(name):
    """Tells whether SQLite can hold a path: some are not Unicode."""
    try:
        return bool(name.encode("utf-8"))
    except UnicodeEncodeError:
        return False
