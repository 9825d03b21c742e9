"""Mistakes of a user, each of which is answered in a sentence, once."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ENVIRONMENT, ROOT
from data_prep.corpora import Corpora
from data_prep.votes import read_labels
from prediction.sources import find_audio, find_speakers
from ser.errors import RecipeError
from ser.settings import load_settings
from trees import encode, excluded, put, run_prepare

YAML = (ROOT / "hparams/train.yaml").read_text("utf-8")


def refuse(text, tmp_path, overrides=None):
    """Loads a settings file of some text (str or bytes), which is refused;
    returns the sentence."""
    path = tmp_path / "settings.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError) as caught:
        load_settings(path, overrides or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_syntax_errors_name_the_line(tmp_path):
    """And the column, of the user's own file."""
    assert "line 2, column 2" in refuse("a: [1\nb: 2\n", tmp_path)
    assert "it has no keys" in refuse("just text\n", tmp_path)
    assert "utf-8" in refuse(b"a: \xff\xfe\n", tmp_path)


def test_bases_that_go_round(tmp_path):
    """Have no last one."""
    (tmp_path / "other.yaml").write_text("base: settings.yaml\n")
    assert "name another file" in refuse("base: other.yaml\n", tmp_path)
    assert "name another file" in refuse("base: settings.yaml\n", tmp_path)


def test_a_misspelt_class_is_named(tmp_path):
    """As the file spells it."""
    text = YAML.replace("ser.head.Classifier", "ser.head.Classifiers")
    assert "ser.head.Classifiers" in refuse(text, tmp_path)


@pytest.mark.parametrize(
    "key, value",
    [("batch_size", 0), ("batch_size", 2.5), ("lr", -1.0)],
)
def test_a_number_that_is_too_small(key, value, tmp_path):
    """Is refused before anything is read."""
    assert refuse(YAML, tmp_path, {key: value}).startswith(f"{key} is {value}:")


def test_the_folder_of_the_built_in_corpus_is_no_other(tmp_path):
    """Its sounds would be reported as recordings."""
    with pytest.raises(RecipeError, match="synthetic"):
        Corpora("ravdess", "cache/demo_corpus", "own", "", "", "", "")


@pytest.mark.parametrize("pattern", ["[a-z]+_[0-9]+", "([a-z]+)_([0-9]+)"])
def test_a_pattern_has_one_group(pattern, tmp_path):
    """Or every clip would be a speaker."""
    for emotion in ("angry", "sad"):
        put(tmp_path / f"data/{emotion}/anna_1.wav")
    with pytest.raises(RecipeError, match="one group"):
        run_prepare(
            tmp_path / "data", tmp_path / "m", "folder", speaker_pattern=pattern
        )


def test_a_speaker_for_each_clip_is_warned_about(tmp_path, caplog):
    """With the first of them."""
    for number in range(12):
        emotion = "angry" if number % 2 else "sad"
        noise = np.random.default_rng(number).normal(size=8000) / 10
        put(tmp_path / f"data/{emotion}/anna_{number}.wav", encode(noise))
    pattern = "(anna_[0-9]+)"
    run_prepare(
        tmp_path / "data", tmp_path / "m", "folder", speaker_pattern=pattern
    )
    assert "12 clips have 12 speakers (anna_0 " in caplog.text


def test_what_takes_too_much_is_excluded(tmp_path):
    """Not read: an absurd rate, hours of silence, a huge sparse file, folders
    without end; and formats that are not read are named."""
    data = tmp_path / "data"
    for number in range(12):
        emotion, speaker = ("angry", "sad")[number % 2], "abcd"[number % 4]
        noise = np.random.default_rng(number).normal(size=8000) / 10
        put(data / f"{emotion}/{speaker}_{number}.wav", encode(noise))
    soundfile.write(data / "angry/a_20.wav", np.zeros(64), 9_999_991)
    with soundfile.SoundFile(
        data / "angry/a_21.flac", "w", 16000, 1, format="FLAC"
    ) as file:
        for _ in range(21):
            file.write(np.zeros(60 * 16000))
    with open(data / "angry/a_22.wav", "wb") as file:
        file.truncate(40 * 2**30)
    (data / "angry/a_23.m4a").write_bytes(b"x")
    (data / "sad/b_1.m4a").write_bytes(b"x")  # whose WAV is there
    deep = data / "angry"
    for _ in range(110):
        deep = deep / "d"
    put(deep / "a_24.wav")
    if sys.platform != "win32":
        (data / "again").symlink_to(data)
        (data / "twice").symlink_to(data)
    start = time.monotonic()
    run_prepare(
        data, tmp_path / "m", "folder", speaker_pattern="([abcd])_", num_folds=2
    )
    assert time.monotonic() - start < 10
    reasons = {
        path.rsplit("/", 1)[-1]: reason
        for path, reason in excluded(tmp_path / "m").items()
    }
    assert "sampling rate above" in reasons["a_20.wav"]
    assert "longer than 1200 s" in reasons["a_21.flac"]
    assert "larger than 1 GB" in reasons["a_22.wav"]
    assert ".m4a is not read" in reasons["a_23.m4a"]
    assert "deeper than 100 folders" in reasons["d"]
    assert "b_1.m4a" not in reasons


@pytest.mark.skipif(sys.platform == "win32", reason="has no FIFO")
def test_a_pipe_is_no_table(tmp_path):
    """It would be waited for without end."""
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(RecipeError, match="0 CSV or TSV files"):
        Corpora("table", tmp_path, "own", "", "", "", "")


