"""Any data: a folder with a directory for each emotion."""

import os
import shutil
import sys
from itertools import product

import pandas as pd
import pytest
from data_prep.manifest import read_split
from ser.errors import RecipeError
from trees import declare, encode, excluded, noise, put, run_prepare, whole


def test_folder_of_directories(tmp_path):
    """The directory is the emotion, the pattern finds the speaker."""
    data = tmp_path / "data"
    for emotion, name, take in product(
        ("Angry", "happy"), ("anna", "bob", "carl", "dora"), (1, 2, 3)
    ):
        clip = data / emotion / "raw" / f"{name}_{take}.wav"
        put(clip, encode(noise(clip)))
    put(data / "happy" / "0.wav")
    splits = run_prepare(
        data, tmp_path / "m", "folder", speaker_pattern="([a-z]+)_"
    )
    clips = whole(splits)
    assert len(clips) == 24
    assert set(clips["emotion"]) == {"Angry", "happy"}
    assert set(clips["spk_id"]) == {"anna", "bob", "carl", "dora"}
    (reason,) = excluded(tmp_path / "m").values()
    assert reason.startswith("no speaker")
    assert "kfold" in read_split(tmp_path / "m")["protocol"]
    run_prepare(data, tmp_path / "r", "folder")
    assert "speakers shared" in read_split(tmp_path / "r")["protocol"]


def test_pattern_that_is_no_regular_expression(tmp_path):
    """Is refused with one that is."""
    with pytest.raises(RecipeError, match="unterminated subpattern"):
        declare("folder", tmp_path, speaker_pattern="(")


def test_directories_without_audio_are_no_classes(tmp_path):
    """Nor what archives leave behind."""
    for name in ("happy", "sad", "__MACOSX", ".cache"):
        put(tmp_path / name / "a.wav")
    put(tmp_path / "docs" / "readme.txt", b"x")
    assert declare("folder", tmp_path).classes == ("happy", "sad")


def test_one_directory_is_refused(tmp_path):
    """With what was found."""
    put(tmp_path / "happy" / "a.wav")
    with pytest.raises(RecipeError, match=r"1 directories .*\(happy\)"):
        declare("folder", tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="has no such names")
def test_emotions_of_any_name(small_corpus, run_train, tmp_path):
    """A space before a name is none to SpeechBrain; what no manifest can hold is
    listed, and the others are trained."""
    names = [b" angry", b"sad", b"h\xffappy", b"fear$HOME", b"neu\rtral"]
    clips = sorted(small_corpus.glob("*.wav"))
    for number, clip in enumerate(clips):
        folder = os.path.join(os.fsencode(tmp_path), b"data", names[number % 5])
        os.makedirs(folder, exist_ok=True)
        shutil.copy(clip, os.path.join(folder, os.fsencode(clip.name)))
    done = run_train(
        *("hparams/train.yaml", "--corpus", "folder", "--num_folds", "3"),
        *("--data_folder", tmp_path / "data", "--number_of_epochs", "2"),
        *("--speaker_pattern", "([0-9]+)\\.wav", "--protocol", "kfold"),
        *("--cache_folder", tmp_path / "cache"),
        *("--output_folder", tmp_path / "out"),
    )
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(tmp_path / "out/predictions.csv")
    assert set(found["truth"]) == {"angry", "sad"}
    listed = (tmp_path / "out/manifests/excluded.csv").read_text("utf-8")
    refused = len(clips) - sum(number % 5 < 2 for number in range(len(clips)))
    assert listed.count(" in the path") == refused
