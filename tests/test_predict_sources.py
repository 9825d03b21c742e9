"""What AUDIO on a command line means: files, folders, patterns and tables."""

import os
import sys

import pandas as pd
import pytest
from prediction.sources import AUDIO_ENDINGS, expand, find_audio
from ser.errors import RecipeError
from trees import put


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """The current folder, with recordings and other files in a folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.wav", "a.WAV", "notes.txt", ".hidden.wav", "deep/c.flac"):
        put(tmp_path / "calls" / name)
    return tmp_path


def paths(*names):
    """Returns what is found, with slashes, if nothing is the matter."""
    found = find_audio([str(name) for name in names])
    assert not any(reason for _, reason in found), found
    return [path.replace(os.sep, "/") for path, _ in found]


def test_folders(calls):
    """Hold what has an ending of audio, at any depth; hidden files are none."""
    inside = ["calls/a.WAV", "calls/b.wav", "calls/deep/c.flac"]
    assert paths("calls") == inside
    assert paths(calls / "calls") == [f"{calls.as_posix()}/{p}" for p in inside]


def test_endings_are_read(tmp_path):
    """At least those that the preparation of data looks for."""
    from data_prep.corpus import AUDIO_ENDINGS as PREPARED

    assert set(PREPARED) <= set(AUDIO_ENDINGS)


def test_files_of_any_ending(calls):
    """Are tried if they are named."""
    assert paths("calls/notes.txt", "calls/.hidden.wav") == [
        "calls/notes.txt",
        "calls/.hidden.wav",
    ]


def test_named_twice(calls):
    """In whatever way, a file is listed once, where it is named first."""
    found = paths("calls/deep/c.flac", "calls", "calls/./b.wav", "calls/*.wav")
    assert found == ["calls/deep/c.flac", "calls/a.WAV", "calls/b.wav"]


def test_links_to_folders(calls):
    """Are followed, and a loop ends."""
    put(calls / "elsewhere" / "d.wav")
    try:
        (calls / "calls" / "link").symlink_to(calls / "elsewhere")
        (calls / "elsewhere" / "loop").symlink_to(calls / "calls")
    except OSError:
        pytest.skip("this system makes no links")
    assert len(list(expand("calls"))) == 4
    assert paths("calls", "elsewhere", "calls/deep") == [
        "calls/a.WAV",
        "calls/b.wav",
        "calls/deep/c.flac",
        "calls/link/d.wav",
    ]


def test_patterns(calls):
    """Match as in a shell, folders included; a file's name is no pattern."""
    put(calls / "take [1].wav")
    put(calls / "take 1.wav")
    assert paths("calls/*.txt") == ["calls/notes.txt"]
    assert paths("ca*") == paths("calls")
    assert paths("calls/**/*.flac", "calls/?.wav") == [
        "calls/deep/c.flac",
        "calls/b.wav",
    ]
    assert paths("take [1].wav") == ["take [1].wav"]
    assert paths("take [0-9].wav") == ["take 1.wav"]


TABLES = {
    "path": "name,path,wav\nx,calls/b.wav,no.wav\n",
    "wav": "wav,emotion\ncalls/b.wav,angry\n",
    "capitals": "ID, Filename \nx,calls/b.wav\n",
    "only": "recording\ncalls/b.wav\n\n",
    "headless": "calls/b.wav\n",
    "Excel": "\ufeffid;file\r\n1;calls/b.wav\r\n",
    "quoted": 'path,text\n"calls/b.wav","a, b\nand c"\n',
}


@pytest.mark.parametrize("kind", TABLES)
def test_csv_tables(calls, kind):
    """Have a column with paths, relative to the table."""
    put(calls / "table.csv", TABLES[kind].encode())
    assert paths("table.csv") == ["calls/b.wav"]
    os.chdir("calls")
    assert paths(calls / "table.csv") == [f"{calls.as_posix()}/calls/b.wav"]


def test_other_tables(calls):
    """TSV and Parquet are read too, and paths from the current folder."""
    put(calls / "lists" / "t.tsv", b"a,b\tpath\nx, y\tcalls/b.wav\n")
    assert paths("lists/t.tsv") == ["calls/b.wav"]
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"file": ["calls/a.WAV"], "n": [1]})
    table.to_parquet("lists/t.parquet")
    assert paths("lists/t.parquet", "lists/t.tsv") == [
        "calls/a.WAV",
        "calls/b.wav",
    ]
    put(calls / "bad.parquet", b"PAR1")
    with pytest.raises(RecipeError, match="bad.parquet is no table"):
        find_audio(["bad.parquet"])


def test_names_of_any_kind(calls):
    """Commas, quotes, lines, dashes and bytes that are not Unicode."""
    names = ["a, b.wav", 'say "hi".wav', "two\nlines.wav", "-x.wav", " s .wav"]
    names += [os.fsdecode(b"caf\xe9.wav")]
    if sys.platform != "linux":
        names = ["a, b.wav", "-x.wav"]
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in names]
    put(calls / "table.csv", os.fsencode("\n".join(["path", *quoted])))
    for name in names:
        put(calls / name, b"")
    assert paths("table.csv") == names
    assert sorted(paths("*.wav")) == sorted(names)


def test_what_holds_no_audio_has_a_reason(calls):
    """And the rest is found."""
    (calls / "empty").mkdir()
    put(calls / "table.csv", b"path,x\ncalls/b.wav,1\n,2\n")
    names = ["empty", "table.csv", "no*.wav", "missing.wav"]
    assert find_audio(names) == [
        ("empty", "no audio in this folder"),
        (os.path.join("", "calls/b.wav"), ""),
        ("table.csv: line 3", "no path"),
        ("no*.wav", "nothing matches this pattern"),
        ("missing.wav", ""),  # whoever reads it says what is the matter
    ]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="this user may list any folder",
)
def test_folders_that_cannot_be_listed(calls):
    """Have a reason, and what is beside them is found."""
    (calls / "calls" / "deep").chmod(0)
    found = dict(find_audio(["calls"]))
    (calls / "calls" / "deep").chmod(0o700)
    assert found == {
        "calls/a.WAV": "",
        "calls/b.wav": "",
        "calls/deep": "Permission denied",
    }


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing.wav", "no audio was found by missing.wav: expected files"),
        ("empty", r"by empty \(no audio in this folder\)"),
        ("no*.wav", r"by no\*.wav \(nothing matches this pattern\)"),
        ("head.csv", "no audio was found by head.csv"),
        ("two.csv", "two.csv has the columns a, b: expected one with paths"),
        ("ragged.csv", "ragged.csv has 3 values in line 2 and 2 columns"),
        ("none.csv", r"none.csv has the columns \(none\)"),
    ],
)
def test_nothing_found(calls, name, message):
    """Is one sentence that says what was expected."""
    (calls / "empty").mkdir()
    put(calls / "head.csv", b"path\n")
    put(calls / "two.csv", b"a,b\n1,2\n")
    put(calls / "ragged.csv", b"path,x\na,b.wav,1\n")
    put(calls / "none.csv", b"")
    with pytest.raises(RecipeError, match=message) as error:
        find_audio([name])
    assert "\n" not in str(error.value)
