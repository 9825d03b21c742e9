"""What a test set must not tell the training, within and across corpora."""

import json
import shutil

import pandas as pd
import pytest
import soundfile
import torch

from speechbrain.utils.checkpoints import Checkpointer

EPOCHS = ("--number_of_epochs", "4")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The embeddings, common to the runs of this file."""
    return tmp_path_factory.mktemp("cache")


def test_nothing_of_the_test_set_reaches_the_weights(
    run_train, small_corpus, cache, tmp_path
):
    """With other test labels, and other test clips, the same weights are
    chosen; the score is another."""
    weights, scores = [], []
    for run in ("one", "two"):
        folder = tmp_path / run
        if run == "two":
            shutil.copytree(tmp_path / "one/manifests", folder / "manifests")
            path = folder / "manifests/test.csv"
            table = pd.read_csv(path, dtype=str)
            assert len(table) == 16
            table["emotion"] = table["emotion"].to_numpy()[::-1]
            table.iloc[:9].to_csv(path, index=False)
        done = run_train(
            *("hparams/train.yaml", "--corpus", "ravdess"),
            *("--data_folder", small_corpus, "--protocol", "loso", *EPOCHS),
            *("--cache_folder", cache, "--output_folder", folder),
            *("--skip_prep", str(run == "two"), "--class_weights"),
        )
        assert done.returncode == 0, done.stderr
        found = Checkpointer(folder / "save").list_checkpoints()
        weights.append(
            {
                checkpoint.meta["epoch"]: torch.load(
                    checkpoint.paramfiles["model"]
                )
                for checkpoint in found
            }
        )
        scores.append(
            json.loads((folder / "metrics.json").read_text("utf-8"))["uar"]
        )
    one, two = weights
    assert one.keys() == two.keys() and one
    for epoch, model in one.items():
        assert model.keys() == two[epoch].keys()
        for name, weight in model.items():
            assert torch.equal(weight, two[epoch][name]), name
    assert scores[0] != scores[1]


def scale(path, factor):
    """Makes a recording louder or quieter."""
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples * factor, rate)


def test_corpora_train_and_test_across(
    run_train, small_corpus, cache, tmp_path
):
    """Two corpora are trained on, a third is tested."""
    emotions = {"01": "neutral", "03": "joy", "04": "sad", "05": "anger"}
    rows = []
    for number, clip in enumerate(sorted(small_corpus.glob("*.wav"))):
        emotion = emotions.get(clip.name[6:8], "other")
        tested = tmp_path / "tested" / emotion / clip.name
        trained = tmp_path / "trained" / clip.name
        for path in (tested, trained):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, path)
        scale(trained, 0.9)  # so that it is another recording
        rows.append((clip.name, emotion, f"x{number % 3}"))
    frame = pd.DataFrame(rows, columns=["wav", "emotion", "spk_id"])
    frame.to_csv(tmp_path / "trained" / "clips.csv", index=False)
    args = ["hparams/train.yaml", "--corpus", "ravdess,table", *EPOCHS]
    args += ["--data_folder", f"{small_corpus},{tmp_path / 'trained'}"]
    args += ["--label_set", "common", "--cache_folder", cache]
    args += ["--test_corpus", "folder", "--output_folder", tmp_path / "out"]
    args += ["--test_data_folder", tmp_path / "tested"]
    done = run_train(*args)
    # The same audio, once in training and once in the test.
    assert done.returncode == 1
    assert "the splits share audio" in done.stderr.splitlines()[-1]
    for clip in (tmp_path / "tested").rglob("*.wav"):
        scale(clip, 0.8)
    done = run_train(*args)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out/metrics.json").read_text("utf-8"))
    words = "trained on RAVDESS and a table of clips, tested on a folder"
    assert words in metrics["protocol"]
    assert metrics["classes"] == ["angry", "happy", "neutral", "sad"]
    assert metrics["n"] == 32
