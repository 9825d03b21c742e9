"""From a folder to manifests: the search for usable files, what is excluded
and why, the schema and its checks, and the writing.
"""

import hashlib
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import pandas as pd
import pandera.pandas as pa
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from data_prep.audio_index import AudioIndex, is_text
from data_prep.corpus import AUDIO_ENDINGS, looks_like
from data_prep.protocol import (
    check_splits,
    make_protocol,
    shared_speakers,
    split,
)
from ser.errors import RecipeError

logger = get_logger(__name__)

MIN_DURATION = 0.025  # s
CHUNK = 64  # files that a thread reads at a time
SHARED = "speakers shared"

SCHEMA = pa.DataFrameSchema(
    {
        "ID": pa.Column(str, unique=True),
        "duration": pa.Column(  # s
            float, [pa.Check.gt(0), pa.Check.lt(float("inf"))]
        ),
        "wav": pa.Column(str, pa.Check.str_matches(r"\$data_root\w*/[^$]+$")),
        "spk_id": pa.Column(str, pa.Check.str_length(min_value=1)),
        "gender": pa.Column(str, pa.Check.isin(["female", "male", "unknown"])),
        "emotion": pa.Column(str, pa.Check.str_length(min_value=1)),
        "sentence": pa.Column(str),
        "sample_rate": pa.Column(int, pa.Check.gt(0)),  # Hz, as found
        "channels": pa.Column(int, pa.Check.gt(0)),  # as found
        "sha256": pa.Column(str, pa.Check.str_length(64, 64)),  # of the file
    },
    strict=True,
    ordered=True,
)
COLUMNS = list(SCHEMA.columns)


def prepare(
    corpora,
    save_folder,
    protocol,
    fold,
    num_folds,
    text_independent,
    valid_ratio,
    min_duration,
    audio_index,
):
    """Writes train.csv, valid.csv, test.csv, excluded.csv and split.json.

    Arguments
    ---------
    corpora : data_prep.corpus.Corpora
        What is prepared.
    save_folder : str or pathlib.Path
        Where the manifests go.
    protocol : str
        default, or one of `data_prep.corpus.PROTOCOLS`.
    fold : int
        Which fold is the test set, from 1.
    num_folds : int
        Of the protocols kfold and random.
    text_independent : bool
        Whether the sentences of the test set are left out of training.
    valid_ratio : float
        Share of the training speakers that go to validation.
    min_duration : float
        Shortest clip that is accepted, in seconds.
    audio_index : str or pathlib.Path
        Where what was read of the files is kept.

    Returns
    -------
    list of str
        What was found wanting: what is excluded, and what the corpora lack.

    Raises
    ------
    RecipeError
        If the folder holds nothing usable, the fold does not exist, a split
        is violated, or `save_folder` holds the manifests of other data.
    """
    save_folder = Path(save_folder)
    table, excluded = find_clips(corpora, min_duration, audio_index)
    plan = make_protocol(table, corpora, protocol, num_folds, text_independent)
    splits, left_out = split(table, plan, fold, valid_ratio)
    check_splits(splits, plan.name in ("random", "official"))
    words, shared = plan.words, shared_speakers(splits)
    if shared and SHARED not in words:
        words += f", {SHARED} ({len(shared)} of them)"
    facts = {
        "protocol": words,
        "num_folds": len(plan.folds),
        "shares_speakers": SHARED in words,
        "notice": corpora.notice,
    }
    excluded = to_excluded(
        [*excluded.itertuples(index=False, name=None), *without_root(left_out)]
    )
    splits = {n: SCHEMA.validate(c[COLUMNS]) for n, c in splits.items()}
    for name, clips in splits.items():
        path = save_folder / f"{name}.csv"
        if path.is_file() and not clips.equals(read_manifest(path)):
            raise RecipeError(
                f"{path} holds another split or other data than "
                f"{', '.join(corpora.roots.values())} has now: choose another "
                "--output_folder, or delete that one."
            )
    write_csv(excluded, save_folder / "excluded.csv")
    for name, clips in splits.items():
        write_csv(clips, save_folder / f"{name}.csv")
    write_text(json.dumps(facts, indent=2), save_folder / "split.json")
    logger.info("protocol: %s; fold %d", words, fold)
    messages = []
    for name, clips in splits.items():
        logger.info(
            "%s: %d clips, %.2f h, %d speakers: %s",
            name,
            len(clips),
            clips["duration"].sum() / 3600,
            clips["spk_id"].nunique(),
            shorten(sorted(clips["spk_id"].unique())),
        )
        lacking = sorted(set(corpora.classes) - set(clips["emotion"]))
        if lacking:
            messages.append(f"{name} holds no clip of {', '.join(lacking)}")
    messages += what_is_missing(corpora, table)
    if len(excluded):
        number = len(excluded) + sum(len(clips) for clips in splits.values())
        counts = ", ".join(f"{n} {reason}" for reason, n in reasons(excluded))
        messages.append(
            f"{len(excluded)} of {number} files excluded ({counts}): see "
            f"{save_folder / 'excluded.csv'}"
        )
    for message in messages:
        logger.warning(message)
    return messages


