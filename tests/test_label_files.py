"""Corpora whose labels are in files of their own."""

import shutil
from pathlib import PurePath

import pytest
from corpus_files import (
    labels_of_msp_podcast,
    open_corpora,
    prepare_corpus,
    put,
    put_corpus,
    rows_of,
    search,
    write,
)
from corpus_trees import CORPORA, expected
from ser.errors import RecipeError


def test_iemocap_excludes_with_a_reason(tmp_path):
    """Other emotions, whole dialogues, macOS's files and unlabelled turns."""
    folder = put_corpus("iemocap", tmp_path / "data")
    start = "Session1/sentences/wav/Ses01F_impro05a/Ses01F_impro05a_M00"
    for turn in "569":
        put(folder / f"{start}{turn}.wav")
    whole = "Session1/dialog/wav/Ses01F_impro05a.wav"
    put(folder / whole)
    table, excluded = search("iemocap", folder)
    assert rows_of(table) == expected("iemocap")
    assert excluded == {
        f"{start}5.wav": "emotion not in the class set: fru",
        f"{start}6.wav": "emotion not in the class set: xxx",
        f"{start}9.wav": "no label in the files of EmoEvaluation",
        whole: "a whole dialogue, not an utterance",
    }


def test_iemocap_without_labels(tmp_path):
    """The error names what was expected."""
    folder = put_corpus("iemocap", tmp_path / "data")
    with pytest.raises(RecipeError, match="EmoEvaluation/Ses01F_impro01.txt"):
        search("iemocap", folder / "Session1/sentences")


def test_iemocap_of_two_sessions(tmp_path):
    """Folds are those of the sessions that are there."""
    folder = put_corpus("iemocap", tmp_path / "data")
    for session in (3, 4, 5):
        shutil.rmtree(folder / f"Session{session}")
    table, _, facts = prepare_corpus("iemocap", folder, tmp_path / "m")
    assert set(table["spk_id"]) == {"Ses01F", "Ses01M", "Ses02F", "Ses02M"}
    assert "that are there" in facts["protocol"]


@pytest.mark.parametrize(
    "key, words",
    [
        ("meld", "train_sent_emo.csv"),
        ("nemo", "data.tsv"),
        ("msp_podcast", "labels_consensus.csv"),
        ("emns", "metadata.csv"),
        ("emozionalmente", "samples.csv"),
    ],
)
def test_table_that_is_not_there(tmp_path, key, words):
    """The error names it."""
    put(tmp_path / "data" / CORPORA[key][0].path)
    with pytest.raises(RecipeError, match=words):
        search(key, tmp_path / "data")


@pytest.mark.parametrize(
    "key, name",
    [
        ("meld", "dev_sent_emo.csv"),
        ("nemo", "data.tsv"),
        ("msp_podcast", "labels_consensus.csv"),
        ("emns", "metadata.csv"),
        ("emozionalmente", "samples.csv"),
    ],
)
def test_table_with_other_columns(tmp_path, key, name):
    """The error names those that were expected."""
    put(tmp_path / "data" / CORPORA[key][0].path)
    write(tmp_path / "data" / name, "file,label\na.wav,sad\n")
    with pytest.raises(RecipeError, match="(?i)columns?.*emotion|EmoClass"):
        search(key, tmp_path / "data")


def test_msp_podcast_excludes_with_a_reason(tmp_path):
    """Labels that are no emotion, and test sets that are not the first."""
    folder = put_corpus("msp_podcast", tmp_path / "data")
    reasons = {
        "O,1,1,1,1,Male,Train": "another emotion",
        "X,1,1,1,1,Male,Train": "raters did not agree on an emotion",
        "A,1,1,1,9,Male,Test2": "not in Train, Development or Test1: Test2",
    }
    names = [f"Audios/MSP-PODCAST_0009_{i}.wav" for i in range(4)]
    for name in names:
        put(folder / name)
    more = [f"{PurePath(name).name},{row}" for name, row in zip(names, reasons)]
    labels_of_msp_podcast(folder, more)
    table, excluded = search("msp_podcast", folder)
    assert rows_of(table) == expected("msp_podcast")
    assert excluded == dict(
        zip(names, [*reasons.values(), "not in labels_consensus.csv"])
    )


def test_msp_podcast_has_further_test_sets(tmp_path):
    """Test2 is a variant, which leaves Test1 out; Test3 has no labels."""
    folder = put_corpus("msp_podcast", tmp_path / "data")
    names = ["MSP-PODCAST_0009_0001.wav", "MSP-PODCAST_test3_0001.wav"]
    for name in names:
        put(folder / "Audios" / name)
    labels_of_msp_podcast(folder, [f"{names[0]},A,1,1,1,9,Male,Test2"])
    table, excluded = search("msp_podcast_test2", folder)
    tested = table["ID"][table["split"] == "test"]
    assert list(tested) == ["MSP-PODCAST_0009_0001"]
    assert set(table["split"]) == {"train", "valid", "test"}
    reason = "in Test3, whose labels are not released"
    assert excluded.pop(f"Audios/{names[1]}") == reason
    reason = "not in Train, Development or Test2: Test1"
    assert set(excluded.values()) == {reason}


@pytest.mark.parametrize(
    "folder, release",
    [
        ("MSP-PODCAST-Publish-1.11", "1.11"),
        ("v1.12", "1.12"),
        ("Release 1.8", "1.8"),
        ("1.10", "1.10"),
        ("podcasts", "unknown"),
    ],
)
def test_msp_podcast_notice_names_the_release(tmp_path, folder, release):
    """It is found in the name of a folder."""
    labels_of_msp_podcast(tmp_path / folder)
    corpora = open_corpora("msp_podcast", tmp_path / folder)
    corpora.read()
    assert f"release {release}." in corpora.notice


def test_msp_podcast_of_two_releases(tmp_path):
    """The error counts the files."""
    labels_of_msp_podcast(tmp_path / "v1.10")
    labels_of_msp_podcast(tmp_path / "v1.11", ["MSP.wav,A,1,1,1,1,Male,Train"])
    with pytest.raises(RecipeError, match="2 files labels_consensus.csv"):
        open_corpora("msp_podcast", tmp_path).read()
