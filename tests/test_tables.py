"""Any data: a table with a row for each clip."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from data_prep.labels import common_classes
from data_prep.manifest import read_split
from ser.errors import RecipeError
from trees import declare, excluded, put, run_prepare, whole

NAMED = {"columns": "wav=file emotion=label spk_id=who"}


def write_table(folder, ending="csv"):
    """Writes 60 clips of six speakers, and a table of them."""
    rows = []
    for speaker, emotion, take in product("abcdef", ("Joy", "rage"), range(5)):
        path = folder / "audio" / f"{speaker}_{emotion}_{take}.wav"
        put(path)
        rows.append((path.relative_to(folder).as_posix(), emotion, speaker))
    table = pd.DataFrame(rows, columns=["file", "label", "who"])
    separator = "\t" if ending == "tsv" else ","
    table.to_csv(folder / f"clips.{ending}", sep=separator, index=False)
    return folder / f"clips.{ending}"


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_table(tmp_path, ending):
    """Columns are named on the command line; the folder will do as well."""
    path = write_table(tmp_path / "data", ending)
    for number, where in enumerate((path, path.parent)):
        splits = run_prepare(where, tmp_path / str(number), "table", **NAMED)
        clips = whole(splits)
        assert len(clips) == 60
        assert set(clips["emotion"]) == {"joy", "rage"}
        assert set(clips["spk_id"]) == set("abcdef")
    some = declare("table", path, label_set="joy,rage", **NAMED)
    assert some.classes == ("joy", "rage")
    common = declare("table", path, label_set="common", **NAMED)
    assert common.classes == common_classes()


def test_broken_rows_of_a_table_are_listed(tmp_path):
    """The good rows are used."""
    path = write_table(tmp_path / "data")
    lines = path.read_text("utf-8").splitlines()
    broken = [
        "audio/nowhere.wav,joy,a",
        "audio/a_Joy_0.wav,joy,a",  # once more
        "audio/a_rage_0.wav,joy,a",  # with another label
        "audio/a_Joy_1.wav,joy,a,b,c",
        "audio/a_rage_1.wav",
        ",joy,a",
        "audio/b_Joy_9.wav,hapy,b",
        "audio/b_Joy_8.wav,,b",
        "audio/b_Joy_7.wav,joy,\xff",
    ]
    for name in ("b_Joy_9", "b_Joy_8", "b_Joy_7"):
        put(path.parent / "audio" / f"{name}.wav")
    (path.parent / "audio" / "c_Joy_0.wav").write_bytes(b"not audio")
    path.write_text("\n".join([*lines, *broken]) + "\n", encoding="latin-1")
    splits = run_prepare(path, tmp_path / "m", "table", **NAMED)
    # All but one with two labels and one that is no audio.
    assert len(whole(splits)) == 58
    table = pd.read_csv(tmp_path / "m" / "excluded.csv", keep_default_na=False)
    reasons = table["reason"].str.split(":").str[0].value_counts().to_dict()
    assert reasons == {
        "more or fewer values than columns": 2,
        "no such file": 1,
        "second row of one path": 1,
        "two labels for one path": 1,
        "no path": 1,
        "unknown label, with fewer than 3 clips": 1,
        "no label": 1,
        "not UTF-8": 1,
        "not audio": 1,
    }


def test_one_path_written_in_two_ways(tmp_path):
    """Two labels for one file are found all the same."""
    path = write_table(tmp_path / "data")
    with path.open("a", encoding="utf-8") as file:
        file.write("./audio/a_Joy_0.wav,rage,a\n")
        file.write("audio/x/../a_Joy_1.wav,joy,a\n")
        file.write(f"{path.parent / 'audio' / 'a_Joy_2.wav'},rage,a\n")
    assert len(whole(run_prepare(path, tmp_path / "m", "table", **NAMED))) == 58
    found = excluded(tmp_path / "m")
    assert found == {
        "audio/a_Joy_0.wav": "two labels for one path: row 2",
        "audio/a_Joy_1.wav": "second row of one path: row 63",
        "audio/a_Joy_2.wav": "two labels for one path: row 4",
    }


def test_quotes_in_a_table(tmp_path):
    """A cell may hold lines; a quote that is never closed spoils its line."""
    path = write_table(tmp_path / "data")
    lines = path.read_text("utf-8").splitlines()
    lines[0] += " ;text with spaces"
    many = ';"some\nlines; and ""more"""'
    lines[1:20] = [line + many for line in lines[1:20]]
    lines[20:] = [line + ";short" for line in lines[20:]]
    lines[30] = lines[30].replace("short", '"never closed')
    text = "\n".join(lines).replace(",", ";")
    path.write_text(text, encoding="utf-8")
    columns = NAMED["columns"] + " sentence=text with spaces"
    splits = run_prepare(path, tmp_path / "m", "table", columns=columns)
    clips = whole(splits)
    assert len(clips) == 59
    assert set(clips["sentence"]) == {'some\nlines; and "more"', "short"}
    (reason,) = excluded(tmp_path / "m").values()
    assert reason.startswith("more or fewer values than columns")