def reasons(excluded):
    """Counts the reasons, the commonest first, without what is particular to
    a file.

    Returns
    -------
    list of (str, int)
    """
    return Counter(excluded["reason"].str.split(":").str[0]).most_common()


def shorten(names, number=30):
    """Joins names, but not hundreds of them."""
    more = len(names) - number
    return " ".join(names[:number]) + (f" and {more} more" if more > 0 else "")


def what_is_missing(corpora, table):
    """Says what the whole corpora have and their folders lack.

    Arguments
    ---------
    corpora : data_prep.corpus.Corpora
        With the counts of the whole.
    table : pandas.DataFrame
        All usable clips.

    Returns
    -------
    list of str
        A sentence for each corpus that lacks something.
    """
    messages = []
    for corpus in corpora.all:
        clips = table[table["corpus"] == corpus.key]
        speakers = clips["spk_id"].str.removeprefix(f"{corpus.key}-")
        absent = sorted(set(corpus.speakers) - set(speakers))
        counts = clips["emotion"].value_counts()
        short = {
            emotion: f"{counts.get(emotion, 0)} of {number} {emotion}"
            for emotion, number in corpus.clips.items()
            if counts.get(emotion, 0) < number
        }
        if absent or short:
            messages.append(
                f"{corpus.name} is not whole: {len(clips)} usable clips"
                + (f" of {sum(corpus.clips.values())}" if corpus.clips else "")
                + (f"; no speaker {shorten(absent)}" if absent else "")
                + (f"; {', '.join(short.values())}" if short else "")
            )
    return messages


def find_clips(corpora, min_duration, audio_index):
    """Finds the usable clips of all corpora and says why others are not.

    Arguments
    ---------
    corpora : data_prep.corpus.Corpora
        What is searched.
    min_duration : float
        Shortest clip that is accepted, in seconds.
    audio_index : str or pathlib.Path
        Where what was read of the files is kept.

    Returns
    -------
    table : pandas.DataFrame
        A row a clip, columns as in `SCHEMA`, then `corpus` and `split` (the
        official one), sorted by ID. Where there are several corpora, IDs and
        speakers begin with the corpus.
    excluded : pandas.DataFrame
        `path` relative to the folder, and `reason`.
    """
    if not min_duration >= MIN_DURATION:
        raise RecipeError(
            f"min_duration is {min_duration} s: expected {MIN_DURATION} or "
            "more, the receptive field of a wav2vec 2.0 front end."
        )
    tables, excluded = [], []
    corpora.read()
    for corpus in corpora.all:
        if corpus.make:
            corpus.make(corpus.folder)
        with AudioIndex(audio_index) as index:
            clips, others = find_clips_of(
                corpus, corpora.root(corpus), min_duration, index
            )
        if len(corpora.all) > 1:
            for column in ("ID", "spk_id"):
                clips[column] = f"{corpus.key}-" + clips[column]
            others["path"] = f"{corpus.key}/" + others["path"]
        if corpora.test:
            clips["split"] = "test" if corpus in corpora.test else "train"
        clips["corpus"] = corpus.key
        tables.append(clips)
        excluded.append(others)
    table = pd.concat(tables).sort_values("ID", ignore_index=True)
    return table, pd.concat(excluded, ignore_index=True)


