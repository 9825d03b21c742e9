"""The search for usable audio files, and why others are excluded."""

import contextlib
import itertools
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import pandas as pd
from data_prep.audio_index import AudioIndex, read_facts
from data_prep.corpus import AUDIO_ENDINGS, all_corpora
from data_prep.manifest import COLUMNS, UNKNOWN
from ser.errors import RecipeError
from ser.files import as_text
from tqdm import tqdm

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

MIN_DURATION = 0.025  # s
MAX_DURATION = 120.0  # s; the memory of attention grows with the square
MAX_DEPTH = 100  # folders in each other
# What is not read, and often lies beside what is
MAKE_WAV = "make a WAV of the same name, such as by ffmpeg -i a.m4a a.wav"
OTHER_AUDIO = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".avi", ".mov")
CHUNK = 64  # files that a thread reads at a time


def find_clips(corpora, min_duration, audio_index, max_duration=MAX_DURATION):
    """Finds the usable clips of all corpora, and why other files are not.

    Arguments
    ---------
    corpora : data_prep.corpora.Corpora
        What is searched.
    min_duration : float
        Shortest clip that is accepted, in seconds.
    audio_index : str or pathlib.Path
        The file with what is known of audio files.
    max_duration : float
        Longest clip that is accepted, in seconds.

    Returns
    -------
    table : pandas.DataFrame
        A row a clip, columns as in `data_prep.manifest.SCHEMA`, then `audio`
        (the least SHA-256 of the files whose decoded audio it is), `split` (the
        official one, or "") and `corpus`, sorted by ID. If there are several
        corpora, IDs begin with the corpus, and speakers with the one of which
        it is a variant.
    excluded : pandas.DataFrame
        `path` relative to the folder, and `reason`; what follows a colon in
        the reason is particular to the file.

    Raises
    ------
    RecipeError
        If `min_duration` is too short, a corpus has no folder or clip, or
        clips are trained on twice.
    """
    if not min_duration >= MIN_DURATION:
        raise RecipeError(
            f"min_duration is {min_duration} s: expected {MIN_DURATION} or "
            "more, the receptive field of a wav2vec 2.0 front end."
        )
    corpora.read()
    tables, excluded = [], []
    for corpus in corpora.all:
        if corpus.make:
            corpus.make(corpus.folder)
        with AudioIndex.open(audio_index) as index:
            clips, others = find_clips_of(
                corpus,
                corpora.root(corpus),
                (min_duration, max_duration),
                index,
            )
        if len(corpora.all) > 1:
            clips["ID"] = f"{corpus.key}-" + clips["ID"]
            known = clips["spk_id"] != UNKNOWN
            clips.loc[known, "spk_id"] = f"{corpus.base}-" + clips["spk_id"]
            others["path"] = f"{corpus.key}/" + others["path"]
        if corpora.test:
            clips["split"] = "test" if corpus in corpora.test else "train"
        clips["corpus"] = corpus.key
        tables.append(clips)
        excluded.append(others)
    table = pd.concat(tables).sort_values("ID", ignore_index=True)
    check_variants(table, corpora)
    # A file's hash stands for the audio: where no two files hold the same,
    # random folds are those of the files.
    table["audio"] = table.groupby("audio")["sha256"].transform("min")
    return table, pd.concat(excluded, ignore_index=True)


def check_variants(table, corpora):
    """Raises if two corpora to train on, such as a corpus and a variant that has
    more emotions, hold the same clips of the same speakers."""
    trained = [corpus.key for corpus in corpora.train]
    clips = table[table["corpus"].isin(trained)]
    holders = clips.groupby(["spk_id", "audio"])["corpus"].nunique()
    if (holders > 1).any():
        raise RecipeError(
            f"{(holders > 1).sum()} recordings are in more than one of the "
            f"corpora {', '.join(trained)}: name only the one that holds more."
        )


