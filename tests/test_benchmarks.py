"""Each benchmark, run as a process in its smallest form, prints a table."""

import os
import subprocess
import sys
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
        timeout=120,
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


def check_ratio(table, what, baseline, times=1):
    """Checks the ratio of a row against the medians that it is made from."""
    assert table[baseline]["baseline"] == table[baseline]["ratio"] == ""
    assert table[what]["baseline"].startswith(baseline)
    medians = [float(table[name]["median"]) for name in (baseline, what)]
    expected = pytest.approx(times * medians[0] / medians[1], rel=0.01)
    assert float(table[what]["ratio"]) == expected


def test_frozen(options, tmp_path):
    """Encoding is compared with a bare pass, 20 epochs with 20 of a loop."""
    table = read_table("frozen.py", options, tmp_path)
    check_ratio(table, "encoding, empty store", "bare forward pass")
    check_ratio(table, "20 epochs, empty store", "loop, 1 epoch", 20)
    check_ratio(table, "20 epochs, filled store", "loop, 1 epoch", 20)


def test_finetune(options, tmp_path):
    """An epoch is compared with one of the IEMOCAP recipe."""
    table = read_table("finetune.py", options, tmp_path)
    check_ratio(table, "finetune.yaml", "IEMOCAP recipe")


@pytest.mark.skipif(sys.platform == "win32", reason="has no module resource")
def test_memory(tmp_path):
    """Ten times as many clips are compared with a few."""
    table = read_table("memory.py", ["--clips", "2"], tmp_path)
    check_ratio(table, "20 clips, MiB", "2 clips, MiB")


@pytest.mark.skipif(sys.platform == "win32", reason="has no module resource")
def test_preparation(tmp_path):
    """Time is compared with the headers, memory with the table of clips."""
    table = read_table("preparation.py", ["--clips", "40"], tmp_path)
    for run in ("first run", "second run"):
        check_ratio(table, f"{run}, s", "headers, s")
        growth = f"{run}, growth of memory, MiB"
        check_ratio(table, growth, "table of clips, MiB")


def test_prediction(tmp_path):
    """Files are compared with the model alone."""
    table = read_table("prediction.py", ["--clips", "4"], tmp_path)
    check_ratio(table, "predict_files", "bare forward pass")


def test_onnx_file(tmp_path):
    """An ONNX file is compared with PyTorch."""
    pytest.importorskip("onnx", reason="needs pip install onnx")
    pytest.importorskip("onnxruntime", reason="needs pip install onnxruntime")
    table = read_table("onnx_file.py", ["--clips", "4"], tmp_path)
    check_ratio(table, "ONNX", "PyTorch")


@pytest.mark.skipif(sys.platform == "win32", reason="has no module resource")
def test_long_audio(tmp_path):
    """Sixty times as much audio is compared with a little."""
    table = read_table("long_audio.py", ["--hours", "0.02"], tmp_path)
    check_ratio(table, "1.2 minutes, MiB", "0.02 minutes, MiB")
