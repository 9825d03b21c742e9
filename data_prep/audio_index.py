"""What was read of audio files, kept so that it is read once."""

import hashlib
import os
import sqlite3
from pathlib import Path

from ser.audio import find_defect
from ser.errors import RecipeError

# Raise it with any change to what `find_defect` finds.
VERSION = 1

COLUMNS = ("duration", "sample_rate", "channels", "sha256", "reason")


class AudioIndex:
    """A file that keeps length, sampling rate, channels, hash and defect of
    audio files. What it says of a file holds as long as the file's size and
    times are the same.

    Arguments
    ---------
    path : str or pathlib.Path
        The file, made if it is not there; it may be deleted at any time.

    Example
    -------
    >>> path = Path(getfixture("tmpdir")) / "a.wav"
    >>> _ = path.write_bytes(b"x")
    >>> with AudioIndex(path.with_name("index.sqlite")) as index:
    ...     facts, entry = index.known([path]).read(path)
    ...     index.keep([entry])
    ...     index.known([path]).get(path)["reason"]
    'not audio'
    """

    def __init__(self, path):
        self.path = Path(path)

    def __enter__(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # The threads of one process take turns (SQLite sees to it).
            self.connection = sqlite3.connect(
                self.path, timeout=600, check_same_thread=False
            )
            self.connection.execute(
                "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY,"
                " stamp TEXT NOT NULL, duration REAL, sample_rate INTEGER,"
                " channels INTEGER, sha256 TEXT NOT NULL, reason TEXT)"
            )
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error
        return self

    def __exit__(self, *error):
        self.connection.close()

    def broken(self, error):
        """Makes an error that says what to do."""
        return RecipeError(
            f"{self.path} cannot be used ({error}): delete it, and the audio "
            "is read again."
        )

    def known(self, paths):
        """Looks files up.

        Arguments
        ---------
        paths : list of pathlib.Path
            Some hundreds at most.

        Returns
        -------
        Known
        """
        names = [os.path.abspath(path) for path in paths]
        names = [name for name in names if is_text(name)]
        marks = ", ".join("?" * len(names))
        try:
            rows = self.connection.execute(
                f"SELECT path, stamp, {', '.join(COLUMNS)} FROM files"
                f" WHERE path IN ({marks})",
                names,
            ).fetchall()
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error
        return Known({name: row for name, *row in rows})

    def keep(self, entries):
        """Keeps what was read, in one transaction.

        Arguments
        ---------
        entries : list of tuple
            As `Known.read` gives them.
        """
        marks = ", ".join("?" * (2 + len(COLUMNS)))
        try:
            with self.connection:
                self.connection.executemany(
                    f"INSERT OR REPLACE INTO files VALUES ({marks})", entries
                )
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error


class Known:
    """What the index says of some files.

    Arguments
    ---------
    rows : dict
        From absolute paths to stamp and facts.
    """

    def __init__(self, rows):
        self.rows = rows

    def get(self, path):
        """Returns the facts of a file, a dict, or None where they are not
        known or the file is another now."""
        name = os.path.abspath(path)
        stamp, *facts = self.rows.get(name, [None])
        return dict(zip(COLUMNS, facts)) if stamp == stamp_of(path) else None

    def read(self, path):
        """Reads a file.

        Arguments
        ---------
        path : pathlib.Path
            An audio file.

        Returns
        -------
        facts : dict
            `duration` in seconds, `sample_rate` in Hz, `channels`, `sha256`
            and, where the file cannot serve, `reason`.
        entry : tuple
            For `AudioIndex.keep`.
        """
        stamp = stamp_of(path)  # before the content, which may change after
        content = path.read_bytes()
        reason, facts = find_defect(content)
        facts = dict.fromkeys(COLUMNS) | (facts or {})
        facts["sha256"] = hashlib.sha256(content).hexdigest()
        facts["reason"] = reason
        values = [facts[column] for column in COLUMNS]
        return facts, (os.path.abspath(path), stamp, *values)


def stamp_of(path):
    """Returns what changes when a file's content does, or our reading of it."""
    stat = os.stat(path)
    return f"{VERSION} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def is_text(name):
    """Says whether SQLite can hold a path: some are no Unicode."""
    try:
        return bool(name.encode("utf-8"))
    except UnicodeEncodeError:
        return False