def find_clips_of(corpus, root, durations, index):
    """Finds the usable clips of one corpus, of a shortest to a longest duration,
    whose paths begin with the variable `root`; returns as `find_clips` does."""
    folder = corpus.folder
    if not folder.is_dir():
        raise RecipeError(
            f"the data folder '{folder}' is not a folder: pass the one "
            f"that holds {corpus.name} as --data_folder."
        )
    if corpus.files is None:
        paths, others, excluded = list_files(folder)
    else:
        paths, others = [folder / path for path in corpus.files], Counter()
        excluded = []
    table, unfit = examine(corpus, root, paths, durations, index)
    table, conflicts = drop_conflicts(table, corpus.counts_once)
    rows = [*excluded, *corpus.refused, *unfit, *conflicts]
    excluded = pd.DataFrame(rows, columns=["path", "reason"])
    excluded = excluded.sort_values(["path", "reason"], ignore_index=True)
    if table.empty:
        raise nothing_usable(corpus, excluded, others)
    if len(excluded) - len(conflicts) > len(table) and (
        other := looks_like(folder, corpus)
    ):
        logger.warning(
            "most files in %s are not clips of %s%s", folder, corpus.name, other
        )
    return table.sort_values("ID", ignore_index=True), excluded


def shown(path, folder):
    """Writes a path relative to a folder as text, which names may not be."""
    return as_text(path.relative_to(folder).as_posix())


def list_files(data_folder):
    """Lists the audio files of a folder and all below it.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        What is searched; links to folders are followed.

    Returns
    -------
    paths : list of pathlib.Path
        Sorted, so that the disk does not decide which of two copies is kept.
    others : collections.Counter
        Endings of other files.
    excluded : list of (str, str)
        Path and reason of folders that cannot be listed, and of audio in
        formats that are not read, unless a file of the same name is.
    """
    paths, others, excluded = [], Counter(), []

    def refuse(error):
        """Notes a folder that cannot be listed."""
        folder = shown(Path(error.filename), data_folder)
        excluded.append((folder, "folder cannot be listed"))

    root = str(data_folder)
    seen = set()  # links to folders are followed, but no folder twice
    for folder, below, names in os.walk(
        data_folder, onerror=refuse, followlinks=True
    ):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        if folder[len(root) :].count(os.sep) >= MAX_DEPTH:
            below.clear()
            relative = shown(Path(folder), data_folder)
            excluded.append((relative, f"deeper than {MAX_DEPTH} folders"))
        read = {n for n in names if Path(n).suffix.lower() in AUDIO_ENDINGS}
        paths += [Path(folder) / name for name in read]
        stems = {Path(name).stem for name in read}
        for name in set(names) - read:
            path = Path(folder) / name
            ending = path.suffix.lower()
            others[ending or "no ending"] += 1
            if ending in OTHER_AUDIO and path.stem not in stems:
                relative = shown(path, data_folder)
                excluded.append((relative, f"{ending} is not read: {MAKE_WAV}"))
    return sorted(paths), others, excluded


def examine(corpus, root, paths, durations, index):
    """Reads files side by side; returns the table of clips, and the path and
    reason of the others."""

    def examine_chunk(chunk):
        """Reads some files."""
        found = index.find(chunk)
        return [
            examine_file(corpus, root, path, durations, found) for path in chunk
        ]

    columns = [*COLUMNS, "audio", "split"]
    tables, excluded = [], []
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    # libsndfile releases the interpreter's lock, so threads are enough.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for files in tqdm(
            pool.map(examine_chunk, chunks),
            desc=f"reading {corpus.name}",
            total=len(chunks),
            unit="clip",
            unit_scale=CHUNK,
            disable=None,
        ):
            index.keep([entry for *_, entry in files if entry])
            clips = [clip for _, reason, clip, _ in files if reason is None]
            if clips:  # a table takes a fifth of the memory
                tables.append(pd.DataFrame(clips, columns=columns))
            excluded += [(path, reason) for path, reason, *_ in files if reason]
    tables = tables or [pd.DataFrame(columns=columns, dtype=str)]
    return pd.concat(tables, ignore_index=True), excluded