def test_help_lists_the_keys_at_once():
    """With defaults and comments, before PyTorch is imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "train.py", "--help"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0
    assert "--patience 10" in done.stdout and "training:" in done.stdout
    assert "torch" not in done.stderr and "speechbrain" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "train.py hparams/train.yaml",
        "crossval.py hparams/train.yaml",
        "encoders/train.py hparams/encoder.yaml --data_folder .",
        "-m data_prep",
        "predict.py {}/a.wav",
        "export.py results/none my_model",
        "fork.py MyCorpus",
        "score.py a.csv --corpus emodb --data_folder .",
    ],
)
def test_a_missing_or_broken_package(command, tmp_path):
    """Such as outside the environment, or without the library of soundfile."""
    put(tmp_path / "a.wav")
    (tmp_path / "soundfile.py").write_text(
        "raise OSError('cannot load library libsndfile.so')"
    )
    options = {"cwd": ROOT, "capture_output": True, "encoding": "utf-8"}
    for python, path in ((["-S"], ""), ([], tmp_path)):
        done = subprocess.run(
            [sys.executable, *python, *command.format(tmp_path).split()],
            env=ENVIRONMENT | {"PYTHONPATH": str(path)},
            **options,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "pip install -r requirements.txt" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_help_of_which_only_the_top_is_read():
    """As head does, ends it quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "encoders/train.py", "--help"]
    options = {"stderr": subprocess.PIPE, "cwd": ROOT, "env": ENVIRONMENT}
    done = subprocess.run(command, stdout=writing, **options)
    os.close(writing)
    assert done.stderr == b"" and done.returncode == 1


@pytest.fixture(scope="module")
def finished(small_run, small_corpus, tmp_path_factory):
    """A finished run, to be damaged: its folder and command."""
    settings = (small_run / "hyperparams.yaml").read_text("utf-8")
    assert str(small_run) in settings
    copy = tmp_path_factory.mktemp("copy") / "results"
    shutil.copytree(small_run, copy)
    (copy / "hyperparams.yaml").write_text(
        settings.replace(str(small_run), str(copy)), "utf-8"
    )
    return copy, [
        *("hparams/train.yaml", "--corpus", "ravdess"),
        *("--data_folder", small_corpus),
        *("--protocol", "loso", "--number_of_epochs", "4"),
        *("--cache_folder", small_run.parent / "cache"),
        *("--output_folder", copy),
    ]


def test_results_that_were_cut_are_made_again(finished, run_train):
    """The same, from the checkpoints."""
    folder, command = finished
    whole = (folder / "predictions.csv").read_bytes()
    (folder / "predictions.csv").write_bytes(whole[:300])
    done = run_train(*command)
    assert done.returncode == 0, done.stderr
    assert (folder / "predictions.csv").read_bytes() == whole
    assert "damaged" in done.stdout + done.stderr
    assert json.loads((folder / "metrics.json").read_text("utf-8"))


def test_checkpoints_without_settings_are_refused(finished, run_train):
    """Once, and not as another run."""
    folder, command = finished
    settings = folder / "hyperparams.yaml"
    kept = settings.read_bytes()
    settings.unlink()
    done = run_train(*command, "--lr", "0.1")
    settings.write_bytes(kept)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert text.count("hyperparams.yaml) are gone") == 1
    assert "Traceback" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_one_process_at_a_time(finished, run_train):
    """The other is named, and a kill leaves no lock."""
    folder, command = finished
    code = (
        "import sys, time; sys.path.insert(0, '.'); from ser.lock import locked\n"
        "with locked(sys.argv[1]): print('in', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    while "in" not in holder.stdout.readline():
        pass
    done = run_train(*command)
    holder.kill()
    holder.wait()
    assert done.returncode == 1
    assert f"in use by process {holder.pid} on" in done.stderr
    assert run_train(*command).returncode == 0


@pytest.mark.parametrize(
    "text, words",
    [
        ('"",A,D,F,H,N,S,fileName\n200001,1,0,0,0,0,0,x\n', "holds no votes"),
        ("version https://git-lfs.github.com/spec/v1\n", "cannot be read"),
    ],
)
def test_votes_that_are_none(text, words, tmp_path):
    """Of the face alone, or a pointer in place of the file."""
    folder = tmp_path / "processedResults"  # as in CREMA-D's repository
    folder.mkdir()
    (folder / "tabulatedVotes.csv").write_text(text)
    corpora = Corpora("crema_d", tmp_path, "own", "", "", "", "")
    with pytest.raises(RecipeError, match=words):
        read_labels(corpora, "votes")


def test_speakers_of_files_that_are_named_twice(tmp_path):
    """By a table that knows them and by their folder; 0 is a name."""
    table = tmp_path / "table.csv"
    table.write_text("path,agent\na.wav,0\nb.wav,1\n")
    for name in ("a.wav", "b.wav"):
        put(tmp_path / name)
    names = [str(table), str(tmp_path)]
    paths = [path for path, _ in find_audio(names)]
    assert find_speakers(paths, names, column="Agent") == ["0", "1"]
    pytest.importorskip("pyarrow")
    parquet = str(tmp_path / "table.parquet")
    pd.DataFrame({"path": ["a.wav", "b.wav"], "agent": [0, 1]}).to_parquet(
        parquet
    )
    paths = [path for path, _ in find_audio([parquet])]
    assert find_speakers(paths, [parquet], column="agent") == ["0", "1"]