def find_clips_of(corpus, root, min_duration, index):
    """Finds the usable clips of one corpus.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        With its folder.
    root : str
        The variable that its paths begin with.
    min_duration : float
        Shortest clip that is accepted, in seconds.
    index : data_prep.audio_index.AudioIndex
        What is known of the files.

    Returns
    -------
    table, excluded : pandas.DataFrame
        As `find_clips` gives them.
    """
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
    excluded += corpus.refused
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]

    def examine(chunk):
        """Reads some files."""
        known = index.known(chunk)
        return [
            examine_clip(corpus, root, path, min_duration, known)
            for path in chunk
        ]

    columns = [*COLUMNS, "split"]
    clips, tables = [], []
    bar = tqdm(
        desc=f"reading {corpus.name}",
        total=len(paths),
        unit="clip",
        disable=None,
    )
    # libsndfile lets go of the interpreter's lock, so threads are enough.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, bar:
        for examined in pool.map(examine, chunks):
            index.keep([facts for *_, facts in examined if facts])
            excluded += [(path, why) for path, why, *_ in examined if why]
            clips += [clip for _, why, clip, _ in examined if not why]
            if len(clips) > 4096:  # a table takes a fifth of the memory
                tables.append(pd.DataFrame(clips, columns=columns))
                clips.clear()
            bar.update(len(examined))
    tables.append(pd.DataFrame(clips, columns=columns))
    table = pd.concat(tables, ignore_index=True)
    table["split"] = table["split"].astype(object).fillna("")
    table, conflicts = drop_conflicts(table)
    excluded = to_excluded(excluded + without_root(conflicts))
    if table.empty:
        found = Counter(dict(reasons(excluded)))
        found.update(f"other file ({ending})" for ending in others.elements())
        found = [f"{n} {what}" for what, n in found.most_common(5)]
        raise RecipeError(
            f"no usable clip of {corpus.name} in '{folder}': looked for "
            f"audio ({' '.join(AUDIO_ENDINGS)}) in it and below, found "
            f"{', '.join(found) or 'no file at all'}"
            f"{looks_like(folder, corpus)}; pass the folder as --data_folder "
            "and its corpus as --corpus."
        )
    strange = len(excluded) - len(conflicts)
    if strange > len(table) and (other := looks_like(folder, corpus)):
        logger.warning(
            "most files in %s are no clips of %s%s", folder, corpus.name, other
        )
    return table.sort_values("ID", ignore_index=True), excluded


def to_excluded(rows):
    """Makes the table of what is excluded, sorted."""
    table = pd.DataFrame(rows, columns=["path", "reason"])
    return table.sort_values(["path", "reason"], ignore_index=True)


def without_root(rows):
    """Takes the variable from the paths of (path, reason)."""
    return [(path.split("/", 1)[1], reason) for path, reason in rows]


def list_files(data_folder):
    """Lists the audio files of a folder and all below it.

    Arguments
    ---------
    data_folder : pathlib.Path
        Where to look.

    Returns
    -------
    paths : list of pathlib.Path
        Sorted, so that what is kept of two copies does not depend on the disk.
    others : collections.Counter
        Endings of the files that do not claim to be audio.
    excluded : list of (str, str)
        Folders that may not be listed, and the reason.
    """
    paths, others, excluded = [], Counter(), []

    def refuse(error):
        """Notes a folder that cannot be listed."""
        folder = Path(error.filename).relative_to(data_folder).as_posix()
        excluded.append((folder, "folder cannot be listed"))

    seen = set()  # links to folders are followed, in a circle but once
    for folder, below, names in os.walk(
        data_folder, onerror=refuse, followlinks=True
    ):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        for name in names:
            ending = Path(name).suffix.lower()
            if ending in AUDIO_ENDINGS:
                paths.append(Path(folder) / name)
            else:
                others[ending or "no ending"] += 1
    return sorted(paths), others, excluded


