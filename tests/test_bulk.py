"""Bulk jobs on Ray: killed at any moment, they end with one row for each clip,
as prediction without Ray gives it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas
import pytest
from conftest import ENVIRONMENT, ROOT, fork_program
from ser.inference import READY, load_model

pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")  # Ray brings it along

COPIES = 2  # of 64 clips, so that a job takes long enough to be killed
MARK = str(time.time_ns())  # of all processes that the tests here start


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_corpus):
    """A folder with clips/, where many are sound and one is not."""
    folder = tmp_path_factory.mktemp("bulk")
    (folder / "clips").mkdir()
    for wav in small_corpus.glob("*.wav"):
        for copy in range(COPIES):
            shutil.copy(wav, folder / "clips" / f"{copy}_{wav.name}")
    (folder / "clips" / "text.wav").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    """The predictions without Ray, by path."""
    paths = sorted((folder / "clips").iterdir())
    predictions = load_model().predict(paths)
    return {f"clips/{p.name}": a for p, a in zip(paths, predictions)}


@pytest.fixture
def start(folder):
    """Starts predict.py on the clips as a job with a process group of its own;
    nothing of the jobs is left at the end."""

    def start(out, paths=("clips",)):
        return subprocess.Popen(
            [sys.executable, ROOT / "predict.py", *paths, "--bulk", out],
            env={**ENVIRONMENT, "BULK_TEST": MARK},
            cwd=folder,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    yield start
    wait_for_processes()


def bulk(folder, out, *options, env=None):
    """Runs a job to its end."""
    args = "clips", "--bulk", out, *options
    return fork_program(ROOT / "predict.py", *args, cwd=folder, env=env)


def wait_for_processes():
    """Waits until no process of the tests here is left."""
    end = time.monotonic() + 60
    while left := list(processes()):
        assert time.monotonic() < end, left
        time.sleep(0.5)


def processes():
    """Yields the processes that the tests here started, and all theirs."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("BULK_TEST") == MARK:
                yield process


def commits(out):
    """Lists the checkpoints that are committed."""
    files = out.glob("_checkpoints/*/*.parquet")
    return [file for file in files if ".pending" not in file.name]


def wait(job, out, number):
    """Waits until so many parts are committed."""
    while len(commits(out)) < number:
        assert job.poll() is None, job.communicate()
        time.sleep(0.1)


def kill_workers(job):
    """Kills those processes of Ray that hold a model."""
    workers = [
        process
        for process in psutil.Process(job.pid).children(recursive=True)
        if "ray::MapWorker" in " ".join(process.cmdline())
    ]
    assert workers
    for worker in workers:
        worker.kill()


def check(out, expected):
    """Checks that each clip has one row, with the values expected."""
    rows = pandas.read_parquet(out, dtype_backend="pyarrow")
    assert sorted(rows["path"]) == sorted(expected)
    for row in rows.to_dict("records"):
        answer = expected[row["path"]]
        assert row["note"] == answer.note
        if answer.emotion is None:
            assert pandas.isna(row["emotion"])
            continue
        assert row["emotion"] == answer.emotion
        assert row["duration"] == answer.duration
        for name, probability in answer.probabilities.items():
            assert row[name] == pytest.approx(probability, abs=1e-5)


def test_killed_job_goes_on(start, folder, expected, tmp_path):
    """A job killed half-way loses no clip and doubles none, whatever state its
    parts are in; nothing is done when all is done, or for other settings."""
    out = tmp_path / "a b#?%20"  # no part of an address
    job = start(out)
    wait(job, out, 3)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    wait_for_processes()  # Ray's may commit one more part
    # Two more ends that a kill and a power cut can have
    written, damaged, *kept = commits(out)
    written.rename(written.with_suffix(".pending.parquet"))
    (out / f"{damaged.stem}-0.parquet").write_bytes(b"PAR1")
    kept = sum(len(pandas.read_parquet(file)) for file in kept)

    # The death of a worker costs no clip either.
    job = start(out, paths=("clips", "clips/text.wav"))
    wait(job, out, len(commits(out)) + 1)
    kill_workers(job)
    output, errors = job.communicate(timeout=300)
    assert job.returncode == 1, errors
    new = len(expected) - kept
    assert f"{len(expected)} rows, {new} of them new, 1 without" in output
    check(out, expected)

    parts = {part: part.stat().st_mtime_ns for part in out.glob("*.parquet")}
    done = bulk(folder, out)
    assert done.returncode == 1, done.stderr
    assert f"{len(expected)} rows, 0 of them new, 1 without" in done.stdout
    other = tmp_path / "other"
    shutil.copytree(READY, other)
    config = json.loads((other / "config.json").read_text("utf-8"))
    config["emotion_model"]["temperature"] += 0.5
    (other / "config.json").write_text(json.dumps(config), "utf-8")
    done = bulk(folder, out, "--model", other, "--abstain", "0.9")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "begun with another model and abstain" in last
    found = {part: part.stat().st_mtime_ns for part in out.glob("*.parquet")}
    assert found == parts


def test_refusals(folder, tmp_path):
    """A folder with other files, and a machine without Ray, are refused in a
    sentence."""
    done = bulk(folder, folder)
    assert done.returncode == 1
    assert "is not empty" in done.stderr.splitlines()[-1]
    (tmp_path / "ray.py").write_text("raise ImportError")
    done = bulk(folder, tmp_path / "out", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert 'pip install "ray[data]"' in done.stderr.splitlines()[-1]
