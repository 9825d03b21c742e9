"""What is known of audio files is not read again."""

import sqlite3

import numpy as np
import pytest
from data_prep import scan
from data_prep.audio_index import digest_of
from ser.errors import RecipeError
from trees import ACTORS, encode, excluded, put, put_ravdess, run_prepare, whole


@pytest.fixture
def small(tmp_path):
    """Four actors, eight clips."""
    return put_ravdess(tmp_path / "data", ACTORS[:4])


def test_file_that_changes_is_read_again(small, tmp_path):
    """And no other: a second preparation gives the same."""
    first = whole(run_prepare(small, tmp_path / "one"))
    again = whole(run_prepare(small, tmp_path / "two"))
    assert first.equals(again)
    changed = next(small.rglob("*.wav"))
    put(changed, encode(np.zeros(8000)))
    run_prepare(small, tmp_path / "three")
    assert list(excluded(tmp_path / "three").values()) == ["silence"]


@pytest.mark.parametrize("chunk, part", [(1, 1), (3, 2), (4, 25)])
def test_files_that_are_read_at_a_time_change_nothing(
    small, tmp_path, monkeypatch, chunk, part
):
    """Some known and some not, one excluded, the last chunk full or not."""
    put(small / "Actor_02" / "noise.wav")
    first = whole(run_prepare(small, tmp_path / "one"))
    for number, path in enumerate(sorted(small.rglob("*.wav"))):
        if number % 2:
            path.touch()
    monkeypatch.setattr(scan, "CHUNK", chunk)
    monkeypatch.setattr(scan, "PART", part)
    for folder in ("two", "three"):
        assert first.equals(whole(run_prepare(small, tmp_path / folder)))
        assert excluded(tmp_path / folder) == excluded(tmp_path / "one")


def test_index_is_what_a_second_preparation_reads(small, tmp_path):
    """What it holds is believed, defects included."""
    run_prepare(small, tmp_path / "one")
    with sqlite3.connect(tmp_path / "index.sqlite") as connection:
        connection.execute("UPDATE files SET duration = 3.5")
        connection.execute(
            "UPDATE files SET reason = 'defect' WHERE path LIKE '%-05-%-01.wav'"
        )
        for *entry, _ in connection.execute("SELECT * FROM files").fetchall():
            connection.execute(
                "UPDATE files SET digest = ? WHERE path = ?",
                (digest_of(entry), entry[0]),
            )
    connection.close()
    clips = whole(run_prepare(small, tmp_path / "two"))
    assert (clips["duration"] == 3.5).all()
    assert list(excluded(tmp_path / "two").values()) == ["defect"]


def test_index_that_is_no_database_is_refused(small, tmp_path):
    """With what to do."""
    (tmp_path / "index.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(RecipeError, match="delete it"):
        run_prepare(small, tmp_path / "one")
