"""The recipe from the command line: what it writes, and what a kill, a full
disk or a second start does to it."""

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from sklearn.metrics import balanced_accuracy_score

TRAIN = [sys.executable, str(ROOT / "train.py")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Demo corpus, encoder and embeddings, common to the runs of this file."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def demo(run_train, cache, tmp_path_factory):
    """One finished run of the default recipe: its process and its folder."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = run_train(
        "hparams/train.yaml", "--cache_folder", cache, "--output_folder", folder
    )
    assert done.returncode == 0, done.stderr
    return done, folder


def history(folder):
    """The epochs that the last checkpoint of a run remembers."""
    brains = Path(folder).glob("save/CKPT*/brain.ckpt")
    saved = [yaml.safe_load(path.read_text("utf-8")) for path in brains]
    return max((brain["history"] for brain in saved), key=len)


def kill_when(condition, args):
    """Starts train.py and kills it as soon as a condition holds."""
    process = subprocess.Popen(
        [*TRAIN, *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not condition() and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"


def epochs_logged(folder):
    """How many epochs the log of a run shows."""
    log = Path(folder) / "train_log.txt"
    return log.read_text("utf-8").count("epoch: ") if log.is_file() else 0


def test_demo_writes_everything(demo):
    """All that a run promises is in its folder."""
    _, folder = demo
    for name in (
        "hyperparams.yaml train_log.txt predictions.csv metrics.json "
        "report.html manifests/train.csv manifests/valid.csv "
        "manifests/test.csv manifests/excluded.csv"
    ).split():
        assert (folder / name).stat().st_size > 0, name
    assert list(folder.glob("tensorboard/events*"))
    assert list(folder.glob("save/CKPT*"))


def test_demo_metrics_follow_from_predictions(demo):
    """metrics.json says what predictions.csv and the manifest say."""
    _, folder = demo
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    predictions = pd.read_csv(folder / "predictions.csv")
    test = pd.read_csv(folder / "manifests/test.csv")
    assert list(predictions["ID"]) == list(test["ID"])
    assert list(predictions["truth"]) == list(test["emotion"])
    probabilities = predictions[metrics["classes"]]
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.idxmax(axis=1) == predictions["prediction"]).all()
    uar = balanced_accuracy_score(
        predictions["truth"], predictions["prediction"]
    )
    assert metrics["uar"] == pytest.approx(uar)
    for name in ("uar", "wa", "macro_f1"):
        low, high = metrics[f"{name}_ci95"]
        assert 0 <= low <= metrics[name] <= high <= 1
    assert np.sum(metrics["confusion"]) == metrics["n"] == len(test)
    assert metrics["per_class"]["angry"]["support"] == 8
    assert 0 <= metrics["ece"] <= 1
    assert metrics["corpus"] == "demo"
    assert (metrics["fold"], metrics["seed"]) == (1, 1234)
    assert len(metrics["manifest_sha256"]) == 64


def test_demo_hears_unseen_speakers(demo):
    """Well above chance and not perfect, as the synthetic corpus is made."""
    _, folder = demo
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["uar_ci95"][0] > 0.125
    assert metrics["uar"] < 0.95


def test_demo_ends_with_what_to_do_next(demo):
    """The last lines give the score, the report and the next commands."""
    done, folder = demo
    assert re.search(r"Test UAR \d+\.\d % \(95 % interval", done.stdout)
    assert str(folder / "report.html") in done.stdout
    assert "synthetic: its score says nothing of real speech" in done.stdout
    assert "--wav2vec2_hub facebook/wav2vec2-base" in done.stdout
    assert "--corpus emodb --data_folder" in done.stdout


def test_report_opens_anywhere(demo):
    """The report asks for nothing outside itself and says what is synthetic."""
    _, folder = demo
    page = (folder / "report.html").read_text("utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "synthetic" in page and "random weights" in page


def test_second_start_trains_nothing(demo, run_train, cache):
    """Started again after the end, a run only says its result again."""
    _, folder = demo
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.*s*")}
    assert folder / "predictions.csv" in before
    done = run_train(
        "hparams/train.yaml", "--cache_folder", cache, "--output_folder", folder
    )
    assert done.returncode == 0
    assert "Test UAR" in done.stdout
    assert "Going into epoch" not in done.stderr
    for path in (folder / "predictions.csv", folder / "metrics.json"):
        assert path.stat().st_mtime_ns == before[path]


@pytest.mark.parametrize(
    "args, words",
    [
        (["--lr", "0.1", "--output_folder", "{demo}"], "lr 0.001 -> 0.1"),
        (["--corpus", "nope"], "there is no corpus 'nope'"),
        (["--corpsu", "demo"], "did you mean --corpus?"),
        (["--fold", "6"], "folds 1 to 5"),
        (["--out_n_neurons", "5"], "has 8 classes"),
        (
            ["--precision", "fp16", "--device", "cpu"],
            "not yet supported on CPU",
        ),
    ],
)
def test_errors_are_one_sentence(args, words, demo, run_train, cache, tmp_path):
    """What a user gets wrong ends with a sentence, and without a traceback."""
    args = [arg.format(demo=demo[1]) for arg in args]
    done = run_train(
        *["hparams/train.yaml", "--cache_folder", cache],
        *["--output_folder", tmp_path / "out", *args],
    )
    assert done.returncode != 0
    assert words in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


def test_killed_run_ends_as_the_unkilled(demo, run_train, tmp_path):
    """SIGKILL while encoding, while training and while a checkpoint is
    written; the same command then ends with the same predictions."""
    cache, folder = tmp_path / "cache", tmp_path / "out"
    args = ["hparams/train.yaml", "--cache_folder", cache]
    args += ["--output_folder", folder]
    journal = cache / "embeddings.sqlite-journal"
    kill_when(journal.is_file, args)
    kill_when(lambda: epochs_logged(folder) >= 2, args)
    assert not (folder / "metrics.json").exists()
    kill_when(lambda: any(folder.glob("save/unfinished/CKPT*/*")), args)
    done = run_train(*args)
    assert done.returncode == 0, done.stderr
    _, unkilled = demo
    for name in ("predictions.csv", "train_log.txt"):
        assert (folder / name).read_text() == (unkilled / name).read_text()


def test_killed_finetuning_ends_as_the_unkilled(cache, run_train, tmp_path):
    """The same within an epoch, with dropout and augmentation at work."""
    args = ["hparams/finetune.yaml", "--cache_folder", cache, "--augment=True"]
    args += ["--number_of_epochs", "2", "--ckpt_interval_minutes", "0"]
    args += ["--ckpt_interval_steps", "3", "--train_layers", "1"]
    folders = [tmp_path / name for name in ("killed", "unkilled")]
    killed, unkilled = ([*args, "--output_folder", f] for f in folders)
    kill_when(lambda: len(list(folders[0].glob("save/CKPT*"))) > 0, killed)
    kill_when(lambda: epochs_logged(folders[0]) == 1, killed)
    for command in (killed, unkilled):
        done = run_train(*command)
        assert done.returncode == 0, done.stderr
    one, two = (folder / "predictions.csv" for folder in folders)
    assert one.read_text() == two.read_text()
    assert history(folders[0]) == history(folders[1])


def test_store_and_live_training_agree(demo, run_train, cache, tmp_path):
    """Training from kept embeddings has the loss curve of encoding live."""
    _, folder = demo
    done = run_train(
        *["hparams/train.yaml", "--cache_folder", cache, "--encode_once=False"],
        *["--output_folder", tmp_path / "out", "--number_of_epochs", "3"],
    )
    assert done.returncode == 0, done.stderr
    live, kept = history(tmp_path / "out"), history(folder)[:3]
    assert len(live) == 3
    for key in ("train_loss", "valid_loss"):
        difference = np.subtract([r[key] for r in live], [r[key] for r in kept])
        assert np.abs(difference).max() <= 1e-5


@pytest.mark.skipif(sys.platform == "win32", reason="has no file size limit")
def test_full_disk_keeps_what_was_saved(demo, run_train, cache, tmp_path):
    """Where a checkpoint cannot be written, the run says so, and goes on
    from the last one when there is room."""
    import resource

    folder = tmp_path / "out"
    args = ["hparams/train.yaml", "--cache_folder", cache]
    args += ["--output_folder", folder]
    kill_when(lambda: epochs_logged(folder) >= 2, args)
    done = subprocess.run(
        [*TRAIN, *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (200_000, 200_000)
        ),
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "free some disk space" in done.stderr.splitlines()[-1]
    assert list(folder.glob("save/CKPT*"))
    assert run_train(*args).returncode == 0
    predictions = (folder / "predictions.csv").read_text()
    assert predictions == (demo[1] / "predictions.csv").read_text()


@pytest.mark.parametrize("recipe", ["train", "finetune"])
def test_two_processes(recipe, cache, tmp_path):
    """torchrun trains, and only the main process writes."""
    folder = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        + ["--nproc_per_node", "2", "train.py", f"hparams/{recipe}.yaml"]
        + ["--device", "cpu", "--distributed_backend", "gloo"]
        + ["--cache_folder", str(cache), "--output_folder", str(folder)]
        + ["--number_of_epochs", "1"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Test UAR") == 1
    assert epochs_logged(folder) == 2  # the epoch, and the best of them
    assert len(list(folder.glob("tensorboard/events*"))) == 1
    assert (folder / "log.txt").read_text("utf-8").count("Beginning") == 1
    assert len(pd.read_csv(folder / "predictions.csv")) == 64


def test_pipelines_can_be_pickled(demo, cache):
    """Datasets go to spawned workers, as on Windows and macOS."""
    import train
    from ser.settings import load_settings

    _, folder = demo
    hparams = load_settings(
        str(ROOT / "hparams/train.yaml"),
        {"cache_folder": str(cache), "output_folder": str(folder)},
    )
    datasets, _, _ = train.dataio_prep(hparams)
    train.keep_embeddings(hparams, datasets)
    item = pickle.loads(pickle.dumps(datasets["train"]))[0]
    assert item["embedding"].shape == (4, 256)


@pytest.mark.parametrize("corpus, fold", [("emodb", 3), ("ravdess", 6)])
def test_real_corpora(corpus, fold, ser_data, run_train, cache, tmp_path):
    """The commands of the README on real speech."""
    done = run_train(
        *["hparams/train.yaml", "--corpus", corpus, "--fold", fold],
        *["--data_folder", ser_data / corpus, "--cache_folder", cache],
        *["--output_folder", tmp_path / "out", "--number_of_epochs", "15"],
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out/metrics.json").read_text("utf-8"))
    assert metrics["uar"] > 1.2 / len(metrics["classes"])
    shutil.rmtree(tmp_path / "out")
