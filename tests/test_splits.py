"""Splits: what they do not depend on, and what they leave in no manifest."""

import zlib

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT
from data_prep.corpora import Corpora
from data_prep.prepare import prepare
from ser.settings import start_run

MANIFESTS = ("train.csv", "valid.csv", "test.csv")


def prepare_fold(data_folder, cache, output_folder, **overrides):
    """Prepares a fold as the recipe's settings say; gives the bytes of what
    is written, by name."""
    hparams = start_run(
        ROOT / "hparams/train.yaml",
        {
            "corpus": "ravdess",
            "data_folder": str(data_folder),
            "cache_folder": str(cache),
            "output_folder": str(output_folder),
        }
        | overrides,
    )
    hparams["prepare"]()
    folder = output_folder / "manifests"
    assert folder.samefile(hparams["manifest_folder"])
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(path):
    """Writes 0.2 s of noise that no other name gives."""
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, rng.uniform(-0.5, 0.5, 3200), 16000)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What was read of the audio, common to the runs of this file."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("protocol", ["default", "loso", "kfold", "random"])
def test_a_seed_changes_no_split(small_corpus, cache, tmp_path, protocol):
    """Seeds are compared on the same clips: who trains, validates and tests
    is the same to the byte, and so is all that is written beside."""
    options = {"protocol": protocol, "num_folds": 2}
    one, two, three = (
        prepare_fold(
            small_corpus, cache, tmp_path / str(seed), seed=seed, **options
        )
        for seed in (1, 2, 1234)
    )
    assert {*MANIFESTS, "excluded.csv", "split.json"} == one.keys()
    assert one == two == three


def test_each_fold_has_its_own_validation_speakers(
    small_corpus, cache, tmp_path
):
    """Not the seed but the fold chooses them: in four folds, all four."""
    valid = []
    for fold in (1, 2, 3, 4):
        folder = tmp_path / str(fold)
        prepare_fold(small_corpus, cache, folder, protocol="loso", fold=fold)
        table = pd.read_csv(folder / "manifests/valid.csv", dtype=str)
        valid += table["spk_id"].unique().tolist()
    assert sorted(valid) == ["01", "02", "03", "04"]


@pytest.mark.parametrize("tested", [False, True])
def test_excluded_files_of_all_corpora_are_listed(tmp_path, tested):
    """Those of the first as those of the second, each with its corpus's key
    before the path, whether the second is trained on or tested."""
    ravdess, emodb = tmp_path / "R", tmp_path / "E"
    for actor in ("01", "02", "03", "04"):
        for code in ("01", "05"):
            put(ravdess / f"Actor_{actor}/03-01-{code}-01-01-01-{actor}.wav")
    for speaker in ("03", "08", "09", "10"):
        for code in "WN":
            put(emodb / f"wav/{speaker}a01{code}a.wav")
    put(ravdess / "Actor_01/03-02-05-01-01-01-01.wav")
    put(ravdess / "notes.wav")
    put(emodb / "wav/03a01Qa.wav")
    put(emodb / "notes.wav")
    settings = {"corpus": "ravdess,emodb", "data_folder": f"{ravdess},{emodb}"}
    test = {"test_corpus": "", "test_data_folder": ""}
    if tested:
        settings = {"corpus": "ravdess", "data_folder": ravdess}
        test = {"test_corpus": "emodb", "test_data_folder": emodb}
    corpora = Corpora(
        **(settings | test),
        label_set="common",
        columns="",
        speaker_pattern="",
    )
    messages = prepare(
        corpora,
        tmp_path / "manifests",
        protocol="default",
        fold=1,
        num_folds=2,
        text_independent=False,
        valid_ratio=0.2,
        min_duration=0.1,
        audio_index=tmp_path / "index.sqlite",
    )
    table = pd.read_csv(tmp_path / "manifests/excluded.csv")
    assert dict(zip(table["path"], table["reason"])) == {
        "emodb/notes.wav": "name does not parse as speaker, text, emotion, take",
        "emodb/wav/03a01Qa.wav": "emotion not in the class set: Q",
        "ravdess/Actor_01/03-02-05-01-01-01-01.wav": "song, not speech",
        "ravdess/notes.wav": "name does not parse as seven numbers of two "
        "digits",
    }
    assert any("4 of 20 files excluded" in words for words in messages)
