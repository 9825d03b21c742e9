"""Facts about audio files, kept on disk so that each file is read once."""

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

from data_prep.manifest import hash_audio
from ser.defects import MAX_SIZE, examine
from ser.errors import RecipeError, advise
from ser.files import as_text

# Raise it with any change to what `examine` finds, or to the columns.
VERSION = 4

COLUMNS = ("duration", "sample_rate", "channels", "sha256", "audio", "reason")


class AudioIndex:
    """A file with the length, sampling rate, channels, hashes and defect of
    audio files, valid for as long as a file's size and times are the same.

    Example
    -------
    >>> path = Path(getfixture("tmpdir")) / "a.wav"
    >>> _ = path.write_bytes(b"x")
    >>> with AudioIndex.open(path.with_name("index.sqlite")) as index:
    ...     facts, entry = read_facts(path, index.find([path]))
    ...     index.keep([entry])
    ...     read_facts(path, index.find([path])) == (facts, None)
    True
    >>> facts["reason"]
    'not audio'
    """

    def __init__(self, connection):
        self.connection = connection
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:  # of a version with other columns, or new
            connection.executescript(
                "BEGIN IMMEDIATE; DROP TABLE IF EXISTS files;"
                "CREATE TABLE files (path TEXT PRIMARY KEY,"
                " stamp TEXT NOT NULL, duration REAL, sample_rate INTEGER,"
                " channels INTEGER, sha256 TEXT NOT NULL, audio TEXT,"
                " reason TEXT, digest TEXT NOT NULL);"
                f" PRAGMA user_version = {VERSION}; COMMIT;"
            )

    @classmethod
    @contextlib.contextmanager
    def open(cls, path):
        """Opens the index in a file, for a block of code; it is made if it is not
        there, and may be deleted at any time. Raises RecipeError if SQLite
        cannot use the file."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(path, timeout=600)
            with contextlib.closing(connection):
                yield cls(connection)
        except sqlite3.DatabaseError as error:
            raise RecipeError(
                f"{path} cannot be used ({error}): "
                f"{advise(error, 'delete it, and the audio is read again')}."
            ) from error

    def find(self, paths):
        """Looks up a list of paths, some hundreds at most; returns a dict, which
        `read_facts` takes, of files that are known and did not change, without
        rows that are damaged."""
        names = {name_of(path): path for path in paths}
        rows = self.connection.execute(
            f"SELECT * FROM files WHERE path IN ({', '.join('?' * len(names))})",
            list(names),
        )
        found = {}
        for *row, digest in rows.fetchall():
            name, stamp, *facts = row
            if digest == digest_of(row):
                with contextlib.suppress(OSError):
                    if stamp == stamp_of(os.stat(names[name])):
                        found[names[name]] = facts
        return found

    def keep(self, entries):
        """Adds a list of entries from `read_facts`, in one transaction."""
        marks = ", ".join("?" * (3 + len(COLUMNS)))
        rows = [(*entry, digest_of(entry)) for entry in entries]
        with self.connection:
            self.connection.executemany(
                f"INSERT OR REPLACE INTO files VALUES ({marks})", rows
            )


def digest_of(entry):
    """Hashes a row of the index, by which damage is found."""
    return hashlib.sha256(repr(tuple(entry)).encode()).hexdigest()[:16]


def read_facts(path, found):
    """Reads a file, unless it is known.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    found : dict
        What `AudioIndex.find` returns.

    Returns
    -------
    facts : dict
        `duration` in s, `sample_rate` in Hz, `channels`, `sha256` of the
        file, `audio` as from `hash_audio`, and `reason`, which is None if the
        file is sound.
    entry : tuple or None
        For `AudioIndex.keep`; None if it was known.
    """
    if path in found:
        return dict(zip(COLUMNS, found[path])), None
    if not Path(path).is_file():
        raise ValueError("not a regular file")
    stat = os.stat(path)  # before the content is read, which may change after
    if stat.st_size > MAX_SIZE:
        raise ValueError(f"larger than {MAX_SIZE / 1e9:g} GB")
    content = Path(path).read_bytes()
    reason, facts, wav = examine(content)
    facts = dict.fromkeys(COLUMNS) | (facts or {})
    facts["sha256"] = hashlib.sha256(content).hexdigest()
    if wav is not None:
        facts["audio"] = hash_audio(wav, facts["sample_rate"])
    facts["reason"] = reason
    return facts, (name_of(path), stamp_of(stat), *facts.values())


def stamp_of(stat):
    """Writes the size and times of a file, by which a change is found."""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def name_of(path):
    """Writes an absolute path as SQLite can hold it: some are not Unicode."""
    return as_text(os.path.abspath(path))