def examine_clip(corpus, root, path, min_duration, known):
    """Reads one file.

    Returns
    -------
    path : str
        Relative to the folder, with forward slashes.
    reason : str or None
        Why it is excluded; what follows a colon is particular to the file.
    clip : dict or None
        A row of the manifest, and `split`.
    facts : tuple or None
        What the index is to keep.
    """
    relative = path.relative_to(corpus.folder).as_posix()
    if "\r" in relative or not is_text(relative):
        relative = relative.encode("utf-8", "backslashreplace").decode()
        reason = "carriage return or broken Unicode in the path"
        return relative, reason, None, None
    entry = None
    try:
        if "$" in relative:
            raise ValueError("a $ in the path, a variable to SpeechBrain")
        clip = {"ID": path.stem} | corpus.describe(PurePath(relative))
        if clip["emotion"] not in corpus.classes:
            raise ValueError(f"emotion not in the class set: {clip['emotion']}")
        if "$" in "".join(str(value) for value in clip.values()):
            raise ValueError("a $ in its labels, a variable to SpeechBrain")
        if clip["ID"] in corpus.defects:
            raise ValueError(corpus.defects[clip["ID"]])
        if not path.is_file():
            raise ValueError("not a regular file")
        facts = known.get(path)
        if facts is None:
            facts, entry = known.read(path)
    except PermissionError:
        return relative, "no permission to read it", None, None
    except (OSError, ValueError) as error:
        return relative, str(error), None, None
    facts = dict(facts)
    reason = facts.pop("reason")
    if facts["duration"] is not None and (
        facts["duration"] < max(min_duration, 1 / facts["sample_rate"])
    ):
        reason = f"shorter than {min_duration:g} s"
    if reason:
        return relative, reason, None, entry
    return relative, None, clip | facts | {"wav": f"${root}/{relative}"}, entry


def drop_conflicts(table):
    """Drops second files of one ID, and identical audio under two labels, of
    which at least one is wrong.

    Returns
    -------
    table : pandas.DataFrame
        What is left.
    excluded : list of (str, str)
        Path and reason of what is not.
    """
    first = table.drop_duplicates("ID").set_index("ID")["wav"]
    second = table["ID"].duplicated()
    labels = table[~second].groupby("sha256")["emotion"]
    torn = (labels.transform("nunique") > 1).reindex(
        table.index, fill_value=False
    )
    excluded = [
        (clip.wav, f"second file of one name: the first is {first[clip.ID]}")
        for clip in table[second].itertuples()
    ] + [
        (clip.wav, f"identical audio under two labels: {clip.sha256}")
        for clip in table[torn].itertuples()
    ]
    return table[~second & ~torn], excluded


def manifest_sha256(paths):
    """Hashes manifests, and with them the split and the audio.

    Arguments
    ---------
    paths : list of str or pathlib.Path
        CSV files.

    Returns
    -------
    str
    """
    content = b"".join(Path(path).read_bytes() for path in paths)
    return hashlib.sha256(content).hexdigest()


def read_manifest(path):
    """Reads a manifest and checks it.

    Arguments
    ---------
    path : str or pathlib.Path
        A CSV file that `prepare` wrote, or one like it.

    Returns
    -------
    pandas.DataFrame
        A row a clip, columns as in `SCHEMA`.

    Raises
    ------
    RecipeError
        If the file is not there or does not fit the schema.
    """
    types = {name: column.dtype.type for name, column in SCHEMA.columns.items()}
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if table.empty:
            raise ValueError("it holds no clip")
        return SCHEMA.validate(table.astype(types))
    except (OSError, ValueError, KeyError, pa.errors.SchemaError) as error:
        raise RecipeError(
            f"{path} is not a manifest with the columns {', '.join(COLUMNS)} "
            f"({error}): prepare the data again."
        ) from error


def read_split(folder):
    """Reads what `prepare` says of a split.

    Arguments
    ---------
    folder : str or pathlib.Path
        That of the manifests.

    Returns
    -------
    dict
        `protocol` in words, `num_folds`, `shares_speakers`, and the `notice`
        that must be said with every score.
    """
    try:
        return json.loads((Path(folder) / "split.json").read_text("utf-8"))
    except FileNotFoundError:
        return {
            "protocol": "manifests that were given",
            "num_folds": 1,
            "shares_speakers": False,
            "notice": "",
        }


def write_csv(table, path):
    """Writes a table whole or not at all.

    Arguments
    ---------
    table : pandas.DataFrame
        What to write.
    path : pathlib.Path
        Where; its folder is made.
    """
    write_text(table.to_csv(index=False, lineterminator="\n"), path)


def write_text(text, path):
    """Writes a text file whole or not at all, as `write_csv`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    os.replace(unfinished, path)
