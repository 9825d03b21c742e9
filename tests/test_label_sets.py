"""Label sets, and the corpora of a run."""

import pytest
from data_prep.labels import COMMON
from data_prep.manifest import read_split
from ser.errors import RecipeError
from trees import (
    ACTORS,
    declare,
    excluded,
    put,
    put_all_emotions,
    put_emodb,
    run_prepare,
    whole,
)


@pytest.fixture(scope="module")
def actors(tmp_path_factory):
    """Eight actors of RAVDESS, all emotions, both statements; not to be
    changed."""
    return put_all_emotions(tmp_path_factory.mktemp("actors"), ACTORS[:8])


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    """All speakers of EMO-DB; not to be changed."""
    return put_emodb(tmp_path_factory.mktemp("emodb"))


def test_common_label_set_excludes_other_emotions(actors, tmp_path):
    """With the reason."""
    splits = run_prepare(actors, tmp_path / "m", label_set="common")
    assert set(whole(splits)["emotion"]) == set(COMMON.values())
    reasons = set(excluded(tmp_path / "m").values())
    assert "emotion not in the common label set: calm" in reasons
    assert len(reasons) == 4


def test_some_classes(actors, tmp_path, caplog):
    """Named on the command line; the others are not missed."""
    splits = run_prepare(actors, tmp_path / "m", label_set="calm,angry")
    assert set(whole(splits)["emotion"]) == {"calm", "angry"}
    assert "RAVDESS is incomplete: 32 usable clips of 384" in caplog.text


@pytest.mark.parametrize("label_set", ["calm,furious", "calm", "calm,calm"])
def test_label_set_that_is_none(actors, label_set):
    """Is refused with the classes there are."""
    with pytest.raises(RecipeError, match=f"label_set is '{label_set}'.*calm"):
        declare("ravdess", actors, label_set=label_set)


def test_another_corpus_is_tested(actors, emodb, tmp_path):
    """All of it, by speakers of whom none was trained on, and mapped."""
    test = {"test_corpus": "emodb", "test_data_folder": emodb}
    with pytest.raises(RecipeError, match="ravdess has.*emodb has.*common"):
        declare("ravdess", actors, **test)
    corpora = declare("ravdess", actors, label_set="common", **test)
    splits = run_prepare(actors, tmp_path / "m", corpora)
    assert len(splits["test"]) == 20
    assert set(splits["test"]["emotion"]) == {"angry", "neutral"}
    assert splits["test"]["ID"].str.startswith("emodb-").all()
    assert splits["train"]["spk_id"].str.startswith("ravdess-").all()
    assert splits["test"]["wav"].str.startswith("$data_root_emodb/").all()
    words = read_split(tmp_path / "m")["protocol"]
    assert "trained on RAVDESS, tested on EMO-DB" in words


def test_corpora_are_trained_on_together(actors, emodb, tmp_path):
    """Clashing IDs are kept apart by the corpus's name."""
    corpora = declare("ravdess,emodb", f"{actors},{emodb}", label_set="common")
    splits = run_prepare(actors, tmp_path / "m", corpora)
    clips = whole(splits)
    assert len(clips) == 64 + 20
    assert set(clips["spk_id"].str.split("-").str[0]) == {"ravdess", "emodb"}
    with pytest.raises(RecipeError, match="1 data folders"):
        declare("ravdess,emodb", actors, label_set="common")
    with pytest.raises(RecipeError, match="list one twice"):
        declare("ravdess,RAVDESS", f"{actors},{actors}")


def test_excluded_files_of_each_corpus_are_listed(actors, emodb, tmp_path):
    """Under the name of their corpus."""
    corpora = declare("ravdess,emodb", f"{actors},{emodb}", label_set="common")
    run_prepare(actors, tmp_path / "m", corpora)
    paths = list(excluded(tmp_path / "m"))
    assert len(paths) == 64
    assert all(path.startswith("ravdess/03-01-") for path in paths)


def test_train_corpus_is_not_tested_on(actors):
    """Its clips would be in training and test."""
    with pytest.raises(RecipeError, match="is trained on too"):
        declare(
            "ravdess", actors, test_corpus="ravdess", test_data_folder=actors
        )


def test_test_corpus_needs_a_folder(actors):
    """Rather than the folder of the first."""
    with pytest.raises(RecipeError, match="pass --test_data_folder"):
        declare("ravdess", actors, test_corpus="emodb", label_set="common")


def test_names_of_columns_are_no_classes(tmp_path):
    """A class has a column in predictions.csv."""
    for name in ("truth", "happy"):
        put(tmp_path / name / "a.wav")
    with pytest.raises(RecipeError, match="the classes truth have the names"):
        declare("folder", tmp_path)
