"""MELD: audio taken from its videos, and its tables."""

import shutil
import subprocess
import sys
import zlib

import numpy as np
import pytest
import soundfile
from corpus_files import (
    audio,
    put,
    put_corpus,
    rows_of,
    search,
    tables_of_meld,
    write,
)
from corpus_trees import CORPORA, expected
from ser.errors import RecipeError


@pytest.fixture
def meld_videos(tmp_path):
    """MELD as it is released, except that a video holds samples only."""
    folder = tmp_path / "MELD.Raw"
    for clip in CORPORA["meld"]:
        content = audio(clip.row[0])[44:]
        put(folder / clip.path.with_suffix(".mp4"), content)
    for name in (
        "train/train_splits/dia125_utt3.mp4",
        "dev/dev_splits_complete/dia110_utt7.mp4",
        "test/output_repeated_splits_test/dia125_utt3.mp4",
        "test/output_repeated_splits_test/dia99_utt99.mp4",
    ):
        put(folder / name, b"broken")
    put(folder / "train/train_splits/._dia0_utt7.mp4", b"\x00\x05")
    put(folder / "train/train_splits_copy/dia0_utt7.mp4")
    tables_of_meld(folder)
    return folder


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Puts an ffmpeg in the path that copies samples; the file that lists the
    videos it was given."""
    if sys.platform == "win32":
        pytest.skip("the stand-in for ffmpeg is a shell script")
    program, asked = tmp_path / "bin/ffmpeg", tmp_path / "asked"
    write(
        program,
        "#!/bin/sh\n"
        'while [ "$1" != -i ]; do shift; done\n'
        f'echo "$2" >> "{asked}"\n'
        'if [ "$(head -c 6 "$2")" = broken ]; then\n'
        "  echo half; echo moov atom not found >&2; exit 1\n"
        "fi\n"
        'cat "$2"\n',
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return asked


def test_meld_audio_is_taken_from_its_videos(tmp_path, meld_videos, ffmpeg):
    """Each clip once; an unreadable video is excluded and the run goes on; a
    second run takes only what is missing."""
    table, excluded = search("meld", meld_videos)
    assert rows_of(table) == expected("meld")
    assert (table["sample_rate"] == 16000).all()
    test = "test/output_repeated_splits_test"
    assert excluded == {
        "train/train_splits/dia125_utt3.mp4": "its MP4 is broken",
        "dev/dev_splits_complete/dia110_utt7.mp4": "its MP4 is broken",
        f"{test}/dia125_utt3.mp4": "ffmpeg cannot extract its audio: "
        "moov atom not found",
        f"{test}/dia99_utt99.mp4": "not in the CSV file of its split",
    }
    assert len(ffmpeg.read_text().splitlines()) == len(CORPORA["meld"]) + 1
    assert not list(meld_videos.rglob("*.unfinished"))

    (meld_videos / CORPORA["meld"][0].path).unlink()
    ffmpeg.unlink()
    again = search("meld", meld_videos)
    assert rows_of(again[0]) == rows_of(table) and again[1] == excluded
    assert len(ffmpeg.read_text().splitlines()) == 2


def test_meld_without_ffmpeg(tmp_path, meld_videos, monkeypatch):
    """One sentence with the command; none where the WAVs are there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecipeError) as error:
        search("meld", meld_videos)
    assert "ffmpeg -i dia0_utt0.mp4 -vn -ac 1 -ar 16000" in str(error.value)
    assert "10 clips" in str(error.value)
    put_corpus("meld", meld_videos)
    (meld_videos / "test/output_repeated_splits_test/dia125_utt3.mp4").unlink()
    table, excluded = search("meld", meld_videos)
    assert rows_of(table) == expected("meld")
    assert len(excluded) == 3


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not there")
def test_meld_with_the_real_ffmpeg(tmp_path, meld_videos):
    """A video of two channels at 44.1 kHz becomes 16 kHz, mono."""
    for path in meld_videos.rglob("*dia?_utt7.mp4"):
        if path.name.startswith("._"):
            continue
        wav = path.with_suffix(".stereo")
        noise = np.random.default_rng(len(str(path))).uniform(-1, 1, (44100, 2))
        noise[0] = zlib.crc32(str(path).encode()) / 2**32
        soundfile.write(wav, noise, 44100, format="WAV")
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", wav, path])
        wav.unlink()
    table, excluded = search("meld", meld_videos)
    assert rows_of(table) == expected("meld")
    assert set(table["sample_rate"]) == {16000}
    assert set(table["channels"]) == {1}
    assert table["duration"].between(0.9, 1.1).all()
    assert len(excluded) == 4


def test_meld_tables_in_windows_1252(tmp_path):
    """They give the same speakers and texts."""
    folder = put_corpus("meld", tmp_path / "data")
    tables_of_meld(folder, encoding="cp1252")
    table, _ = search("meld", folder)
    assert rows_of(table) == expected("meld")


def test_meld_known_broken_audio(tmp_path):
    """A WAV of a clip whose video is known to be broken is excluded."""
    folder = put_corpus("meld", tmp_path / "data")
    name = "train/train_splits/dia125_utt3.wav"
    put(folder / name)
    _, excluded = search("meld", folder)
    assert excluded == {name: "its MP4 is broken"}
