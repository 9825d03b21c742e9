"""From the data folders to the manifests of a fold."""

import json
from dataclasses import replace
from pathlib import Path

from data_prep.manifest import (
    COLUMNS,
    SCHEMA,
    SPLITS,
    check_manifests,
    check_splits,
    read_manifest,
    read_split,
)
from data_prep.protocol import make_protocol
from data_prep.scan import count_reasons, find_clips, to_excluded, without_root
from data_prep.split import shared_speakers, split
from ser.errors import RecipeError
from ser.files import write_csv, write_text

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


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
    annotations=None,
    skip_prep=False,
):
    """Writes the manifests of a fold, or checks those that are there.

    Arguments
    ---------
    corpora : data_prep.corpora.Corpora
        What is prepared.
    save_folder : str or pathlib.Path
        Where excluded.csv and split.json go.
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
        The file with what is known of audio files.
    annotations : list of (str or pathlib.Path) or None
        The manifests for training, validation and test; None for train.csv,
        valid.csv and test.csv in `save_folder`.
    skip_prep : bool
        Whether the manifests that are there are used as they are.

    Returns
    -------
    list of str
        Warnings: what is excluded, and what the corpora lack.

    Raises
    ------
    RecipeError
        If the folder holds nothing usable, the fold does not exist, a manifest
        holds other data already, or splits share a speaker or audio.
    """
    save_folder = Path(save_folder)
    if annotations is None:
        annotations = [save_folder / f"{name}.csv" for name in SPLITS]
    paths = dict(zip(SPLITS, map(Path, annotations), strict=True))
    messages = []
    if not skip_prep:
        table, excluded = find_clips(corpora, min_duration, audio_index)
        plan = make_protocol(
            table, corpora, protocol, num_folds, text_independent
        )
        splits, left_out = split(table, plan, fold, valid_ratio)
        plan = with_shared_speakers(plan, splits)
        check_splits(splits, plan.shares_speakers)
        rows = excluded.itertuples(index=False, name=None)
        excluded = to_excluded([*rows, *without_root(left_out)])
        write_manifests(splits, paths, corpora)
        write_csv(excluded, save_folder / "excluded.csv")
        write_split(plan, corpora.notice, save_folder / "split.json")
        log_splits(splits, plan, fold)
        messages = list_missing(corpora, table, splits)
        messages += sum_up_excluded(excluded, splits, save_folder)
    check_manifests(paths, corpora, read_split(save_folder)["shares_speakers"])
    for message in messages:
        logger.warning(message)
    return messages


def with_shared_speakers(protocol, splits):
    """Notes the speakers whom an official split shares."""
    shared = shared_speakers(splits)
    if protocol.name != "official" or not shared:
        return protocol
    words = f"{protocol.words}, speakers shared ({len(shared)} of them)"
    return replace(protocol, words=words, shares_speakers=True)


def write_manifests(splits, paths, corpora):
    """Writes the manifests, unless one holds other clips already."""
    splits = {n: SCHEMA.validate(c[COLUMNS]) for n, c in splits.items()}
    for name, clips in splits.items():
        path = paths[name]
        if path.is_file() and not clips.equals(read_manifest(path)):
            raise RecipeError(
                f"{path} holds another split or other data than "
                f"{', '.join(corpora.roots.values())} has now: choose another "
                "--output_folder, or delete that one."
            )
    for name, clips in splits.items():
        write_csv(clips, paths[name])


def write_split(protocol, notice, path):
    """Writes what a split is, for logs and reports."""
    facts = {
        "protocol": protocol.words,
        "num_folds": len(protocol.folds),
        "shares_speakers": protocol.shares_speakers,
        "notice": notice,
    }
    write_text(json.dumps(facts, indent=2), path)


def log_splits(splits, protocol, fold):
    """Logs the protocol, and the size and speakers of each split."""
    logger.info("protocol: %s; fold %d", protocol.words, fold)
    for name, clips in splits.items():
        logger.info(
            "%s: %d clips, %.2f h, %d speakers: %s",
            name,
            len(clips),
            clips["duration"].sum() / 3600,
            clips["spk_id"].nunique(),
            shorten(sorted(clips["spk_id"].unique())),
        )


def list_missing(corpora, table, splits):
    """Lists the classes that splits lack, and what corpora that are not
    complete lack, a sentence each."""
    messages = []
    for name, clips in splits.items():
        lacking = sorted(set(corpora.classes) - set(clips["emotion"]))
        if lacking:
            messages.append(f"{name} holds no clip of {', '.join(lacking)}")
    for corpus in corpora.all:
        clips = table[table["corpus"] == corpus.key]
        speakers = clips["spk_id"].str.removeprefix(f"{corpus.key}-")
        absent = sorted(set(corpus.speakers) - set(speakers))
        counts = clips["emotion"].value_counts()
        short = [
            f"{counts.get(emotion, 0)} of {number} {emotion}"
            for emotion, number in corpus.clips.items()
            if counts.get(emotion, 0) < number
        ]
        if absent or short:
            messages.append(
                f"{corpus.name} is incomplete: {len(clips)} usable clips"
                + (f" of {sum(corpus.clips.values())}" if corpus.clips else "")
                + (f"; no speaker {shorten(absent)}" if absent else "")
                + (f"; {', '.join(short)}" if short else "")
            )
    return messages


def sum_up_excluded(excluded, splits, save_folder):
    """Sums up what is excluded in one sentence, or none."""
    if excluded.empty:
        return []
    number = len(excluded) + sum(len(clips) for clips in splits.values())
    counts = ", ".join(f"{n} {reason}" for reason, n in count_reasons(excluded))
    return [
        f"{len(excluded)} of {number} files excluded ({counts}): see "
        f"{save_folder / 'excluded.csv'}"
    ]


def shorten(names, number=30):
    """Joins names, but not hundreds of them.

    Arguments
    ---------
    names : list of str
        All of them.
    number : int
        How many are written out.

    Returns
    -------
    str

    Example
    -------
    >>> shorten(["01", "02", "03"], number=2)
    '01 02 and 1 more'
    """
    more = len(names) - number
    return " ".join(names[:number]) + (f" and {more} more" if more > 0 else "")