def test_table_without_a_column_is_refused(tmp_path):
    """With the columns it has."""
    path = write_table(tmp_path / "data")
    with pytest.raises(
        RecipeError, match="no column wav, emotion; it has file"
    ):
        declare("table", path)
    with pytest.raises(RecipeError, match="no column speaker"):
        declare("table", path, columns=NAMED["columns"] + "=x spk_id=speaker")
    with pytest.raises(RecipeError, match="expected pairs such as"):
        declare("table", path, columns="file")


def test_clips_of_unknown_speakers_are_left_out(tmp_path):
    """They may be anyone's, where a fold tests speakers."""
    path = write_table(tmp_path / "data")
    table = pd.read_csv(path)
    table.loc[table["who"] == "f", "who"] = ""
    table.to_csv(path, index=False)
    splits = run_prepare(path, tmp_path / "m", "table", **NAMED)
    assert set(whole(splits)["spk_id"]) == set("abcde")
    reasons = excluded(tmp_path / "m").values()
    assert len(reasons) == 10
    assert set(reasons) == {"left out of this fold: its speaker is unknown"}


def test_table_with_an_official_split(tmp_path):
    """The split of the table is kept, and it is noted that speakers are
    shared."""
    path = write_table(tmp_path / "data")
    table = pd.read_csv(path)
    table["part"] = np.resize(["train", "dev", "test"], len(table))
    table.to_csv(path, index=False)
    splits = run_prepare(
        path,
        tmp_path / "m",
        "table",
        columns=NAMED["columns"] + " split=part",
    )
    assert [len(clips) for clips in splits.values()] == [20, 20, 20]
    facts = read_split(tmp_path / "m")
    assert facts["protocol"].startswith("official")
    assert "speakers shared (6" in facts["protocol"]
    assert facts["shares_speakers"]


def test_official_split_of_unseen_speakers(tmp_path):
    """No notice of shared speakers; without a validation set, training
    speakers validate."""
    path = write_table(tmp_path / "data")
    table = pd.read_csv(path)
    table["split"] = np.where(table["who"] < "e", "training", "eval")
    table.to_csv(path, index=False)
    splits = run_prepare(path, tmp_path / "m", "table", **NAMED)
    assert [len(clips) for clips in splits.values()] == [30, 10, 20]
    assert read_split(tmp_path / "m") == {
        "protocol": "official, the corpus's own split",
        "num_folds": 1,
        "shares_speakers": False,
        "notice": "",
    }


def test_table_beside_its_audio(tmp_path):
    """Paths may lead out of the table's folder, or be absolute."""
    path = write_table(tmp_path / "data")
    table = pd.read_csv(path)
    (tmp_path / "lists").mkdir()
    for number, root in enumerate(("../data", tmp_path / "data")):
        moved = table.assign(file=[f"{root}/{name}" for name in table["file"]])
        moved.to_csv(tmp_path / "lists" / "t.csv", index=False)
        splits = run_prepare(
            tmp_path / "lists" / "t.csv",
            tmp_path / str(number),
            "table",
            **NAMED,
        )
        assert len(whole(splits)) == 60
