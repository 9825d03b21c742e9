"""Cross-validation: what it sums up, and that it resumes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import ENVIRONMENT, ROOT, fork_program
from cross_validation.engines import run_all
from cross_validation.runs import list_runs
from ser.errors import RecipeError
from ser.settings import parse_arguments
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

SETTINGS = "hparams/train.yaml"
# Python imports it first of all, in each process that it is started for.
SITECUSTOMIZE = """
import os, sys
with open(os.environ["STARTED"], "a", encoding="utf-8") as file:
    print(*sys.orig_argv[1:], file=file)
"""


def command(corpus, cache, folder, *args):
    """The command that cross-validates the small corpus."""
    words = [sys.executable, ROOT / "crossval.py", SETTINGS]
    words += ["--corpus", "ravdess", "--data_folder", corpus]
    words += ["--number_of_epochs", 4, "--cache_folder", cache]
    words += ["--output_folder", folder, *args]
    return list(map(str, words))


def crossval(*args, env=None):
    """Runs it to its end."""
    return fork_program(*command(*args)[1:], env=env)


def watch(folder):
    """Makes variables by which each Python process that is started adds its
    command to a file; returns both."""
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    paths = [str(folder), *filter(None, [ENVIRONMENT.get("PYTHONPATH")])]
    started = folder / "started.txt"
    started.touch()
    env = {"PYTHONPATH": os.pathsep.join(paths), "STARTED": str(started)}
    return env, started


def workers(started):
    """Counts the commands of joblib's workers."""
    return started.read_text("utf-8").count("popen_loky")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The embeddings, common to the runs of this file."""
    return tmp_path_factory.mktemp("cache")


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
    speakers = {
        speaker: np.mean(
            [
                balanced_accuracy_score(seed["truth"], seed["prediction"])
                for _, seed in clips.groupby("seed")
            ]
        )
        for speaker, clips in table.groupby("spk_id")
    }
    assert summary["speakers"] == pytest.approx(
        {f"{speaker:02}": score for speaker, score in speakers.items()}
    )
    assert summary["worst_speaker"] is None  # 16 clips each
    gender = summary["gender"]  # of the manifests: even actors are women
    for name, rest in (("female", 0), ("male", 1)):
        clips = table[table["spk_id"] % 2 == rest]
        scores = [
            balanced_accuracy_score(seed["truth"], seed["prediction"])
            for _, seed in clips.groupby("seed")
        ]
        assert gender[name]["uar"] == pytest.approx(np.mean(scores))
        assert (gender[name]["speakers"], gender[name]["n"]) == (2, 32)
    low, high = gender["gap_ci95"]
    assert -1 <= low <= gender["gap"] <= high <= 1
    assert np.sum(summary["confusion"]) == 128
    assert summary["per_class"]["angry"]["support"] == 8
    assert "the 4 test speakers" in summary["ci_resamples"]


def test_summary_is_written_for_people(summed):
    """A row for a README, a page, and what was run."""
    done, folder = summed
    assert "pooled (95 % interval" in done.stdout
    assert f"Summary: {folder / 'summary.html'}" in done.stdout
    lines = (folder / "summary.md").read_text("utf-8").splitlines()
    head, _, row, _, *sentences = lines
    assert head.count("|") == row.count("|")
    settings = f"{SETTINGS} --number_of_epochs 4 |"
    for words in ("64 of 1440 clips", "loso", "1, 2", "crema_d_small"):
        assert words in row
    assert settings in row
    assert "none has at least 20 clips" in sentences[0]
    assert "2 female speakers and" in sentences[-1] in done.stdout
    page = (folder / "summary.html").read_text("utf-8")
    for words in ("Cross-validation: RAVDESS", "loso", "python crossval.py"):
        assert words in page
    assert 'src="http' not in page


def test_one_bar_and_no_noise(summed):
    """The runs' own logs are in their folders."""
    done, folder = summed
    assert "8 runs: 100%" in done.stderr
    assert "Going into epoch" not in done.stderr
    assert "Going into epoch" in (folder / "fold4/2/log.txt").read_text("utf-8")
    # No page and no intervals: they take longer than to train a head.
    assert not list(folder.glob("fold*/*/report.html"))
    assert "uar_ci95" not in (folder / "fold4/2/metrics.json").read_text(
        "utf-8"
    )


