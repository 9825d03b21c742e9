"""Prediction from the command line: rows, formats, terminals and errors."""

import io
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import predict
import pytest
from conftest import ENVIRONMENT, ROOT, fork_program
from ser.errors import RecipeError
from trees import encode, noise, put

COMMAND = [sys.executable, str(ROOT / "predict.py")]
BAD = {
    "text.wav": (b"no sound", "not audio"),
    "cut.wav": (encode(noise(1))[:2000], "truncated file"),
    "empty.wav": (b"", "empty file"),
    "silent.wav": (encode(np.zeros(8000)), "silence"),
    "nan.wav": (
        encode(np.full(8000, np.nan), subtype="FLOAT"),
        "NaN or infinite samples",
    ),
    "short.wav": (encode(noise(2, 0.01)), "shorter than 0.1 s"),
}


def start(*args, **kwargs):
    """Starts predict.py in a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options |= {"env": ENVIRONMENT, "encoding": "utf-8"}
    return subprocess.Popen([*COMMAND, *map(str, args)], **(options | kwargs))


@pytest.fixture
def call(small_run, monkeypatch, capsys):
    """Calls main in this process; returns its status and what it prints."""

    def main(*args):
        argv = ["--model", str(small_run), *map(str, args)]
        monkeypatch.setattr(sys, "argv", ["predict.py", *argv])
        with pytest.raises(SystemExit) as ended:
            predict.main()
        return ended.value.code, *capsys.readouterr()

    return main


@pytest.fixture(scope="session")
def tested(small_run, small_corpus):
    """The predictions of the run, by the paths of its clips."""
    table = pd.read_csv(small_run / "predictions.csv", dtype={"spk_id": str})
    table.index = [str(small_corpus / f"{name}.wav") for name in table["ID"]]
    return table


def read(text):
    """Reads CSV as it is written, by path."""
    table = pd.read_csv(io.StringIO(text), keep_default_na=False)
    return table.set_index("path")


def assert_same(rows, tested):
    """Rows have the probabilities and the classes of the run."""
    classes = list(tested.columns[4:-1])
    assert list(rows.columns) == ["emotion", *classes, "duration", "note"]
    assert list(rows["emotion"]) == list(tested["prediction"])
    found, expected = (t[classes].astype(float) for t in (rows, tested))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_pipe(small_run, tested, tmp_path):
    """Good files have the run's own answers, others the reason why not, in
    the order of their names, and the status is 1."""
    names = list(tested.index)
    for number, (name, (content, _)) in enumerate(BAD.items()):
        names.insert(2 * number, str(put(tmp_path / name, content)))
    names.insert(3, str(tmp_path / "missing.wav"))
    args = *names, names[-1], "--model", small_run
    run = fork_program(ROOT / "predict.py", *args)
    assert run.returncode == 1
    rows = read(run.stdout)
    assert list(rows.index) == names
    assert_same(rows.loc[tested.index], tested)
    assert rows.loc[tested.index[0], "duration"] == "2.425"
    for name, (_, reason) in BAD.items():
        row = rows.loc[str(tmp_path / name)]
        assert row["note"] == reason
        assert set(row[["emotion", "happy", "sad"]]) == {""}
    assert "No such file" in rows.loc[names[3], "note"]
    about, count = run.stderr.strip().splitlines()
    assert (
        about == json.loads((small_run / "metrics.json").read_text())["about"]
    )
    assert count == f"no answer for 7 of {len(names)} files: see their notes"


def test_alone_and_in_any_order(call, tested):
    """A clip gets the same answer."""
    for names in ([3], [9, 0, 4], range(len(tested) - 1, -1, -1)):
        clips = tested.iloc[list(names)]
        status, printed, _ = call(*clips.index)
        assert status == 0
        assert_same(read(printed), clips)


def test_formats(call, small_corpus, tmp_path):
    """Hold the same rows, and the folder is made."""
    bad, out = put(tmp_path / "bad.wav", b"x"), tmp_path / "new" / "out"
    printed = call(small_corpus, bad)[1]
    for ending in (".csv", ".JSONL"):
        file = f"{out}{ending}"
        status, nothing, messages = call(small_corpus, bad, "--out", file)
        assert (status, nothing) == (1, "")
        assert f"wrote {file}\n" in messages
    assert out.with_suffix(".csv").read_bytes() == printed.encode()
    lines = out.with_suffix(".JSONL").read_bytes()
    rows = [json.loads(line) for line in lines.splitlines()]
    assert rows[-1]["path"] == str(bad)
    assert rows[-1]["happy"] is rows[-1]["duration"] is rows[-1]["emotion"]
    assert len(list(out.parent.iterdir())) == 2
    expected = pd.read_csv(io.StringIO(printed), keep_default_na=False)
    table = pd.DataFrame(rows)
    assert list(table.columns) == list(expected.columns)
    texts = table.astype(object).where(table.notna(), "").astype(str)
    pd.testing.assert_frame_equal(texts, expected.astype(str))

    pytest.importorskip("pyarrow")
    assert call(small_corpus, bad, "--out", f"{out}.parquet")[0] == 1
    parquet = pd.read_parquet(f"{out}.parquet")
    pd.testing.assert_frame_equal(parquet, table, check_dtype=False)
    assert call(bad, "--out", f"{out}.parquet")[0] == 1
    assert pd.read_parquet(f"{out}.parquet")["happy"].dtype == float


def test_names(call, tested, tmp_path, monkeypatch):
    """Commas, quotes, lines, formulas, dashes and bytes that are not Unicode
    are in CSV as they are, such a table can be read again, and the content
    of a file decides its format."""
    monkeypatch.chdir(tmp_path)
    names = ["a, b.wav", "=1+1.wav", "-x.wav", "é.wav", "voice.raw"]
    if sys.platform == "linux":
        names += ['say "hi"\n\x1b[2J.wav', os.fsdecode(b"caf\xe9.wav")]
    with open(tested.index[0], "rb") as file:
        content = file.read()
    for name in names:
        (tmp_path / name).write_bytes(content)
    status, printed, _ = call("--out", "t.csv", "--", *names)
    assert status == 0
    rows = pd.read_csv("t.csv", keep_default_na=False)
    assert list(rows["path"]) == [n.replace("\udce9", "\\udce9") for n in names]
    again = read(call("t.csv")[1])
    assert list(again.index) == list(rows["path"])
    # What is escaped is another name, of no file.
    assert set(again["emotion"][: len(names) - 1]) == set(
        tested["prediction"][:1]
    )


def test_uncertain(call, tested):
    """Below the given probability, and nothing else changes."""
    rows = read(call(*tested.index)[1])
    limit = np.median(rows[rows.columns[1:-2]].max(axis=1))
    unsure = read(call(*tested.index, "--abstain", limit)[1])
    low = rows[rows.columns[1:-2]].max(axis=1) < limit
    assert (unsure["emotion"][low] == "uncertain").all()
    assert low.any() and (~low).any()
    rows.loc[low, "emotion"] = "uncertain"
    pd.testing.assert_frame_equal(rows, unsure)


def test_windows(call, tested, tmp_path):
    """A row for each window of each file, and a picture of one."""
    path, bad = tested.index[0], put(tmp_path / "bad.wav", b"x")
    status, printed, messages = call(path, bad, "--window", 1, "--smooth", 3)
    assert status == 1
    assert "no answer for 1 of 2 files" in messages
    rows = pd.read_csv(io.StringIO(printed), keep_default_na=False)
    assert list(rows.columns) == [
        *("path", "start", "end", "emotion"),
        *tested.columns[4:-1],
        "note",
    ]
    assert list(rows["path"]) == [path] * 7 + [str(bad)]
    assert list(rows["start"][:3]) == ["0.0", "0.25", "0.5"]
    assert rows["end"][6] == "2.425"
    assert rows.iloc[7, 1] == rows.iloc[7, 5] == ""
    assert "not audio" in rows["note"][7]
    picture = tmp_path / "picture.png"
    status, printed, _ = call(
        path, "--window", 2, "--hop", 2, "--plot", picture
    )
    assert status == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(io.StringIO(printed))) == 2
    with pytest.raises(RecipeError, match="draws one recording, and 2 were"):
        call(path, bad, "--window", 1, "--plot", picture)
    with pytest.raises(RecipeError, match="hop is 3.0"):
        call(path, "--window", 2, "--hop", 3)


@pytest.mark.parametrize(
    "options, message",
    [
        ("--abstain 1.5", "--abstain is 1.5: expected a probability"),
        ("--hop 1", "need --window"),
        ("--plot a.png", "need --window"),
        ("--window 1 --plot a.txt", "'a.txt' has none of the endings"),
        ("--out a.txt", "'a.txt' has none of the endings"),
        ("--out folder.csv", "'folder.csv' is a folder"),
        ("--out ./a.csv", "'./a.csv' is read"),
        ("--address auto", "--address needs --bulk"),
        ("--bulk b --out a.csv", "--bulk goes with"),
        ("--mod x", "unrecognized arguments"),
    ],
)
def test_misuse(call, tmp_path, monkeypatch, options, message):
    """Is told before anything is loaded, with status 2."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "a.csv", b"path\nb.wav\n")
    (tmp_path / "folder.csv").mkdir()
    status, _, messages = call("a.csv", *options.split())
    assert status == 2
    assert message in messages


