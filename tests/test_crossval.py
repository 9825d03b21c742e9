"""Cross-validation: what it sums up, that it goes on, that it is clean."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ENVIRONMENT, ROOT
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from speechbrain.utils.checkpoints import Checkpointer

EPOCHS = ("--number_of_epochs", "4")


def command(corpus, cache, folder, *args):
    """The command that cross-validates the small corpus."""
    words = [sys.executable, ROOT / "crossval.py", "hparams/train.yaml"]
    words += ["--corpus", "ravdess", "--data_folder", corpus, *EPOCHS]
    words += ["--cache_folder", cache, "--output_folder", folder, *args]
    return list(map(str, words))


def crossval(*args, env=ENVIRONMENT):
    """Runs it to its end."""
    return subprocess.run(
        command(*args),
        cwd=ROOT,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Encoder and embeddings, common to the runs of this file."""
    return tmp_path_factory.mktemp("cache")


# Python imports it first of all, in each process that it is started for.
SITECUSTOMIZE = """
import os, sys
with open(os.environ["STARTED"], "a", encoding="utf-8") as file:
    print(*sys.orig_argv[1:], file=file)
"""


def watch(folder):
    """Makes an environment in which each Python process that is started adds
    its command to a file; gives both."""
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    paths = [str(folder), *filter(None, [ENVIRONMENT.get("PYTHONPATH")])]
    started = folder / "started.txt"
    env = {"PYTHONPATH": os.pathsep.join(paths), "STARTED": str(started)}
    return ENVIRONMENT | env, started


def workers(started):
    """Counts the commands of multiprocessing's workers."""
    return started.read_text("utf-8").count("--multiprocessing-fork")


