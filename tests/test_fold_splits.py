"""The split of each fold: no speaker and no recording on two sides."""

import shutil

import pytest
from ser.errors import RecipeError
from trees import (
    ACTORS,
    EMODB_SPEAKERS,
    prepare_all,
    put_emodb,
    put_ravdess,
    run_prepare,
    speakers,
    whole,
)

EMOBOX = [
    {"01", "11", "20", "21"},
    {"04", "10", "12", "14"},
    {"08", "09", "19", "23"},
    {"03", "05", "07", "24"},
    {"02", "15", "16", "18"},
    {"06", "13", "17", "22"},
]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """All 24 actors of RAVDESS and all 10 speakers of EMO-DB; not to be
    changed."""
    folder = tmp_path_factory.mktemp("corpora")
    put_ravdess(folder / "ravdess", ACTORS)
    put_emodb(folder / "emodb")
    return folder


@pytest.fixture(scope="module")
def folds(corpora, tmp_path_factory):
    """The splits of every fold of both."""
    save = tmp_path_factory.mktemp("folds")
    return {
        corpus: prepare_all(corpora / corpus, save / corpus, corpus)
        for corpus in ("ravdess", "emodb")
    }


@pytest.mark.parametrize("fold", range(1, 7))
def test_ravdess_test_actors_are_those_of_emobox(folds, fold):
    """The test sets are the published ones; two actors of each gender
    validate."""
    found = speakers(folds["ravdess"][fold - 1])
    assert found["test"] == EMOBOX[fold - 1]
    assert len(found["valid"]) == 4
    assert sum(int(actor) % 2 for actor in found["valid"]) == 2
    assert len(found["train"]) == 16


def test_emodb_leaves_one_speaker_out(folds):
    """Ten folds test the ten speakers in turn."""
    tested = [speakers(splits)["test"] for splits in folds["emodb"]]
    assert tested == [{speaker} for speaker in EMODB_SPEAKERS]


@pytest.mark.parametrize("corpus, number", [("ravdess", 6), ("emodb", 10)])
def test_every_fold_is_a_partition_by_speaker(corpora, folds, corpus, number):
    """No speaker is on two sides, no clip is lost, all are tested once."""
    names = sorted(path.stem for path in (corpora / corpus).rglob("*.wav"))
    assert len(folds[corpus]) == number
    tested = []
    for splits in folds[corpus]:
        train, valid, test = speakers(splits).values()
        assert train and valid and test
        assert not (train & valid or train & test or valid & test)
        assert list(whole(splits).index) == names
        tested += list(splits["test"]["ID"])
    assert sorted(tested) == names


def test_six_actors_make_folds_of_their_own(tmp_path, caplog):
    """Too few speakers for the protocol are split all the same."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:6])
    tested = []
    for fold in range(1, 7):
        splits = run_prepare(folder, tmp_path / f"one{fold}", fold=fold)
        again = run_prepare(folder, tmp_path / f"two{fold}", fold=fold)
        assert speakers(splits) == speakers(again)
        assert set.union(*speakers(splits).values()) == set(ACTORS[:6])
        tested += sorted(speakers(splits)["test"])
    assert sorted(tested) == ACTORS[:6]
    assert "6 folds of the 6 speakers that are there" in caplog.text


def test_one_missing_actor_leaves_the_protocol(tmp_path, caplog):
    """Folds keep their test actors where each has some."""
    folder = put_ravdess(tmp_path / "data", [a for a in ACTORS if a != "11"])
    splits = run_prepare(folder, tmp_path / "m")
    assert speakers(splits)["test"] == EMOBOX[0] - {"11"}
    assert "without the 1 speakers that are not there" in caplog.text
    assert "no speaker 11" in caplog.text


@pytest.mark.parametrize(
    "corpus, fold, there_are",
    [
        ("ravdess", 0, "1 to 6"),
        ("ravdess", 7, "1 to 6"),
        ("ravdess", -1, "1 to 6"),
        ("emodb", 0, "1 to 10"),
        ("emodb", 11, "1 to 10"),
    ],
)
def test_fold_that_does_not_exist(corpora, tmp_path, corpus, fold, there_are):
    """The error names the folds that there are."""
    with pytest.raises(RecipeError, match=f"fold {fold} .*{there_are}"):
        run_prepare(corpora / corpus, tmp_path, corpus, fold)


@pytest.mark.parametrize("number", [1, 2])
def test_too_few_speakers_are_refused(tmp_path, number):
    """Three splits need three speakers."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:number])
    with pytest.raises(RecipeError, match=f"{number} speakers .* 3 or more"):
        run_prepare(folder, tmp_path / "m")


@pytest.mark.parametrize("ratio", [0, 1, 5, -1, float("nan")])
def test_valid_ratio_is_a_share(corpora, tmp_path, ratio):
    """Of the training speakers, between none and all."""
    with pytest.raises(RecipeError, match="valid_ratio is"):
        run_prepare(corpora / "ravdess", tmp_path / "m", valid_ratio=ratio)


def test_one_recording_of_two_speakers_is_named(tmp_path):
    """Byte-identical audio on two sides is a leak."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:3])
    one = folder / "Actor_01" / "03-01-05-01-01-01-01.wav"
    two = folder / "Actor_03" / "03-01-05-01-01-02-03.wav"
    shutil.copy(one, two)
    with pytest.raises(RecipeError, match="share audio") as error:
        run_prepare(folder, tmp_path / "m")
    assert one.stem in str(error.value)
    assert two.stem in str(error.value)
    assert not (tmp_path / "m" / "train.csv").exists()
