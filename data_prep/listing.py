"""The audio files of a folder, and the corpus that their names look like."""

import contextlib
import itertools
import os
import re
from collections import Counter
from pathlib import Path

from data_prep.corpus import AUDIO_ENDINGS, all_corpora
from ser.files import as_text

MAX_DEPTH = 100  # folders in each other
# What is not read, and often lies beside what is
MAKE_WAV = "make a WAV of the same name, such as by ffmpeg -i a.m4a a.wav"
OTHER_AUDIO = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".avi", ".mov")


def list_files(data_folder):
    """Lists the audio files of a folder and all below it.

    Arguments
    ---------
    data_folder : pathlib.Path
        What is searched; links to folders are followed.

    Returns
    -------
    paths : list of str
        Relative to the folder, as POSIX writes them, and sorted, so that the
        disk does not decide which of two copies is kept.
    others : collections.Counter
        Endings of other files.
    excluded : list of (str, str)
        Path and reason of folders that cannot be listed, and of audio in
        formats that are not read, unless a file of the same name is.
    """
    paths, others, excluded = [], Counter(), []

    def shown(path):
        """Writes a path relative to the folder as text, which it may not be."""
        return as_text(path.relative_to(data_folder).as_posix())

    def refuse(error):
        """Notes a folder that cannot be listed."""
        path = shown(Path(error.filename))
        excluded.append((path, "folder cannot be listed"))

    seen = set()  # links to folders are followed, but no folder twice
    for folder, below, names in os.walk(
        data_folder, onerror=refuse, followlinks=True
    ):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        folder = Path(folder)
        inside = folder.relative_to(data_folder)
        if len(inside.parts) >= MAX_DEPTH:
            below.clear()
            excluded.append((shown(folder), f"deeper than {MAX_DEPTH} folders"))
        start = f"{inside.as_posix()}/" if inside.parts else ""
        # Not pathlib, which takes seconds for a large corpus; a name that is
        # nothing but an ending has none.
        read = [n for n in names if n[1:].lower().endswith(AUDIO_ENDINGS)]
        paths += [start + name for name in read]
        if len(read) == len(names):
            continue
        stems = {Path(name).stem for name in read}
        for path in map(folder.joinpath, sorted(set(names).difference(read))):
            ending = path.suffix.lower()
            others[ending or "no ending"] += 1
            if ending in OTHER_AUDIO and path.stem not in stems:
                reason = f"{ending} is not read: {MAKE_WAV}"
                excluded.append((shown(path), reason))
    # As pathlib sorts: folder by folder.
    paths.sort(key=lambda path: path.replace("/", "\0"))
    return paths, others, excluded


def looks_like(folder, but):
    """Finds the corpus whose file names those in a folder look like.

    Arguments
    ---------
    folder : pathlib.Path
        What is searched.
    but : data_prep.corpus.Corpus
        The corpus that was asked for.

    Returns
    -------
    str
        The end of a message, or "" if no other corpus fits better.
    """
    endings = (*AUDIO_ENDINGS, ".mp4")
    files = (
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in endings
    )
    files = list(itertools.islice(files, 500))

    def count(corpus):
        """Counts the files that have names of a corpus."""
        if corpus.names:
            return sum(bool(re.fullmatch(corpus.names, p.stem)) for p in files)
        number = 0
        for path in files:
            with contextlib.suppress(ValueError):
                number += corpus.describe(path)["emotion"] in corpus.classes
        return number

    # A corpus without an address takes any name; made ones borrow names.
    known = [c for c in all_corpora().values() if c.address and not c.make]
    best = max(known, key=count)
    asked = best.base == but.base or (but.classes and count(but) >= count(best))
    if asked or count(best) <= len(files) / 2:
        return ""
    return f", and the names look like {best.name} (--corpus {best.key})"
