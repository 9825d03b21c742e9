"""Any data: a folder with a directory for each emotion."""

from itertools import product

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
