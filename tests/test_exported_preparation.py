"""The preparation in exported recipes, which must agree with this
repository's on any data.
"""

import importlib.util
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile
from corpus_files import audio, prepare_corpus, put, put_corpus
from data_prep.corpus import find_corpus
from forking.standalone import export_preparation, export_recipe
from ser.errors import RecipeError


def preparation(key, destination):
    """Exports a recipe and imports its preparation."""
    folder, _ = export_recipe(key, destination)
    return import_file(destination / folder / f"{key}_prepare.py")


def import_file(path):
    """Imports an exported preparation and returns its function."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, f"prepare_{path.stem.removesuffix('_prepare')}")


def read_folder(folder):
    """Reads the manifests as bytes, and the paths that are excluded."""
    splits = ("train", "valid", "test")
    manifests = [(folder / f"{name}.csv").read_bytes() for name in splits]
    excluded = pd.read_csv(folder / "excluded.csv", dtype=str)
    return manifests, excluded["path"].tolist()


@pytest.mark.parametrize(
    "key, folds",
    [
        ("ravdess", 6),  # EmoBox's folds
        ("cafe", 3),
        ("emodb", 10),  # leave one speaker out
        ("crema_d", 5),  # folds of its own
        ("shemo", 5),  # folds that are made
        ("tess", 4),  # of clips
    ],
)
def test_preparations_agree(key, folds, tmp_path):
    """An exported one writes the bytes of this repository's, fold by fold, and
    refuses a fold that does not exist."""
    data = put_corpus(key, tmp_path / "data")
    prepare = preparation(key, tmp_path / "exported")
    for fold in {1, 2, folds}:
        prepare_corpus(key, data, tmp_path / f"here{fold}", fold=fold)
        prepare(data, tmp_path / f"there{fold}", fold=fold)
        here = read_folder(tmp_path / f"here{fold}")
        assert read_folder(tmp_path / f"there{fold}") == here
    for fold in (0, folds + 1):
        with pytest.raises(ValueError, match=f"there are folds 1 to {folds}"):
            prepare(data, tmp_path / "no", fold=fold)


def test_preparations_agree_on_what_cannot_be_used(tmp_path):
    """Of actors some are missing; of files some are broken, empty, silent, cut
    short, named otherwise, or there twice."""
    data = put_corpus("ravdess", tmp_path / "data")
    shutil.rmtree(data / "Actor_08")
    name = "Actor_01/03-01-0{}-01-01-01-01.wav"
    put(data / name.format(1), b"")
    put(data / name.format(2), b"not audio")
    put(data / name.format(3), audio("cut")[:-999])
    put(data / "Actor_02/03-01-01-01-01-01-02.wav")
    put(data / "copy/03-01-01-01-01-01-02.wav")
    put(data / "Actor_02/03-02-01-01-01-01-02.wav")
    put(data / "music.WAV")
    put(data / "notes.txt")
    same = audio("same")
    for code in (4, 5):
        put(data / name.format(code), same)
    for code, samples in ((6, np.zeros(8000)), (7, np.ones(10) / 9)):
        soundfile.write(data / name.format(code), samples, 8000)
    samples = np.full(8000, np.nan)
    soundfile.write(data / name.format(8), samples, 8000, subtype="FLOAT")
    prepare_corpus("ravdess", data, tmp_path / "here")
    preparation("ravdess", tmp_path / "exported")(data, tmp_path / "there")
    manifests, excluded = read_folder(tmp_path / "there")
    assert (manifests, excluded) == read_folder(tmp_path / "here")
    assert len(excluded) == 11
    assert sum(text.count(b"\n") - 1 for text in manifests) == 11


OFFICIAL = '''"""A corpus that splits itself."""

from data_prep.corpus import Corpus


def describe(path):
    """Reads such as test/anna_happy_1.wav."""
    speaker, emotion, _ = path.stem.split("_")
    split = path.parts[0]
    return dict(
        spk_id=speaker, gender="", emotion=emotion, sentence="", split=split
    )


CORPUS = Corpus(
    name="Mine",
    classes=("happy", "sad"),
    describe=describe,
    protocol="official",
)
'''


def test_an_official_split_is_exported(tmp_path):
    """Clips stay where the corpus has them, and training speakers validate."""
    speakers = {"train": ("anna", "bob", "carl"), "test": ("dora", "unknown")}
    for split, names in speakers.items():
        for name in names:
            for emotion in ("happy", "sad"):
                put(tmp_path / f"data/{split}/{name}_{emotion}_1.wav")
    corpus = replace(find_corpus("ravdess"), key="mine", protocol="official")
    path = tmp_path / "mine_prepare.py"
    path.write_text(export_preparation(corpus, OFFICIAL), encoding="utf-8")
    import_file(path)(tmp_path / "data", tmp_path / "out")
    splits = {
        name: set(pd.read_csv(tmp_path / f"out/{name}.csv")["spk_id"])
        for name in ("train", "valid", "test")
    }
    assert splits["test"] == {"dora", "unknown"}
    assert len(splits["valid"]) == 1 and not splits["valid"] & splits["train"]
    assert splits["valid"] | splits["train"] == {"anna", "bob", "carl"}


def test_names_that_would_clash_are_refused():
    """A corpus's script may not define what the preparation has."""
    corpus = replace(find_corpus("ravdess"), key="mine", protocol="official")
    script = OFFICIAL.replace("\n\ndef desc", "\nSILENCE = ()\n\n\ndef desc")
    script = script.replace("path.parts[0]", "path.parts[0] or SILENCE")
    with pytest.raises(RecipeError, match="corpus defines SILENCE, as the"):
        export_preparation(corpus, script)


def test_preparation_of_nothing(tmp_path):
    """An error says what was looked for; with skip_prep nothing is done."""
    prepare = preparation("ravdess", tmp_path / "exported")
    with pytest.raises(FileNotFoundError, match="no usable clip of RAVDESS"):
        prepare(tmp_path / "nowhere", tmp_path / "out")
    prepare(tmp_path / "nowhere", tmp_path / "out", skip_prep=True)
    assert not (tmp_path / "out").exists()


def test_real_corpora_are_prepared_alike(ser_data, tmp_path):
    """RAVDESS and EMO-DB, as far as they are here."""
    for key in ("ravdess", "emodb"):
        folder = tmp_path / key
        prepare_corpus(key, ser_data / key, folder / "here", fold=2)
        preparation(key, folder)(ser_data / key, folder / "there", fold=2)
        assert read_folder(folder / "there") == read_folder(folder / "here")
