"""Prepares MyCorpus: the CSV files of one fold."""

import hashlib
import io
import os
import re
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import soundfile
from data_prep.manifest import SPLITS, UNKNOWN
from data_prep.protocol import grouped_folds
from data_prep.split import names_by_speaker

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
COLUMNS = (
    "ID duration wav spk_id gender emotion sentence sample_rate channels sha256"
).split()
ROOT = "$data_root/"  # a variable that train.py replaces
SILENCE = 1e-4  # peak of full scale, -80 dB
NUM_FOLDS = 5

# The four that follow are those of a corpus in an export.
CLASSES = ("angry", "happy", "neutral", "sad")
FOLDS = ()  # test speakers of each fold, where they are fixed
DEFECTS = {}  # from IDs of clips that are known to be unfit to the reason


def describe(path):
    """Reads speaker_emotion_sentence, such as anna_angry_01."""
    speaker, emotion, sentence = path.stem.split("_")
    return {
        "spk_id": speaker,
        "gender": "unknown",
        "emotion": emotion,
        "sentence": sentence,
    }


def find_clips(data_folder, min_duration):
    """Returns the table of usable clips, by ID, and (path, reason) of the
    audio files that are not."""
    paths = sorted(
        Path(folder) / name
        for folder, _, names in os.walk(data_folder, followlinks=True)
        for name in names
        if name.lower().endswith(ENDINGS)
    )
    clips, excluded = [], []
    for path in paths:
        relative = path.relative_to(data_folder).as_posix()
        try:
            clip = {"ID": path.stem} | describe(PurePath(relative))
            if clip["emotion"] not in CLASSES:
                raise ValueError("emotion not in the class set")
            if clip["ID"] in DEFECTS:
                raise ValueError(DEFECTS[clip["ID"]])
            clip |= read_facts(path, min_duration)
            clips.append(clip | {"wav": ROOT + relative})
        except (OSError, ValueError) as error:
            excluded.append((relative, str(error)))
    if not clips:
        raise FileNotFoundError(
            f"no usable clip of MyCorpus in '{data_folder}', of {len(paths)} "
            "audio files: pass the folder of MyCorpus as --data_folder."
        )
    table = pd.DataFrame(clips)
    second = table["ID"].duplicated()
    labels = table[~second].groupby("sha256")["emotion"].transform("nunique")
    conflict = labels.reindex(table.index, fill_value=1) > 1
    for unfit, reason in (
        (second, "second file of one name"),
        (conflict, "identical audio under two labels"),
    ):
        paths = table["wav"][unfit].str.removeprefix(ROOT)
        excluded += [(path, reason) for path in paths]
    table = table[~second & ~conflict].sort_values("ID", ignore_index=True)
    return table, excluded


def read_facts(path, min_duration):
    """Reads length (s), rate (Hz), channels and hash of a file; raises
    ValueError where the audio cannot be used."""
    content = path.read_bytes()
    if not content:
        raise ValueError("empty file")
    try:
        channels, rate = soundfile.read(
            io.BytesIO(content), dtype="float32", always_2d=True
        )
        log = soundfile.info(io.BytesIO(content), verbose=True).extra_info
    except soundfile.LibsndfileError as error:
        raise ValueError("not audio, or damaged") from error
    # A size from 0x7FFFF000 on stands for an unknown one.
    cut = re.search(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)", log, re.M)
    if cut and int(cut[2]) < int(cut[1]) < 0x7FFFF000:
        raise ValueError("truncated file")
    wav = channels.mean(axis=1)
    if not np.isfinite(wav).all():
        raise ValueError("NaN or infinite samples")
    if len(wav) / rate < min_duration:
        raise ValueError(f"shorter than {min_duration:g} s")
    if np.abs(wav - wav.mean()).max() < SILENCE:
        raise ValueError("silence")
    return {
        "duration": len(wav) / rate,
        "sample_rate": rate,
        "channels": channels.shape[1],
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def known_speakers(table):
    """Lists the speakers who are known."""
    return sorted(set(table["spk_id"]) - {UNKNOWN})


def emobox_folds(table):
    """Returns EmoBox's folds of test speakers or, where one would be empty, as
    many of the speakers who are there."""
    speakers = known_speakers(table)
    folds = [[s for s in fold if s in speakers] for fold in FOLDS]
    if not all(folds):
        number = min(len(folds), len(speakers))
        folds = [speakers[start::number] for start in range(number)]
    return folds


def loso_folds(table):
    """Returns a fold for each speaker, who is its test set."""
    return [[speaker] for speaker in known_speakers(table)]


def kfold_folds(table):
    """Returns the fixed folds of test speakers, if none is empty, or makes
    some that balance the emotions."""
    speakers = known_speakers(table)
    folds = [[s for s in fold if s in speakers] for fold in FOLDS]
    if len(folds) == NUM_FOLDS and all(folds):
        return folds
    return grouped_folds(table, "spk_id", NUM_FOLDS)


def random_folds(table):
    """Returns folds of clips, whose speakers are shared; byte-identical clips
    stay together."""
    return [
        table["ID"][table["sha256"].isin(hashes)].tolist()
        for hashes in grouped_folds(table, "sha256", NUM_FOLDS)
    ]


def prepare_my_corpus(
    data_folder,
    save_folder,
    fold=1,
    valid_ratio=0.2,
    min_duration=0.1,
    skip_prep=False,
):
    """Writes train.csv, valid.csv and test.csv of one fold, and excluded.csv:
    the files that cannot be used, and why.

    Arguments
    ---------
    data_folder : str
        Where MyCorpus is. The names of files matter, the folders do not.
    save_folder : str
        Where the CSV files go.
    fold : int
        Which fold is the test set, from 1.
    valid_ratio : float
        Share of the training speakers that validate.
    min_duration : float
        Length in seconds below which a clip is excluded.
    skip_prep : bool
        If True, the CSV files are there, and nothing is done.

    Example
    -------
    >>> prepare_my_corpus("/path/to/MyCorpus", "manifests", fold=1)
    """
    if skip_prep:
        return
    table, excluded = find_clips(data_folder, min_duration)
    folds = kfold_folds(table)
    if not 1 <= fold <= len(folds):
        raise ValueError(f"fold {fold}: there are folds 1 to {len(folds)}.")
    names = names_by_speaker(table, folds, fold, valid_ratio)
    folder = Path(save_folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        clips = table[names == name]
        speakers = " ".join(sorted(set(clips["spk_id"])))
        logger.info("%s: %d clips of %s", name, len(clips), speakers)
        clips.to_csv(folder / f"{name}.csv", columns=COLUMNS, index=False)
    rest = names[~names.isin(SPLITS)]
    excluded += zip(table["wav"][rest.index].str.removeprefix(ROOT), rest)
    logger.info("%d files excluded: see excluded.csv", len(excluded))
    excluded = pd.DataFrame(excluded, columns=["path", "reason"])
    excluded.sort_values(["path", "reason"]).to_csv(
        folder / "excluded.csv", index=False
    )
