"""The search for usable audio files, and why others are excluded."""

import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePath

import pandas as pd
from data_prep.audio_index import AudioIndex, read_facts
from data_prep.corpus import AUDIO_ENDINGS
from data_prep.listing import list_files, looks_like
from data_prep.manifest import COLUMNS, UNKNOWN
from ser.errors import RecipeError
from ser.files import as_text
from tqdm import tqdm

logger = logging.getLogger(__name__)  # SpeechBrain's would import PyTorch

MIN_DURATION = 0.025  # s
MAX_DURATION = 120.0  # s; the memory of attention grows with the square
CHUNK = 500  # files that are read before the index keeps them
PART = 25  # files that a thread reads at a time


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
    for files in read_ahead(corpus, root, paths, durations, index):
        index.keep([entry for *_, entry in files if entry])
        excluded += [(path, reason) for path, reason, *_ in files if reason]
        clips = [clip for _, reason, clip, _ in files if reason is None]
        if clips:  # a table takes a fifth of the memory
            tables.append(pd.DataFrame(clips, columns=columns))
    tables = tables or [pd.DataFrame(columns=columns, dtype=str)]
    return pd.concat(tables, ignore_index=True), excluded


def read_ahead(corpus, root, paths, durations, index):
    """Reads files side by side, and yields some hundreds at a time, as from
    `examine_files`, while the next are read."""
    with (
        # libsndfile releases the interpreter's lock, so threads are enough.
        ThreadPoolExecutor(max_workers=os.cpu_count()) as pool,
        tqdm(
            desc=f"reading {corpus.name}",
            total=len(paths),
            unit="clip",
            disable=None,
        ) as progress,
    ):
        ahead = []
        for start in range(0, len(paths) + CHUNK, CHUNK):
            chunk = paths[start : start + CHUNK]  # the last is empty
            found = index.find([place_of(corpus, path) for path in chunk])
            work = partial(examine_files, corpus, root, durations, found)
            parts = [chunk[i : i + PART] for i in range(0, len(chunk), PART)]
            # Threads only slow down what need not be read.
            run = map if len(found) == len(chunk) else pool.map
            files, reading = [], run(work, parts)
            for some in ahead:
                files += some
                progress.update(len(some))
            yield files
            ahead = reading


def examine_files(corpus, root, durations, found, paths):
    """Reads some files; returns a list of what `examine_file` returns."""
    return [examine_file(corpus, root, durations, found, p) for p in paths]


def examine_file(corpus, root, durations, found, relative):
    """Reads one file, unless it is in what the index found; returns its path
    relative to the data folder, the reason why it is excluded or None, its row
    in the table, and an entry for the index or None."""
    text = as_text(relative)
    clip, entry = None, None
    try:
        if "\r" in text or text != relative:
            raise ValueError("carriage return or broken Unicode in the path")
        clip = describe(corpus, relative)
        facts, entry = read_facts(place_of(corpus, relative), found)
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


def place_of(corpus, relative):
    """Joins the data folder and a path in it, faster than os.path does."""
    return f"{corpus.folder}/{relative}"


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
