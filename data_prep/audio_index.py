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
    >>> folder = str(getfixture("tmpdir"))
    >>> _ = Path(folder, "a.wav").write_bytes(b"x")
    >>> with AudioIndex.open(Path(folder, "index.sqlite")) as index:
    ...     facts, entry = read_facts(folder, "a.wav")
    ...     index.keep([entry])
    ...     index.find(folder, ["a.wav"]) == {"a.wav": facts}
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

    def find(self, folder, paths):
        """Looks up paths, some hundreds at most, relative to an absolute folder;
        returns a dict from them to what `read_facts` finds, of files that are known
        and did not change, without rows that are damaged."""
        shown = as_text(folder)
        names = {place_of(shown, path): path for path in paths}
        rows = self.connection.execute(
            f"SELECT * FROM files WHERE path IN ({', '.join('?' * len(names))})",
            list(names),
        )
        found = {}
        for *row, digest in rows.fetchall():
            name, stamp, *facts = row
            if digest == digest_of(row):
                with contextlib.suppress(OSError):
                    path = place_of(folder, names[name])
                    if stamp == stamp_of(os.stat(path)):
                        found[names[name]] = dict(zip(COLUMNS, facts))
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


def read_files(folder, paths):
    """Reads some files of a folder; returns for each its path, the facts or the
    error that reading it raised, and the entry or None, as from `read_facts`."""
    found = []
    for path in paths:
        try:
            found.append((path, *read_facts(folder, path)))
        except (OSError, ValueError) as error:
            found.append((path, error, None))
    return found


def read_facts(folder, path):
    """Reads a file.

    Arguments
    ---------
    folder : str
        Absolute.
    path : str
        The file, relative to it.

    Returns
    -------
    facts : dict
        `duration` in s, `sample_rate` in Hz, `channels`, `sha256` of the
        file, `audio` as from `hash_audio`, and `reason`, which is None if the
        file is sound.
    entry : tuple
        For `AudioIndex.keep`.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """
    name = place_of(as_text(folder), path)  # as SQLite can hold it
    path = place_of(folder, path)
    if not Path(path).is_file():
        raise ValueError("not a regular file")
    stat = os.stat(path)  # before the content is read, which may change after
    if stat.st_size > MAX_SIZE:
        raise ValueError(f"larger than {MAX_SIZE / 1e9:g} GB")
    with open(path, "rb") as file:
        content = file.read()
    reason, facts, wav = examine(content)
    facts = dict.fromkeys(COLUMNS) | (facts or {})
    facts["sha256"] = hashlib.sha256(content).hexdigest()
    if wav is not None:
        facts["audio"] = hash_audio(wav, facts["sample_rate"])
    facts["reason"] = reason
    return facts, (name, stamp_of(stat), *facts.values())


def stamp_of(stat):
    """Writes the size and times of a file, by which a change is found; takes what
    `os.stat` returns."""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def place_of(folder, path):
    """Joins a folder and a path in it, faster than pathlib does."""
    return f"{folder}/{path}"
