"""From the data folders to the manifests of a fold."""

import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
from data_prep.manifest import (
    COLUMNS,
    SCHEMA,
    SPLITS,
    check_splits,
    read_manifest,
    read_split,
)
from data_prep.protocol import known_speakers, make_protocol
from data_prep.scan import MAX_DURATION, count_reasons, find_clips
from data_prep.split import split
from ser.errors import RecipeError
from ser.files import write_csv, write_text

logger = logging.getLogger(__name__)  # SpeechBrain's would import PyTorch
logger.setLevel(logging.INFO)  # as SpeechBrain's is


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
    max_duration=MAX_DURATION,
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
    max_duration : float
        Longest clip that is accepted, in seconds.

    Returns
    -------
    list of str
        Warnings: what is excluded, and what the corpora lack.

    Raises
    ------
    RecipeError
        If nothing is usable, there is no such fold, a manifest holds other
        data already, or splits share a speaker or audio.
    """
    save_folder = Path(save_folder)
    if annotations is None:
        annotations = [save_folder / f"{name}.csv" for name in SPLITS]
    paths = dict(zip(SPLITS, map(Path, annotations), strict=True))
    if skip_prep:
        check_given(paths, save_folder, corpora)
        return []
    table, excluded = find_clips(
        corpora, min_duration, audio_index, max_duration
    )
    plan = make_protocol(table, corpora, protocol, num_folds, text_independent)
    splits, left_out = split(table, plan, fold, valid_ratio)
    plan = with_what_is_shared(plan, splits)
    check_splits(splits, plan.shares_speakers)
    left_out = pd.DataFrame(left_out, columns=excluded.columns)
    excluded = pd.concat([excluded, left_out])
    excluded = excluded.sort_values(["path", "reason"])
    write_manifests(splits, paths, corpora)
    write_csv(excluded, save_folder / "excluded.csv")
    facts = {
        "protocol": plan.words,
        "num_folds": len(plan.folds),
        "shares_speakers": plan.shares_speakers,
        "notice": corpora.notice,
    }
    write_text(json.dumps(facts, indent=2), save_folder / "split.json")
    log_splits(splits, plan, fold)
    messages = list_missing(corpora, table, splits)
    if len(excluded):
        total = len(excluded) + sum(len(clips) for clips in splits.values())
        counts = (f"{n} {why}" for why, n in count_reasons(excluded))
        messages.append(
            f"{len(excluded)} of {total} files excluded "
            f"({', '.join(counts)}): see {save_folder / 'excluded.csv'}"
        )
    for message in messages:
        logger.warning(message)
    return messages


def check_given(paths, save_folder, corpora):
    """Checks manifests that were not written just now: their schema, splits
    and classes."""
    manifests = {name: read_manifest(path) for name, path in paths.items()}
    check_splits(manifests, read_split(save_folder)["shares_speakers"])
    for name, clips in manifests.items():
        other = sorted(set(clips["emotion"]) - set(corpora.classes))
        if other:
            raise RecipeError(
                f"{paths[name]} holds {', '.join(other)}, and the classes of "
                f"{corpora.name} are {', '.join(corpora.classes)}: prepare "
                "again."
            )


def with_what_is_shared(protocol, splits):
    """Notes the speakers whom an official split shares, and whether sentences
    of the test set are trained on."""
    speakers = [s for c in splits.values() for s in known_speakers(c)]
    shared = sum(number > 1 for number in Counter(speakers).values())
    if protocol.name == "official" and shared:
        words = f"{protocol.words}, speakers shared ({shared} of them)"
        protocol = replace(protocol, words=words, shares_speakers=True)
    train, test = (
        set(splits[n]["sentence"].unique()) - {""} for n in ("train", "test")
    )
    if train & test:
        protocol = replace(
            protocol, words=f"{protocol.words}; sentences shared"
        )
    return protocol


def write_manifests(splits, paths, corpora):
    """Writes the manifests, unless one holds other clips already."""
    splits = {n: SCHEMA.validate(c[COLUMNS]) for n, c in splits.items()}
    for name, clips in splits.items():
        path = paths[name]
        if path.is_file() and not clips.equals(read_manifest(path)):
            raise RecipeError(
                f"{path} holds another split or other data than "
                f"{', '.join(corpora.roots.values())} has now: choose another "
                "folder (--save_folder of data_prep, --output_folder of "
                "train.py), or delete that one."
            )
    for name, clips in splits.items():
        write_csv(clips, paths[name])


def log_splits(splits, protocol, fold):
    """Logs the protocol, and the size and speakers of each split."""
    logger.info("protocol: %s; fold %d", protocol.words, fold)
    for name, clips in splits.items():
        speakers = sorted(clips["spk_id"].unique())
        logger.info(
            "%s: %d clips, %.2f h, %d speakers: %s",
            name,
            len(clips),
            clips["duration"].sum() / 3600,
            len(speakers),
            shorten(speakers),
        )


def list_missing(corpora, table, splits):
    """Lists the classes that splits lack, and what corpora that are not
    complete lack, a sentence each."""
    messages = []
    speakers = table.groupby("emotion")["spk_id"].nunique()
    for name, clips in splits.items():
        lacking = sorted(set(corpora.classes) - set(clips["emotion"].unique()))
        if lacking:
            counts = (str(speakers.get(emotion, 0)) for emotion in lacking)
            messages.append(
                f"{name} holds no clip of {', '.join(lacking)}; speakers who "
                f"have any: {', '.join(counts)}"
            )
    names = known_speakers(table)
    if len(names) > len(table) / 2:
        messages.append(
            f"{len(table)} clips have {len(names)} speakers ({shorten(names, 5)}): "
            "if these are no speakers, correct the pattern or the column that "
            "finds them, or one person is in training and test"
        )
    for corpus in corpora.all:
        clips = table[table["corpus"] == corpus.key]
        speakers = clips["spk_id"].drop_duplicates()
        speakers = speakers.str.removeprefix(f"{corpus.base}-")
        absent = sorted(set(corpus.speakers) - set(speakers))
        counts = Counter(clips["emotion"].value_counts().to_dict())
        short = [
            f"{counts[emotion]} of {number} {emotion}"
            for emotion, number in corpus.clips.items()
            if counts[emotion] < number
        ]
        if absent or short:
            messages.append(
                f"{corpus.name} is incomplete: {len(clips)} usable clips"
                + (f" of {sum(corpus.clips.values())}" if corpus.clips else "")
                + (f"; no speaker {shorten(absent)}" if absent else "")
                + (f"; {', '.join(short)}" if short else "")
            )
    return messages


def shorten(names, number=30):
    """Joins names (list of str), but at most `number` of them.

    Example
    -------
    >>> shorten(["01", "02", "03"], number=2)
    '01 02 and 1 more'
    """
    more = len(names) - number
    return " ".join(names[:number]) + (f" and {more} more" if more > 0 else "")
