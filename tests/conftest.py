"""Fixtures that several files of tests share."""

import contextlib
import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import pytest
import soundfile
from filelock import FileLock

ROOT = Path(__file__).parent.parent
# The tests run side by side, a process for each core, and models are small;
# set before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"
ENVIRONMENT = dict(os.environ)


@functools.cache
def start_zygote():
    """Starts the process that `fork_program` forks."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/zygote.py")],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # or `select` would not see a line that is buffered
    )


def fork_program(*argv, cwd=ROOT, env=None, timeout=300, kill_when=None):
    """Runs a program (a path, -m and a module, or -c and code) as
    `subprocess.run` does, in a process of its own that has imported the packages
    that take seconds, where a system can fork; kills it as soon as a condition
    holds."""
    argv = list(map(str, argv))
    if not hasattr(os, "fork"):
        if kill_when:
            pytest.skip("kills by signal")
        return subprocess.run(
            [sys.executable, *argv],
            cwd=cwd,
            env={**ENVIRONMENT, **(env or {})},
            timeout=timeout,
            capture_output=True,
            encoding="utf-8",
        )
    zygote = start_zygote()
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        for path in (out, err):
            path.touch()  # it may be killed before it opens them
        request = {"argv": argv, "cwd": str(cwd), "out": str(out)}
        request = json.dumps(request | {"err": str(err), "env": env or {}})
        zygote.stdin.write(request.encode() + b"\n")
        pid, ends = int(zygote.stdout.readline()), time.monotonic() + timeout
        wait = 0.002 if kill_when else timeout
        while not select.select([zygote.stdout], [], [], wait)[0]:
            late = time.monotonic() > ends
            if late or kill_when and kill_when():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                if late:
                    zygote.kill()
                    start_zygote.cache_clear()
                    raise subprocess.TimeoutExpired(argv, timeout)
                break
        return subprocess.CompletedProcess(
            argv,
            int(zygote.stdout.readline()),
            out.read_text(encoding="utf-8"),
            err.read_text(encoding="utf-8"),
        )


@pytest.fixture(scope="session")
def run_train():
    """Runs train.py in a process of its own, from the repository's root."""
    return functools.partial(fork_program, ROOT / "train.py")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Makes a folder once for all processes that test: by a function that fills
    it, which the first one calls while the others wait."""

    def make(name, fill):
        folder = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:
            folder = folder.parent  # all have it
        folder /= name
        made = Path(f"{folder}.made")
        with FileLock(f"{folder}.lock"):
            if not made.exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def small_corpus(made_once):
    """Four voices of the built-in corpus, two clips of each emotion."""
    return made_once("small", synthesise_some)


def synthesise_some(folder):
    """Writes the clips of the small corpus."""
    from data_prep.demo_synthesis import EMOTIONS, SPEAKERS, synthesise

    for speaker, statement in product(SPEAKERS[:4], (1, 2)):
        for number, emotion in enumerate(EMOTIONS, start=1):
            wav = synthesise(speaker, emotion, 1, statement, 1, seed=0)
            name = f"03-01-{number:02}-01-{statement:02}-01-{speaker.id}.wav"
            soundfile.write(folder / name, wav, 16000)


@pytest.fixture(scope="session")
def small_run(made_once, small_corpus, run_train):
    """The results folder of a run on the small corpus, which it says are
    recordings of RAVDESS."""

    def run(folder):
        done = run_train(
            "hparams/train.yaml",
            *("--corpus", "ravdess", "--data_folder", small_corpus),
            *("--protocol", "loso", "--number_of_epochs", "4"),
            *("--cache_folder", folder / "cache"),
            *("--output_folder", folder / "results"),
        )
        assert done.returncode == 0, done.stderr

    return made_once("run", run) / "results"


@pytest.fixture
def small(tmp_path):
    """Three actors of RAVDESS, one for each split, six clips of noise."""
    from trees import ACTORS, put_ravdess

    return put_ravdess(tmp_path / "data", ACTORS[:3])


@pytest.fixture(scope="session")
def ser_data():
    """The folder with the real corpora."""
    if not os.environ.get("SER_DATA"):
        pytest.skip(
            "SER_DATA is not set: it names the folder with the real corpora "
            "(emodb, ravdess)"
        )
    return Path(os.environ["SER_DATA"]).resolve()
