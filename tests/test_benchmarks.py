"""Each benchmark, run as a process in its smallest form, prints a table."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from encoders.random_encoder import make_random_encoder

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def options(small_corpus, tmp_path_factory):
    """Options of the benchmarks that train: eight clips, a small encoder."""
    folder = tmp_path_factory.mktemp("encoder") / "random"
    encoder = make_random_encoder(folder, seed=0)
    return [
        *("--corpus", "ravdess", "--data_folder", small_corpus),
        *("--encoder", encoder, "--clips", "8"),
    ]


def read_table(name, options, folder):
    """Runs a benchmark for one round, from another folder, and returns its
    table: from the first cell of each row to a dict from heading to cell."""
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / name, *options, "--rounds", "1"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    headings, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in done.stdout.splitlines()
        if line.startswith("|")
    ]
    rows = [dict(zip(headings, row, strict=True)) for row in rows]
    return {row["what"]: row for row in rows}


def check_ratio(table, what, baseline):
    """Checks the ratio of a row against the medians that it is made from."""
    assert table[baseline]["baseline"] == table[baseline]["ratio"] == ""
    assert table[what]["baseline"] == baseline
    medians = [float(table[name]["median"]) for name in (baseline, what)]
    expected = pytest.approx(medians[0] / medians[1], rel=0.01)
    assert float(table[what]["ratio"]) == expected


def test_training(options, tmp_path):
    """Encoding is compared with a bare pass, and epochs with the IEMOCAP recipe."""
    table = read_table("training.py", options, tmp_path)
    check_ratio(table, "empty store, encoding, s", "bare encoder, s")
    for store in ("empty store", "filled store"):
        check_ratio(table, f"{store}, s an epoch", "frozen, s")
    for name in ("finetune.yaml", "last layer"):
        check_ratio(table, f"{name}, s", "trained, s")


def test_first_run(options, tmp_path):
    """Two runs are compared with nkululeko's."""
    python = os.environ.get("NKULULEKO_PYTHON")
    if not python:
        pytest.skip(
            "NKULULEKO_PYTHON is not set: it names a Python with nkululeko"
        )
    options = [*options, "--clips", "24", "--nkululeko_python", python]
    table = read_table("first_run.py", options, tmp_path)
    for run in ("first run, CPU s", "first run, s", "second run, CPU s"):
        check_ratio(table, f"train.py, {run}", f"nkululeko, {run}")


@pytest.mark.skipif(sys.platform == "win32", reason="has no module resource")
def test_scale(tmp_path):
    """Ten times as many clips are compared with a few, two processes with one,
    and a store with mapped bytes."""
    options = ["--clips", "20", "--embeddings", "20"]
    table = read_table("scale.py", options, tmp_path)
    few, many = (f"one process, {n} clips, MiB" for n in (2, 20))
    check_ratio(table, many, few)
    check_ratio(table, "two processes, s", "one process, s")
    check_ratio(table, "epoch of the store, s", "mapped epoch, s")


@pytest.mark.skipif(sys.platform == "win32", reason="has no module resource")
def test_preparation(tmp_path):
    """Time is compared with the headers, memory with the table of clips."""
    table = read_table("preparation.py", ["--clips", "40"], tmp_path)
    for run in ("first run", "second run"):
        check_ratio(table, f"{run}, s", "headers, s")
        growth = f"{run}, growth of memory, MiB"
        check_ratio(table, growth, f"{run}, table, MiB")


def test_prediction(tmp_path):
    """Files are compared with the model alone, an ONNX file with PyTorch."""
    table = read_table("prediction.py", ["--clips", "4"], tmp_path)
    check_ratio(table, "predict_files, s", "bare forward pass, s")
    if find_spec("onnx") and find_spec("onnxruntime"):
        check_ratio(table, "ONNX, s", "PyTorch, s")
