"""The recipe from the command line: what it writes and what it prints."""

import json
import pickle
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from sklearn.metrics import balanced_accuracy_score


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
    assert "torchvision" not in done.stdout + done.stderr
    return done, folder


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
    """metrics.json agrees with predictions.csv and the manifest."""
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
    assert metrics["uar"] > 2 * 0.125
    assert metrics["uar"] < 0.95


def test_demo_ends_with_what_to_do_next(demo):
    """The last lines give the score, the report and the next commands."""
    done, folder = demo
    assert re.search(r"Test UAR \d+\.\d % \(95 % interval", done.stdout)
    assert str(folder / "report.html") in done.stdout
    assert "synthetic: its score says nothing about real speech" in done.stdout
    assert "--wav2vec2_hub facebook/wav2vec2-base" in done.stdout
    assert "--corpus emodb --data_folder" in done.stdout


def test_report_opens_anywhere(demo):
    """The report asks for nothing outside itself and says what is synthetic;
    clips of mistakes can be heard where they are."""
    _, folder = demo
    page = (folder / "report.html").read_text("utf-8")
    assert not re.findall(r"""src=["'](?!data:)""", page)
    links = re.findall(r"""href=["']([^"'#]+)""", page)
    assert links and all((folder / link).is_file() for link in links)
    assert "synthetic" in page and "crema_d_small" in page


def test_second_start_trains_nothing(demo, run_train, cache):
    """Started again after the end, a run only prints its result again."""
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
        (["--out_n_neurons", "5"], "it follows from other settings"),
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


def test_pipelines_can_be_pickled(demo, cache):
    """Datasets go to spawned workers, as on Windows and macOS."""
    import train
    from ser.settings import load_settings

    _, folder = demo
    hparams = load_settings(
        ROOT / "hparams/train.yaml",
        {"cache_folder": str(cache), "output_folder": str(folder)},
    )
    datasets = train.dataio_prep(hparams)
    assert pickle.loads(pickle.dumps(datasets["train"]))[0]["sig"].ndim == 1
    stored = hparams["store_embeddings"](datasets)["train"]
    batch = pickle.loads(pickle.dumps(stored)).__getitems__([0, 1])
    assert batch.id == list(datasets["train"].data_ids[:2])
    assert batch.embedding.shape[1:] == (5, 384)


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
