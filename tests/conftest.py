"""Fixtures that several files of tests share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def run_train():
    """Runs train.py in a process of its own, from the repository's root."""

    def run(*args, cwd=None, env=None, timeout=300):
        return subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *map(str, args)],
            cwd=cwd or ROOT,
            env={**os.environ, **(env or {})},
            timeout=timeout,
            capture_output=True,
            encoding="utf-8",
        )

    return run


@pytest.fixture(scope="session")
def ser_data():
    """The folder with the real corpora."""
    if not os.environ.get("SER_DATA"):
        pytest.skip(
            "SER_DATA is not set: it names the folder with the real corpora "
            "(emodb, ravdess)"
        )
    return Path(os.environ["SER_DATA"])
