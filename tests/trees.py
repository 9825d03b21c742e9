"""Writes trees of clips with names as in RAVDESS and EMO-DB, and prepares
them.
"""

import io
import zlib
from itertools import product

import numpy as np
import pandas as pd
import soundfile
from data_prep.corpora import Corpora
from data_prep.manifest import SPLITS, read_manifest, read_split
from data_prep.prepare import prepare
from ser.audio import SAMPLE_RATE

ACTORS = [f"{number:02}" for number in range(1, 25)]
EMODB_SPEAKERS = "03 08 09 10 11 12 13 14 15 16".split()
NAME = "03-01-03-01-01-01-01.wav"  # a clip that no tree here holds yet


def noise(seed, seconds=0.2, rate=SAMPLE_RATE):
    """Makes white noise, different for each seed."""
    rng = np.random.default_rng(zlib.crc32(str(seed).encode()))
    return rng.uniform(-0.5, 0.5, int(seconds * rate))


def encode(signal, rate=SAMPLE_RATE, kind="WAV", subtype=None):
    """Makes the bytes of an audio file."""
    file = io.BytesIO()
    soundfile.write(file, signal, rate, format=kind, subtype=subtype)
    return file.getvalue()


def id3_tag(size):
    """Makes an ID3 tag, such as a picture of this size needs."""
    length = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + bytes(size)


def put(path, content=None):
    """Writes a file: noise, or the content that is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(noise(path.name)) if content is None else content)
    return path


def put_ravdess(folder, actors):
    """Writes a neutral and an angry clip of each actor."""
    for actor, emotion in product(actors, ("01", "05")):
        name = f"03-01-{emotion}-01-01-01-{actor}.wav"
        put(folder / f"Actor_{actor}" / name)
    return folder


def put_all_emotions(folder, actors):
    """Writes a clip of each emotion and statement of each actor."""
    for actor, emotion, statement in product(actors, range(1, 9), (1, 2)):
        put(folder / f"03-01-{emotion:02}-01-{statement:02}-01-{actor}.wav")
    return folder


def put_emodb(folder):
    """Writes an angry and a neutral clip of each speaker."""
    for speaker, emotion in product(EMODB_SPEAKERS, "WN"):
        put(folder / "wav" / f"{speaker}a01{emotion}a.wav")
    return folder


def declare(corpus, folder, **options):
    """Opens the corpora of a run, as a YAML file does."""
    names = "label_set test_corpus test_data_folder columns speaker_pattern"
    defaults = dict.fromkeys(names.split(), "") | {"label_set": "own"}
    return Corpora(corpus, folder, **(defaults | options))


def run_prepare(folder, save, corpus="ravdess", fold=1, **options):
    """Prepares a fold, and reads the manifests."""
    settings = {
        "protocol": "default",
        "num_folds": 5,
        "text_independent": False,
        "valid_ratio": 0.2,
        "min_duration": 0.1,
        "audio_index": save.parent / "index.sqlite",
        "annotations": None,
        "skip_prep": False,
    }
    settings |= {k: options.pop(k) for k in list(options) if k in settings}
    if isinstance(corpus, str):
        corpus = declare(corpus, folder, **options)
    prepare(corpus, save, fold=fold, **settings)
    paths = settings["annotations"] or [save / f"{n}.csv" for n in SPLITS]
    return {name: read_manifest(path) for name, path in zip(SPLITS, paths)}


def prepare_all(folder, save, corpus="ravdess", **options):
    """Prepares every fold, in a folder of its number each."""
    folds = [run_prepare(folder, save / "1", corpus, 1, **options)]
    for fold in range(2, read_split(save / "1")["num_folds"] + 1):
        splits = run_prepare(folder, save / str(fold), corpus, fold, **options)
        folds.append(splits)
    return folds


def whole(splits):
    """Returns the clips of all splits, by ID."""
    return pd.concat(splits.values()).set_index("ID").sort_index()


def speakers(splits):
    """Returns the speakers of each split."""
    return {name: set(clips["spk_id"]) for name, clips in splits.items()}


def excluded(save):
    """Returns the reason for each excluded path."""
    table = pd.read_csv(save / "excluded.csv", keep_default_na=False)
    assert list(table.columns) == ["path", "reason"]
    return dict(zip(table["path"], table["reason"]))
