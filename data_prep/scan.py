"""The search for usable audio files, and why others are excluded."""

import contextlib
import logging
import os
from collections import Counter
from functools import partial
from pathlib import PurePath
from weakref import WeakSet

import pandas as pd
from data_prep.audio_index import AudioIndex, read_files
from data_prep.corpus import AUDIO_ENDINGS
from data_prep.listing import list_files, looks_like
from data_prep.manifest import COLUMNS, UNKNOWN
from joblib import cpu_count
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from ser.errors import RecipeError
from ser.files import as_text
from ser.workers import serve, without_interrupts
from tqdm import tqdm

logger = logging.getLogger(__name__)  # SpeechBrain's would import PyTorch

MIN_DURATION = 0.025  # s
MAX_DURATION = 120.0  # s; the memory of attention grows with the square
CHUNK = 500  # files that are read before the index keeps them
PART = 25  # files that a process reads at a time
MAX_PROCESSES = 16  # 125 MB each


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
    copies = table[table.duplicated("audio", keep=False)]
    table["audio"] = table["sha256"]
    least = copies.groupby("audio")["sha256"].transform("min")
    table.loc[copies.index, "audio"] = least
    return table, pd.concat(excluded, ignore_index=True)


def check_variants(table, corpora):
    """Raises if two corpora to train on, such as a corpus and a variant that has
    more emotions, hold the same clips of the same speakers."""
    trained = [corpus.key for corpus in corpora.train]
    if len(trained) == 1:
        return
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
        paths, others, excluded = corpus.files, Counter(), []
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
    return table, excluded


def examine(corpus, root, paths, durations, index):
    """Reads files, whose paths are relative to the data folder; returns the
    table of clips, and the path and reason of the others."""
    columns = [*COLUMNS, "audio", "split"]
    tables, excluded = [], []
    for described, facts in read_ahead(corpus, paths, index):
        clips = []
        for path, reason, clip in described:
            if clip:
                found = facts[path]
                reason = find_reason(found, durations)
            if reason:
                excluded.append((as_text(path), reason))
            else:
                clips.append(clip | found | {"wav": f"${root}/{path}"})
        if clips:  # a table takes a fifth of the memory
            tables.append(pd.DataFrame(clips, columns=columns))
    tables = tables or [pd.DataFrame(columns=columns, dtype=str)]
    return pd.concat(tables, ignore_index=True), excluded


def read_ahead(corpus, paths, index):
    """Describes files and reads what the index does not know; yields some hundreds
    at a time, as from `describe_file`, with a dict from the paths of clips to
    facts, while processes read the next."""
    ahead, folder = None, os.path.abspath(corpus.folder)
    with (
        side_by_side() as start,
        tqdm(
            desc=f"reading {corpus.name}",
            total=len(paths),
            unit="clip",
            disable=None,
        ) as progress,
    ):
        for first in range(0, len(paths) + CHUNK, CHUNK):
            chunk = paths[first : first + CHUNK]  # the last is empty
            described = [describe_file(corpus, path) for path in chunk]
            clips = [path for path, _, clip in described if clip]
            facts = index.find(folder, clips)
            unread = [path for path in clips if path not in facts]
            parts = [unread[i : i + PART] for i in range(0, len(unread), PART)]
            # To start processes takes longer than to read a small corpus.
            alone = len(paths) < 2 * CHUNK or len(unread) < CHUNK // 2
            reading = [
                partial(read_files, folder, part)
                if alone
                else start(folder, part)
                for part in parts
            ]
            if ahead:
                yield collect(*ahead, index, progress)
            ahead = described, facts, reading


def collect(described, facts, reading, index, progress):
    """Waits for what is read, by functions that return it, and keeps it."""
    entries, read = [], 0
    for wait in reading:
        part = wait()
        read += len(part)
        facts |= {path: found for path, found, _ in part}
        entries += [entry for *_, entry in part if entry]
        progress.update(len(part))
    index.keep(entries)  # in one transaction
    progress.update(len(described) - read)  # known before, or no clips
    return described, facts


@contextlib.contextmanager
def side_by_side():
    """Gives a function that starts to read files in a process and returns what
    waits for it. Processes start with the first and end with the block; threads
    read short files slower than one alone, for Python's lock."""
    pools, futures = [], WeakSet()

    def start(folder, paths):
        """Has files read as by `read_files`."""
        with without_interrupts():
            if not pools:
                number = min(cpu_count(), MAX_PROCESSES)
                pools.append(ProcessPoolExecutor(number, initializer=serve))
            future = pools[0].submit(read_files, folder, paths)
        futures.add(future)
        return future.result

    try:
        yield start
    except TerminatedWorkerError as error:
        raise RecipeError(
            "a process that reads audio was killed, as it is where memory is "
            "short: start the same command again, which goes on from there."
        ) from error
    finally:
        for future in futures:
            future.cancel()
        for pool in pools:
            pool.shutdown()


def find_reason(facts, durations):
    """Finds why a clip is excluded: by what is known of its file, or the error
    that reading it raised; None if it is not."""
    if isinstance(facts, PermissionError):
        return "no permission to read it"
    if isinstance(facts, Exception):
        return str(facts)
    (shortest, longest), seconds = durations, facts["duration"]
    # A clip of no sample is always too short.
    if seconds is not None and seconds < max(
        shortest, 1 / facts["sample_rate"]
    ):
        return f"shorter than {shortest:g} s"
    if seconds is not None and seconds > longest:
        return f"longer than {longest:g} s (--max_duration)"
    return facts["reason"]


def describe_file(corpus, relative):
    """Describes a file by its path, relative to the data folder; returns the
    path, the reason why it is excluded or None, and its row in the table or
    None."""
    try:
        if "\r" in relative or as_text(relative) != relative:
            raise ValueError("carriage return or broken Unicode in the path")
        return relative, None, describe(corpus, relative)
    except ValueError as error:
        return relative, str(error), None


def describe(corpus, relative):
    """Describes a clip by its path, relative to the data folder; raises
    ValueError with the reason why the corpus does not use it."""
    if "$" in relative:
        raise ValueError("a $ in the path, a variable to SpeechBrain")
    path = PurePath(relative)
    clip = {"split": ""} | corpus.describe(path)
    clip.setdefault("ID", path.stem)
    # As SpeechBrain reads it from a manifest
    clip = {key: value.lstrip(" ") for key, value in clip.items()}
    if clip["emotion"] not in corpus.classes:
        raise ValueError(f"emotion not in the class set: {clip['emotion']}")
    if "$" in "".join(clip.values()):
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
        if not unfit.any():
            return table
        paths = table["wav"][unfit].str.split("/", n=1).str[1]
        excluded.extend(zip(paths, reasons))
        return table[~unfit]

    def equals(columns):
        """Groups the clips that have equals."""
        return table[table.duplicated(columns, keep=False)].groupby(columns)

    def firsts(columns):
        """Finds, for each clip that has equals, the path of the first."""
        return equals(columns)["wav"].transform("first")

    why = "second file of one name: the first is "
    second = table["ID"].duplicated()
    table = drop(second, why + firsts("ID")[second])
    disputed = equals("audio")["emotion"].transform("nunique") > 1
    disputed = disputed.reindex(table.index, fill_value=False)
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