def test_one_sentence_errors(call, small_corpus, tmp_path):
    """Nothing found, no model, no room for the file, no such device."""
    run = fork_program(ROOT / "predict.py", "none.wav", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.startswith("error: no audio was found by none.wav: ")
    assert run.stderr.count("\n") == 1
    clip = put(tmp_path / "a.wav")
    with pytest.raises(OSError, match="a.wav"):
        call(clip, "--out", clip / "b.csv")
    with pytest.raises(RecipeError, match="'cuda:99' cannot be used"):
        call(clip, "--device", "cuda:99")


def test_terminal(small_run, tested, tmp_path):
    """Shows a table that is as wide as the terminal, with a bar."""
    pytest.importorskip("pty", reason="this system has no pseudo terminals")
    import fcntl
    import pty
    import struct
    import termios

    put(tmp_path / "take [1].wav", b"x")
    put(tmp_path / ("long" * 20 + "\x1b[2J.wav"))
    reading, terminal = pty.openpty()
    size = struct.pack("HHHH", 24, 70, 0, 0)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    environment = ENVIRONMENT | {"TERM": "xterm"}
    environment = {k: v for k, v in environment.items() if k != "COLUMNS"}
    args = [tested.index[0], tmp_path, "--model", small_run]
    run = start(*args, env=environment, **streams)
    os.close(terminal)
    shown = b""
    try:
        while piece := os.read(reading, 4096):
            shown += piece
    except OSError:  # so a terminal ends on Linux
        pass
    os.close(reading)
    assert run.wait(timeout=60) == 1
    shown = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    _, _, table = shown.rpartition(
        "\n path" if "\n path" in shown else "\npath"
    )
    lines = table.splitlines()
    assert lines[0].split() == "emotion duration top probabilities".split()
    assert max(map(len, lines)) <= 70
    assert "100%" in shown
    assert "not audio" in table
    assert "\x1b" not in table
    words = table.split()
    assert tested["prediction"].iloc[0] in words
    best = tested.iloc[0, 4:-1].max()
    assert f"{best:.2f}" in words


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
def test_pipe_that_is_closed(small_run, tested):
    """As head does, ends it quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    run = start(tested.index[0], "--model", small_run, stdout=writing)
    os.close(writing)
    _, messages = run.communicate(timeout=300)
    assert run.returncode == 0
    assert len(messages.splitlines()) == 1  # what the model is


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_interrupted(small_run, tested, tmp_path):
    """Says so, and leaves the file of an earlier start as it was."""
    for number in range(2000):
        os.link(tested.index[0], tmp_path / f"{number}.wav")
    out = put(tmp_path / "out" / "a.csv", b"earlier")
    run = start(tmp_path, "--model", small_run, "--out", out)
    run.stderr.readline()  # the model is loaded
    run.send_signal(signal.SIGINT)
    _, messages = run.communicate(timeout=300)
    assert run.returncode == 1
    assert messages.strip() == "error: stopped before the table was written."
    assert out.read_bytes() == b"earlier"
    assert [file.name for file in out.parent.iterdir()] == ["a.csv"]


def test_help_imports_little():
    """So it answers at once."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--help"],
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0
    assert "--window S" in run.stdout
    imported = {line.split("|")[-1].strip() for line in run.stderr.splitlines()}
    assert "argparse" in imported
    heavy = "torch transformers speechbrain pandas matplotlib pyarrow rich ray"
    assert not imported & set(heavy.split())