@pytest.fixture(scope="module")
def summed(small_corpus, cache, tmp_path_factory):
    """A finished cross-validation: four speakers, two seeds, two workers."""
    folder = tmp_path_factory.mktemp("crossval")
    env, started = watch(tmp_path_factory.mktemp("started"))
    done = crossval(
        *(small_corpus, cache, folder, "--protocol", "loso", "--seeds", 2),
        *("--jobs", 2),
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert workers(started) == 2
    return done, folder


def test_summary_follows_from_the_runs(summed):
    """Means over folds, pooled, and the standard deviation over the seeds,
    as scikit-learn computes them."""
    _, folder = summed
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    table = pd.concat(
        pd.read_csv(path).assign(fold=path.parts[-3], seed=int(path.parts[-2]))
        for path in folder.glob("fold*/*/predictions.csv")
    )
    assert summary["folds"] == 4 and summary["seeds"] == [1, 2]
    assert summary["n"] == 64 and len(table) == 128
    metrics = {
        "uar": balanced_accuracy_score,
        "wa": accuracy_score,
        "macro_f1": lambda t, p: f1_score(t, p, average="macro"),
    }
    for name, metric in metrics.items():
        pooled = [
            metric(clips["truth"], clips["prediction"])
            for _, clips in table.groupby("seed")
        ]
        folds = [
            np.mean(
                [
                    metric(fold["truth"], fold["prediction"])
                    for _, fold in clips.groupby("fold")
                ]
            )
            for _, clips in table.groupby("seed")
        ]
        found = summary[name]
        assert found["pooled"] == pytest.approx(np.mean(pooled))
        assert found["pooled_std"] == pytest.approx(np.std(pooled, ddof=1))
        assert found["mean_of_folds"] == pytest.approx(np.mean(folds))
        low, high = found["pooled_ci95"]
        assert 0 <= low <= found["pooled"] <= high <= 1
    worst = {
        speaker: np.mean(
            [
                balanced_accuracy_score(seed["truth"], seed["prediction"])
                for _, seed in clips.groupby("seed")
            ]
        )
        for speaker, clips in table.groupby("spk_id")
    }
    assert summary["worst_speaker"]["uar"] == pytest.approx(min(worst.values()))
    assert np.sum(summary["confusion"]) == 128
    assert summary["per_class"]["angry"]["support"] == 8
    assert "the 4 test speakers" in summary["ci_resamples"]


def test_summary_is_written_for_people(summed):
    """A row for a README, a page, and what was run."""
    done, folder = summed
    assert "pooled (95 % interval" in done.stdout
    head, _, row = (folder / "summary.md").read_text("utf-8").splitlines()
    assert head.count("|") == row.count("|")
    for words in ("64 of 1440 clips", "loso", "1, 2", "crema_d_small"):
        assert words in row
    page = (folder / "summary.html").read_text("utf-8")
    for words in ("Cross-validation: RAVDESS", "crema_d_small", "loso"):
        assert words in page
    assert 'src="http' not in page


def test_one_bar_and_no_noise(summed):
    """The runs' own logs are in their folders."""
    done, folder = summed
    assert "8 runs: 100%" in done.stderr
    assert "Going into epoch" not in done.stderr
    assert "Going into epoch" in (folder / "fold4/2/log.txt").read_text("utf-8")


def test_finished_it_starts_no_worker(summed, small_corpus, cache, tmp_path):
    """Given again, the command writes the summary anew and nothing else: no
    file of a run changes, and no other process is started."""
    _, folder = summed
    runs = [
        path
        for name in ("metrics.json", "predictions.csv", "train_log.txt")
        for path in folder.glob(f"fold*/*/{name}")
    ]
    runs += folder.glob("fold*/*/save/**/*.ckpt")
    # Nor is a run begun: but for the first, which prepares the data, their
    # logs stay too.
    runs += set(folder.glob("fold*/*/log.txt")) - {folder / "fold1/1/log.txt"}
    before = {path: path.stat().st_mtime_ns for path in runs}
    assert len(before) >= 8 * 5 - 1
    summary = folder / "summary.json"
    old = summary.stat().st_mtime_ns
    env, started = watch(tmp_path)
    done = crossval(
        *(small_corpus, cache, folder, "--protocol", "loso", "--seeds", 2),
        *("--jobs", 2),
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert "8 runs: 100%" in done.stderr
    assert summary.stat().st_mtime_ns > old
    assert {path: path.stat().st_mtime_ns for path in runs} == before
    assert workers(started) == 0
    commands = started.read_text("utf-8").splitlines()
    # SpeechBrain runs pip freeze, to write the environment down.
    (only,) = [words for words in commands if not words.endswith("freeze")]
    assert "crossval.py" in only


def test_killed_it_goes_on(small_corpus, cache, tmp_path):
    """Finished runs are not repeated."""
    args = (small_corpus, cache, tmp_path, "--protocol", "loso")
    args += ("--seeds", 1, "--jobs", 1)
    process = subprocess.Popen(
        command(*args),
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and not list(
        tmp_path.glob("*/*/metrics.json")
    ):
        time.sleep(0.05)
    process.kill()
    process.wait()
    if sys.platform != "win32":
        assert process.returncode == -signal.SIGKILL
        for _ in range(100):  # its workers leave too
            time.sleep(0.1)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 0)
                continue
            break
        else:
            raise AssertionError("workers outlive the process that is killed")
    finished = list(tmp_path.glob("*/*/metrics.json"))
    assert 1 <= len(finished) < 4
    assert not (tmp_path / "summary.json").exists()
    before = {path: path.stat().st_mtime_ns for path in finished}
    done = crossval(*args)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*/*/metrics.json"))) == 4
    for path, time_ns in before.items():
        assert path.stat().st_mtime_ns == time_ns
    assert json.loads((tmp_path / "summary.json").read_text("utf-8"))["n"] == 64


def test_comparison_is_paired(summed, small_corpus, cache, tmp_path):
    """Against itself there is no difference; against worse predictions there
    is one; against other clips it is refused."""
    _, folder = summed
    same = crossval(
        *(small_corpus, cache, folder, "--protocol", "loso", "--seeds", 2),
        *("--compare", folder / "summary.json"),
    )
    assert same.returncode == 0, same.stderr
    found = json.loads((folder / "summary.json").read_text("utf-8"))
    assert found["comparison"]["uar_difference"] == 0
    assert found["comparison"]["p_value"] == 1
    assert found["comparison"]["n"] == 64
    other = tmp_path / "other"
    other.mkdir()
    table = pd.read_csv(folder / "predictions.csv", dtype={"spk_id": str})
    table.assign(prediction="calm").to_csv(other / "predictions.csv")
    worse = crossval(
        *(small_corpus, cache, folder, "--protocol", "loso", "--seeds", 2),
        *("--compare", other),
    )
    assert worse.returncode == 0, worse.stderr
    found = json.loads((folder / "summary.json").read_text("utf-8"))
    difference = found["uar"]["pooled"] - 1 / 8
    assert found["comparison"]["uar_difference"] == pytest.approx(difference)
    low, high = found["comparison"]["uar_difference_ci95"]
    assert low < difference < high
    assert found["comparison"]["p_value"] >= 2 / 2**4 - 1e-9
    assert "Comparison" in (folder / "summary.html").read_text("utf-8")
    table.iloc[5:].to_csv(other / "predictions.csv")
    refused = crossval(
        *(small_corpus, cache, folder, "--protocol", "loso", "--seeds", 2),
        *("--compare", other),
    )
    assert refused.returncode == 1
    assert "same clips" in refused.stderr.splitlines()[-1]


def test_classes_and_speakers_of_any_name(small_corpus, cache, tmp_path):
    """Numbers and NA are names like others; a comparison with what is no
    summary is refused before anything is run."""
    for clip in small_corpus.glob("*.wav"):
        emotion = {"03": "0", "05": "NA"}.get(clip.name[6:8])
        if emotion:
            speaker = {"01": "null", "02": "NA"}.get(clip.stem[-2:], "007")
            speaker += "x" * (clip.stem[-2:] == "04")
            path = tmp_path / "data" / emotion / f"{speaker}_{clip.name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, path)
    args = (tmp_path / "data", cache, tmp_path / "out", "--corpus", "folder")
    args += ("--speaker_pattern", "([^/]+)_", "--protocol", "loso")
    garbage = tmp_path / "predictions.csv"
    garbage.write_text("a,b\n1,2\n", encoding="utf-8")
    refused = crossval(*args, "--seeds", 1, "--compare", garbage)
    assert refused.returncode == 1
    assert "no column ID" in refused.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    done = crossval(*args, "--seeds", 1)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out/summary.json").read_text("utf-8"))
    assert summary["classes"] == ["0", "NA"]
    assert set(summary["speakers"]) == {"null", "NA", "007", "007x"}


def test_folds_and_seeds_are_its_own(small_corpus, cache, tmp_path):
    """A fold or a seed on the command line is refused."""
    done = crossval(small_corpus, cache, tmp_path, "--fold", 1)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: --fold was given")


def test_random_says_so_everywhere(small_corpus, cache, tmp_path):
    """Each output of the protocol has the words "speakers shared"; and only
    some folds can be run, which is said too."""
    done = crossval(
        *(small_corpus, cache, tmp_path, "--protocol", "random"),
        *("--num_folds", 2, "--seeds", 1, "--folds", 2),
    )
    assert done.returncode == 0, done.stderr
    assert "; only fold 2" in done.stdout
    assert not (tmp_path / "fold1").exists()
    assert "speakers shared" in done.stdout
    outputs = ["summary.json", "summary.md", "summary.html", "predictions.csv"]
    runs = ["metrics.json", "predictions.csv", "train_log.txt", "log.txt"]
    outputs += [f"fold2/1/{name}" for name in runs]
    for name in outputs:
        assert "speakers shared" in (tmp_path / name).read_text("utf-8"), name


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
        with trained.open("ab") as file:
            file.write(b"0")  # so that it is another file
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
        clip.write_bytes(clip.read_bytes() + b"1")
    done = run_train(*args)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "out/metrics.json").read_text("utf-8"))
    words = "trained on ravdess, table, tested on folder"
    assert words in metrics["protocol"]
    assert metrics["classes"] == ["angry", "happy", "neutral", "sad"]
    assert metrics["n"] == 32
