"""Prepares MyCorpus: the CSV files of one fold."""

import glob
import hashlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from data_prep.manifest import SPLITS, UNKNOWN, hash_audio
from data_prep.protocol import grouped_folds
from data_prep.split import names_by_speaker

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)
ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")
COLUMNS = (
    "ID duration wav spk_id gender emotion sentence sample_rate channels sha256"
).split()
SILENCE = 1e-4  # peak of full scale, -80 dB
NUM_FOLDS = 5

# The four that follow are those of a corpus in an export.
CLASSES = ("angry", "happy", "neutral", "sad")
FOLDS = ()  # test speakers of each fold, if they are fixed
DEFECTS = {}  # from IDs of clips that are known to be unfit to the reason


def describe(path):
    """Reads speaker_emotion_sentence, such as anna_angry_01."""
    names = ("spk_id", "emotion", "sentence")
    return dict(zip(names, path.stem.split("_")), gender="unknown")


def find_clips(data_folder, min_duration):
    """Returns the table of usable clips, by ID, and (path, reason) of the
    audio files that are not."""
    paths = map(Path, glob.glob("**", root_dir=data_folder, recursive=True))
    paths = sorted(path for path in paths if path.suffix.lower() in ENDINGS)
    clips, excluded = [], []
    for path in paths:
        try:
            clip = {"ID": path.stem, "path": path.as_posix()} | describe(path)
            reason = DEFECTS.get(clip["ID"], "emotion not in the class set")
            if clip["ID"] in DEFECTS or clip["emotion"] not in CLASSES:
                raise ValueError(reason)
            content = (Path(data_folder) / path).read_bytes()
            clips.append(clip | read_facts(content, min_duration))
        except (OSError, ValueError) as error:
            excluded.append((path.as_posix(), str(error)))
    if not clips:
        raise FileNotFoundError(
            f"no usable clip of MyCorpus in '{data_folder}', of {len(paths)} "
            "audio files: pass the folder of MyCorpus as --data_folder."
        )
    table = pd.DataFrame(clips)
    second = table["ID"].duplicated()
    labels = table[~second].groupby("audio")["emotion"].transform("nunique")
    conflict = labels.reindex(table.index, fill_value=1) > 1
    for unfit, reason in (
        (second, "second file of one name"),
        (conflict, "identical audio under two labels"),
    ):
        excluded += [(path, reason) for path in table["path"][unfit]]
    table = table[~second & ~conflict].sort_values("ID", ignore_index=True)
    # One hash stands for all files of the same audio.
    table["audio"] = table.groupby("audio")["sha256"].transform("min")
    # data_root is a variable that train.py replaces.
    return table.assign(wav="$data_root/" + table["path"]), excluded


def read_facts(content, min_duration):
    """Reads length (s), rate (Hz), channels and hash of a file; raises
    ValueError if the audio cannot be used."""
    try:
        channels, rate = soundfile.read(io.BytesIO(content), always_2d=True)
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
        "audio": hash_audio(wav, rate),
    }


def known_speakers(table):
    """Lists the speakers who are known."""
    return sorted(set(table["spk_id"]) - {UNKNOWN})


def emobox_folds(table):
    """Returns EmoBox's folds of test speakers or, if one would be empty, as
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
    """Returns folds of clips, whose speakers are shared; clips of identical
    audio stay together."""
    return [
        table["ID"][table["audio"].isin(hashes)].tolist()
        for hashes in grouped_folds(table, "audio", NUM_FOLDS)
    ]


def official_folds(table):
    """Returns the only fold, whose clips the corpus has split itself."""
    return [[]]


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
    Path(save_folder).mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        clips = table[names == name]
        speakers = sorted(set(clips["spk_id"]))
        logger.info("%s: %d clips of %s", name, len(clips), speakers)
        path = Path(save_folder, f"{name}.csv")
        clips.to_csv(path, columns=COLUMNS, index=False)
    unused = ~names.isin(SPLITS)
    excluded += zip(table["path"][unused], names[unused])
    logger.info("%d files excluded: see excluded.csv", len(excluded))
    excluded = pd.DataFrame(sorted(excluded), columns=["path", "reason"])
    excluded.to_csv(Path(save_folder, "excluded.csv"), index=False)
