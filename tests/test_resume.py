"""What a kill or a full disk does to a run, and two processes at once."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ENVIRONMENT, ROOT, fork_program
from encoders.random_encoder import make_random_encoder

# Runs train.py where no file can be as large, in bytes, as a head is.
LIMITED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def frozen(small_corpus, run_train, tmp_path_factory):
    """A frozen run that nothing disturbed: its arguments and its folder."""
    cache = tmp_path_factory.mktemp("cache")
    args = ["hparams/train.yaml", "--data_folder", small_corpus]
    # Early stopping ends it, so a resumed run must remember the best epoch.
    args += ["--number_of_epochs", "40", "--patience", "4"]
    folder = cache / "unkilled"
    done = run_train(*args, "--cache_folder", cache, "--output_folder", folder)
    assert done.returncode == 0, done.stderr
    assert 5 <= epochs_logged(folder) < 40
    return args, cache, folder


def history(folder):
    """The epochs in the last checkpoint of a run: meta, train, valid."""
    paths = Path(folder).glob("save/CKPT*/history.ckpt")
    saved = [json.loads(path.read_text("utf-8")) for path in paths]
    return max(saved, key=len)


def epochs_logged(folder):
    """How many epochs the log of a run shows."""
    log = Path(folder) / "train_log.txt"
    return log.read_text("utf-8").count("valid uar") if log.is_file() else 0


def kill_when(condition, args):
    """Starts train.py and kills it as soon as a condition holds."""
    done = fork_program(ROOT / "train.py", *args, kill_when=condition)
    assert done.returncode == -signal.SIGKILL, "it ended before it was killed"


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_run_ends_as_the_unkilled(frozen, run_train, tmp_path):
    """SIGKILL while encoding, while training, while a checkpoint is written
    and while it trains again; the same command then ends with the same predictions."""
    args, _, unkilled = frozen
    cache, folder = tmp_path / "cache", tmp_path / "out"
    args = [*args, "--cache_folder", cache, "--output_folder", folder]
    journal = cache / "embeddings.sqlite-journal"
    kill_when(lambda: folder.exists() and journal.is_file(), args)
    kill_when(lambda: epochs_logged(folder) >= 2, args)
    assert not (folder / "metrics.json").exists()
    before = set(folder.glob("save/unfinished/CKPT*/*"))
    kill_when(
        lambda: set(folder.glob("save/unfinished/CKPT*/*")) - before, args
    )
    kill_when(lambda: any(folder.glob("save/refit/CKPT*")), args)
    done = run_train(*args)
    assert done.returncode == 0, done.stderr
    for name in ("predictions.csv", "train_log.txt"):
        assert (folder / name).read_text() == (unkilled / name).read_text()


@pytest.fixture(scope="module")
def small_encoder(tmp_path_factory):
    """The options for an encoder that is trained in a second."""
    folder = tmp_path_factory.mktemp("encoder") / "random"
    return ["--wav2vec2_hub", make_random_encoder(folder, seed=0)]


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_finetuning_ends_as_the_unkilled(
    frozen, small_encoder, run_train, tmp_path
):
    """The same within an epoch, with dropout and augmentation at work."""
    args = ["hparams/finetune.yaml", *frozen[0][1:3], *small_encoder]
    args += ["--augment", "--cache_folder", frozen[1]]
    args += ["--number_of_epochs", "2"]
    args += ["--ckpt_interval_minutes", "0", "--ckpt_interval_steps", "2"]
    folders = [tmp_path / name for name in ("killed", "unkilled")]
    killed, unkilled = ([*args, "--output_folder", f] for f in folders)
    # Before the first epoch is over, and in the second.
    kill_when(lambda: any(folders[0].glob("save/CKPT*")), killed)
    assert epochs_logged(folders[0]) == 0
    kill_when(lambda: epochs_logged(folders[0]) == 1, killed)
    for command in (killed, unkilled):
        done = run_train(*command)
        assert done.returncode == 0, done.stderr
    one, two = (folder / "predictions.csv" for folder in folders)
    assert one.read_text() == two.read_text()
    assert history(folders[0]) == history(folders[1])


@pytest.mark.skipif(sys.platform == "win32", reason="has no file size limit")
def test_full_disk_keeps_what_was_saved(frozen, run_train, tmp_path):
    """Where a checkpoint cannot be written, the run says so, and goes on
    from the last one when there is room."""
    args, cache, unkilled = frozen
    folder = tmp_path / "out"
    args = [*args, "--cache_folder", cache, "--output_folder", folder]
    kill_when(lambda: epochs_logged(folder) >= 2, args)
    done = fork_program("-c", LIMITED, *args)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "free some disk space" in done.stderr.splitlines()[-1]
    assert list(folder.glob("save/CKPT*"))
    assert run_train(*args).returncode == 0
    one, two = (path / "predictions.csv" for path in (folder, unkilled))
    assert one.read_text() == two.read_text()


def test_store_and_live_training_agree(frozen, run_train, tmp_path):
    """Training from stored embeddings has the loss curve of encoding live."""
    args, cache, kept = frozen
    folder = tmp_path / "out"
    done = run_train(
        *args[:3],
        *["--cache_folder", cache, "--output_folder", folder],
        *["--number_of_epochs", "3", "--encode_once", "False"],
    )
    assert done.returncode == 0, done.stderr
    assert len(history(folder)) == 3
    for live, stored in zip(history(folder), history(kept)):
        for part in (1, 2):  # training and validation
            assert np.abs(live[part]["loss"] - stored[part]["loss"]) <= 1e-5


@pytest.mark.parametrize("recipe", ["train", "finetune"])
def test_two_processes(recipe, frozen, small_encoder, tmp_path):
    """torchrun trains and shares out the encoding, and only the main process
    writes: a store like that of one process."""
    args, one, _ = frozen
    folder, cache = tmp_path / "out", tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        + ["--nproc_per_node", "2", "train.py", f"hparams/{recipe}.yaml"]
        + ["--device", "cpu", "--distributed_backend", "gloo"]
        + [*map(str, args[1:3]), "--cache_folder", str(cache)]
        + ["--output_folder", str(folder), "--number_of_epochs", "1"]
        + small_encoder * (recipe == "finetune"),
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Test UAR") == 1
    page = (folder / "report.html").read_text("utf-8")
    assert "torchrun --standalone --nproc_per_node 2 train.py" in page
    assert epochs_logged(folder) == 1
    assert len(list(folder.glob("tensorboard/events*"))) == 1
    assert (folder / "log.txt").read_text("utf-8").count("Beginning") == 1
    assert len(pd.read_csv(folder / "predictions.csv")) == 16
    if recipe == "train":
        found, expected = map(read_store, (cache, one))
        assert len(found) == 64 and found.items() <= expected.items()


def read_store(cache):
    """Reads a store as a dict from keys to embeddings, both bytes."""
    with closing(sqlite3.connect(cache / "embeddings.sqlite")) as connection:
        return dict(connection.execute("SELECT key, vectors FROM embeddings"))