def test_finished_it_only_sums_up(summed, small_corpus, cache, tmp_path):
    """Given again, here with a comparison, the command writes the summary anew
    and nothing else: no file of a run changes, no worker is started."""
    _, folder = summed
    other = tmp_path / "other"
    other.mkdir()
    for name in ("summary.json", "predictions.csv"):
        shutil.copy(folder / name, other)
    runs = [
        path
        for name in ("metrics.json", "predictions.csv", "train_log.txt")
        for path in folder.glob(f"fold*/*/{name}")
    ]
    runs += folder.glob("fold*/*/save/**/*.ckpt")
    # Nor is a run begun, except for the first, which prepares the data.
    runs += set(folder.glob("fold*/*/log.txt")) - {folder / "fold1/1/log.txt"}
    before = {path: path.stat().st_mtime_ns for path in runs}
    assert len(before) >= 8 * 5 - 1
    env, started = watch(tmp_path)
    done = crossval(
        *(small_corpus, cache, folder, "--protocol", "loso", "--seeds", 2),
        *("--jobs", 2, "--compare", other / "summary.json"),
        env=env,
    )
    assert done.returncode == 0, done.stderr
    assert "8 runs: 100%" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in runs} == before
    assert workers(started) == 0
    # Against itself there is no difference.
    found = json.loads((folder / "summary.json").read_text("utf-8"))
    assert found["comparison"]["uar_difference"] == 0
    assert found["comparison"]["p_value"] == 1
    assert found["comparison"]["n"] == 64
    assert "Comparison" in (folder / "summary.html").read_text("utf-8")
    assert re.search(r"Less .*summary\.json: 0\.0 points of UAR", done.stdout)
    # All else is as before.
    old = json.loads((other / "summary.json").read_text("utf-8"))
    assert {k: v for k, v in found.items() if k != "comparison"} == old
    assert (folder / "predictions.csv").read_bytes() == (
        other / "predictions.csv"
    ).read_bytes()


@pytest.fixture(scope="module")
def odd_corpus(small_corpus, tmp_path_factory):
    """Two emotions of the small corpus, with names that look like a number or
    a missing value: the options that tell where and what it is."""
    folder = tmp_path_factory.mktemp("odd")
    for clip in small_corpus.glob("*.wav"):
        emotion = {"03": "0", "05": "NA"}.get(clip.name[6:8])
        if emotion:
            speaker = {"01": "null", "02": "NA"}.get(clip.stem[-2:], "007")
            speaker += "x" * (clip.stem[-2:] == "04")
            path = folder / emotion / f"{speaker}_{clip.name}"
            path.parent.mkdir(exist_ok=True)
            shutil.copy(clip, path)
    return folder, ["--corpus", "folder", "--speaker_pattern", "([^/]+)_"]


@pytest.fixture(scope="module")
def resumed(odd_corpus, cache, tmp_path_factory):
    """A cross-validation that was killed after its first run and given again:
    its folder, and when each run that had ended by then was written."""
    folder = tmp_path_factory.mktemp("resumed")
    data, options = odd_corpus
    args = (data, cache, folder, *options, "--protocol", "loso")
    args += ("--seeds", 1, "--jobs", 1)
    killed = fork_program(
        *command(*args)[1:],
        kill_when=lambda: list(folder.glob("*/*/metrics.json")),
    )
    if sys.platform != "win32":
        assert killed.returncode == -signal.SIGKILL
    assert not (folder / "summary.json").exists()
    finished = {
        path: path.stat().st_mtime_ns
        for path in folder.glob("*/*/metrics.json")
    }
    done = crossval(*args)
    assert done.returncode == 0, done.stderr
    return folder, finished