def examine_file(corpus, root, path, durations, found):
    """Reads one file, unless it is in what the index found; returns its path
    relative to the data folder, the reason why it is excluded or None, its row
    in the table, and an entry for the index or None."""
    relative = path.relative_to(corpus.folder).as_posix()
    text = as_text(relative)
    clip, entry = None, None
    try:
        if "\r" in text or text != relative:
            raise ValueError("carriage return or broken Unicode in the path")
        clip = describe(corpus, PurePath(relative))
        if not path.is_file():
            raise ValueError("not a regular file")
        facts, entry = read_facts(path, found)
        reason, seconds = facts.pop("reason"), facts["duration"]
        shortest, longest = durations
        # A clip of no sample is always too short.
        if seconds is not None and (
            seconds < max(shortest, 1 / facts["sample_rate"])
        ):
            reason = f"shorter than {shortest:g} s"
        elif seconds is not None and seconds > longest:
            reason = f"longer than {longest:g} s (--max_duration)"
        clip |= facts | {"wav": f"${root}/{relative}"}
    except PermissionError:
        reason = "no permission to read it"
    except (OSError, ValueError) as error:
        reason = str(error)
    return text, reason, clip, entry


def describe(corpus, path):
    """Describes a clip by its path, relative to the data folder; raises
    ValueError with the reason why the corpus does not use it."""
    if "$" in str(path):
        raise ValueError("a $ in the path, a variable to SpeechBrain")
    clip = {"ID": path.stem, "split": ""} | corpus.describe(path)
    if clip["emotion"] not in corpus.classes:
        raise ValueError(f"emotion not in the class set: {clip['emotion']}")
    if "$" in "".join(map(str, clip.values())):
        raise ValueError("a $ in its labels, a variable to SpeechBrain")
    if clip["ID"] in corpus.defects:
        raise ValueError(corpus.defects[clip["ID"]])
    return clip


def drop_conflicts(table, counts_once):
    """Drops second files of one ID, identical audio under two labels, of which
    at least one is wrong, and, if audio counts once, second files of one
    speaker that hold it; returns what is left, and the path and reason of what
    is not."""
    excluded = []

    def drop(unfit, reasons):
        """Notes the reasons for some clips; returns the others."""
        paths = table["wav"][unfit].str.split("/", n=1).str[1]
        excluded.extend(zip(paths, reasons))
        return table[~unfit]

    def firsts(columns):
        """Finds, for each clip, the path of the first that equals it."""
        return table.groupby(columns)["wav"].transform("first")

    why = "second file of one name: the first is "
    second = table["ID"].duplicated()
    table = drop(second, why + firsts("ID")[second])
    disputed = table.groupby("audio")["emotion"].transform("nunique") > 1
    why = "identical audio under two labels: "
    table = drop(disputed, why + table["audio"][disputed])
    if counts_once:
        columns = ["audio", "spk_id"]
        second = table.duplicated(columns)
        why = "second file of one recording: the first is "
        table = drop(second, why + firsts(columns)[second])
    return table, excluded


def count_reasons(excluded):
    """Counts the reasons in `excluded`, as `find_clips` returns it, without
    what is particular to a file; returns a list of (str, int), the commonest
    first."""
    return Counter(excluded["reason"].str.split(":").str[0]).most_common()


def nothing_usable(corpus, excluded, others):
    """Makes the error for a folder without a clip: what is there instead."""
    found = Counter(dict(count_reasons(excluded)))
    found.update(f"other file ({ending})" for ending in others.elements())
    advice = "pass the folder as --data_folder and its corpus as --corpus"
    if found and found.most_common(1)[0][0].startswith("no speaker"):
        advice = "correct --speaker_pattern, which found no speaker"
    found = [f"{number} {what}" for what, number in found.most_common(5)]
    return RecipeError(
        f"no usable clip of {corpus.name} in '{corpus.folder}': looked for "
        f"audio ({' '.join(AUDIO_ENDINGS)}) in it and below, found "
        f"{', '.join(found) or 'no file at all'}"
        f"{looks_like(corpus.folder, corpus)}; {advice}."
    )


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
