"""The contract of a manifest: its schema, the reading, and the checks."""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from ser.errors import RecipeError

SPLITS = ("train", "valid", "test")
UNKNOWN = "unknown"  # a speaker who may be anyone

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


def read_manifest(path):
    """Reads a CSV file and checks it against the schema.

    Arguments
    ---------
    path : str or pathlib.Path
        The manifest.

    Returns
    -------
    pandas.DataFrame
        A row a clip, columns as in `SCHEMA`.

    Raises
    ------
    RecipeError
        If it cannot be read, holds no clip, or does not fit the schema.
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


def check_splits(splits, shares_speakers=False):
    """Checks that splits are disjoint.

    Arguments
    ---------
    splits : dict
        From names to tables of clips, such as `read_manifest` returns; with a
        column `audio`, as from `find_clips`, decoded audio is compared, and
        else the bytes of the files.
    shares_speakers : bool
        Whether they may share speakers.

    Raises
    ------
    RecipeError
        If two share an ID, audio or a speaker, with a pair of clips.
    """
    columns = {"ID": "ID", "spk_id": "speaker"}
    columns |= {"sha256": "audio", "audio": "audio"}
    if shares_speakers:
        del columns["spk_id"]
    for (one, left), (two, right) in itertools.combinations(splits.items(), 2):
        for column, what in columns.items():
            if column not in left:
                continue
            values = [c[column].drop_duplicates() for c in (left, right)]
            values = pd.concat(values)
            both = values[values.duplicated() & (values != UNKNOWN)]
            if len(both):
                value = both.min()
                first, second = (
                    clips["ID"][clips[column] == value].iloc[0]
                    for clips in (left, right)
                )
                raise RecipeError(
                    f"the splits share {what}: {first} in {one} and {second} "
                    f"in {two} have the same {column} {value}; remove one of "
                    "them."
                )


def hash_audio(wav, sample_rate):
    """Hashes decoded audio, in 16 bits: a clip, its FLAC, its copies of 24 bits
    and in floating point, with other tags or with a second channel that is
    the same have one hash. Copies that are lossy, trimmed, scaled or resampled
    have others.

    Arguments
    ---------
    wav : numpy.ndarray
        Mono waveform [sample] of float32, full scale is 1.
    sample_rate : int
        In Hz.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    wav = np.clip(wav, -1, 1 - 2**-15)
    wav *= 2**15
    wav = np.rint(wav, out=wav).astype("<i2")
    return hashlib.sha256(b"%d " % sample_rate + wav.tobytes()).hexdigest()


def manifest_sha256(paths):
    """Hashes manifests, and with them the split and the audio: takes a list of
    the paths of train, valid and test, in this order; returns hexadecimal
    digits."""
    content = b"".join(Path(path).read_bytes() for path in paths)
    return hashlib.sha256(content).hexdigest()


def read_split(folder):
    """Reads what `prepare` wrote about a split.

    Arguments
    ---------
    folder : str or pathlib.Path
        Of the manifests.

    Returns
    -------
    dict
        `protocol` in words, `num_folds`, `shares_speakers`, and the `notice`
        that must be printed with every score.
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