def test_killed_it_resumes(resumed):
    """Finished runs are not repeated."""
    folder, finished = resumed
    assert 1 <= len(finished) < 4
    assert len(list(folder.glob("*/*/metrics.json"))) == 4
    for path, time_ns in finished.items():
        assert path.stat().st_mtime_ns == time_ns
    assert json.loads((folder / "summary.json").read_text("utf-8"))["n"] == 16


def test_classes_and_speakers_of_any_name(resumed):
    """Numbers and NA are names like others."""
    folder, _ = resumed
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["classes"] == ["0", "NA"]
    assert set(summary["speakers"]) == {"null", "NA", "007", "007x"}


def test_garbage_is_not_compared(small_corpus, cache, tmp_path):
    """A file that is no summary is refused before anything is run."""
    garbage = tmp_path / "predictions.csv"
    garbage.write_text("a,b\n1,2\n", encoding="utf-8")
    args = (small_corpus, cache, tmp_path / "out")
    refused = crossval(*args, "--compare", garbage)
    assert refused.returncode == 1
    assert "no column ID" in refused.stderr.splitlines()[-1]
    assert refused.stderr.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_random_is_reported_everywhere(small_corpus, cache, tmp_path):
    """Each output of the protocol has the words "speakers shared"; and only
    some folds can be run, which is reported too."""
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


def test_a_failed_run_is_named(small_corpus, cache, tmp_path, monkeypatch):
    """An error in a worker names its run."""
    monkeypatch.chdir(ROOT)
    words = command(small_corpus, cache, tmp_path)[2:]
    hparams_file, run_opts, overrides = parse_arguments(words)
    (run,) = list_runs(tmp_path, overrides, num_folds=1, seeds=1, only=[])
    saved = tmp_path / "fold1/1/hyperparams.yaml"
    saved.parent.mkdir(parents=True)
    saved.write_text("seed: 7\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="^fold 1, seed 1: .*other settings"):
        run_all(hparams_file, run_opts, [run], [run], jobs=1, address="")


def test_runs_write_nothing_that_others_read(
    summed, small_corpus, cache, tmp_path
):
    """What a cluster's machines share has one writer, the process that was
    started: the runs leave the store and the index of audio as they are."""
    before = {path: path.read_bytes() for path in cache.glob("*.sqlite*")}
    assert {path.suffix for path in before} == {".sqlite"} and len(before) == 2
    folder = tmp_path / "out"
    args = (small_corpus, cache, folder, "--protocol", "loso", "--seeds", 1)
    assert crossval(*args, "--jobs", 1).returncode == 0
    assert {
        path: path.read_bytes() for path in cache.glob("*.sqlite*")
    } == before


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_worker_is_replaced(summed, small_corpus, cache, tmp_path):
    """Its run is made again, and all end as if none had been killed."""
    args = (small_corpus, cache, tmp_path, "--protocol", "loso", "--seeds", 1)
    args += ("--folds", 1, 2, 3)
    with subprocess.Popen(
        command(*args), cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE
    ) as process:
        while not list(tmp_path.glob("fold[23]/1/train_log.txt")):
            assert process.poll() is None
            time.sleep(0.05)
        workers = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "popen_loky"],
            capture_output=True,
            encoding="utf-8",
        )
        os.kill(int(workers.stdout.split()[0]), signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    for fold in (1, 2, 3):
        name = f"fold{fold}/1/predictions.csv"
        assert (tmp_path / name).read_text() == (summed[1] / name).read_text()


def test_a_cluster_gives_the_same(summed, small_corpus, cache, tmp_path):
    """Ray, here on this machine, makes the same runs."""
    pytest.importorskip("ray", reason="needs pip install ray")
    args = (small_corpus, cache, tmp_path, "--protocol", "loso", "--seeds", 1)
    done = crossval(*args, "--folds", 2, 4, "--address", "local")
    assert done.returncode == 0, done.stderr
    for fold in (2, 4):
        name = f"fold{fold}/1/predictions.csv"
        assert (tmp_path / name).read_text() == (summed[1] / name).read_text()
