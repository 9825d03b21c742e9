"""Protocols: who, or what, each fold tests."""

from itertools import product

import pytest
from data_prep.manifest import read_split
from ser.errors import RecipeError
from trees import (
    ACTORS,
    excluded,
    prepare_all,
    put,
    put_all_emotions,
    put_emodb,
    put_ravdess,
    run_prepare,
    speakers,
    whole,
)


@pytest.fixture(scope="module")
def actors(tmp_path_factory):
    """Eight actors of RAVDESS, all emotions, both statements; not to be
    changed."""
    return put_all_emotions(tmp_path_factory.mktemp("actors"), ACTORS[:8])


@pytest.mark.parametrize("protocol, number", [("loso", 8), ("kfold", 4)])
def test_each_speaker_is_tested_once(actors, tmp_path, protocol, number):
    """And is in no other split of that fold."""
    folds = prepare_all(actors, tmp_path, protocol=protocol, num_folds=4)
    assert len(folds) == number
    tested = [speaker for f in folds for speaker in speakers(f)["test"]]
    assert sorted(tested) == ACTORS[:8]
    for splits in folds:
        found = speakers(splits)
        assert sum(map(len, found.values())) == 8
        assert set.union(*found.values()) == set(ACTORS[:8])
    assert protocol in read_split(tmp_path / "1")["protocol"]


def test_kfold_balances_emotions(tmp_path):
    """Speakers who differ in their emotions are spread over the folds."""
    data = tmp_path / "data"
    for actor, take in product(ACTORS[:8], range(1, 7)):
        emotion = 5 if actor <= "04" else 3
        put(data / f"03-01-{emotion:02}-01-01-{take:02}-{actor}.wav")
    folds = prepare_all(data, tmp_path / "m", protocol="kfold", num_folds=4)
    for splits in folds:
        assert set(splits["test"]["emotion"]) == {"angry", "happy"}


def test_random_says_that_speakers_are_shared(tmp_path):
    """Clips are drawn, each is tested once, and identical audio stays in one
    split."""
    data = put_ravdess(tmp_path / "data", ACTORS[:3])
    for take in range(2, 12):
        twin = put(data / f"03-01-05-01-02-{take:02}-01.wav")
        put(data / f"03-01-05-01-01-{take:02}-01.wav", twin.read_bytes())
    folds = prepare_all(data, tmp_path / "m", protocol="random", num_folds=4)
    assert len(folds) == 4
    tested = [name for splits in folds for name in splits["test"]["ID"]]
    assert sorted(tested) == sorted(whole(folds[0]).index)
    for splits in folds:
        for one, two in (("train", "test"), ("train", "valid")):
            assert not set(splits[one]["sha256"]) & set(splits[two]["sha256"])
    facts = read_split(tmp_path / "m" / "1")
    assert "speakers shared" in facts["protocol"]
    assert facts["shares_speakers"]


def test_one_speaker_can_only_be_split_at_random(tmp_path):
    """The refusal says so, and that protocol works."""
    for take, emotion in product(range(1, 9), ("03", "05")):
        put(tmp_path / "data" / f"03-01-{emotion}-01-01-{take:02}-01.wav")
    with pytest.raises(RecipeError, match="1 speakers.*--protocol random"):
        run_prepare(tmp_path / "data", tmp_path / "m")
    splits = run_prepare(
        tmp_path / "data", tmp_path / "r", protocol="random", num_folds=4
    )
    assert len(whole(splits)) == 16


def test_two_clips_a_class_are_split(tmp_path):
    """Fewer clips of each emotion than folds of clips."""
    put_ravdess(tmp_path / "data", ACTORS[:2])
    put_ravdess(tmp_path / "data" / "more", ACTORS[2:3])
    splits = run_prepare(
        tmp_path / "data", tmp_path / "m", protocol="random", num_folds=2
    )
    assert len(whole(splits)) == 6


def test_one_class_is_refused(tmp_path):
    """With what was found."""
    for actor in ACTORS[:4]:
        put(tmp_path / "data" / f"03-01-05-01-01-01-{actor}.wav")
    with pytest.raises(RecipeError, match="all 4 clips are angry"):
        run_prepare(tmp_path / "data", tmp_path / "m")


def test_fewer_clips_than_folds_are_refused(actors, tmp_path):
    """Rather than empty folds."""
    with pytest.raises(RecipeError, match="128 clips are too few for 100"):
        run_prepare(actors, tmp_path, protocol="random", num_folds=100)


@pytest.mark.parametrize(
    "protocol, words",
    [
        ("official", "no official split"),
        ("jackknife", "there is no protocol 'jackknife'.*emobox, loso"),
    ],
)
def test_protocol_that_is_not_there(actors, tmp_path, protocol, words):
    """Is refused by name."""
    with pytest.raises(RecipeError, match=words):
        run_prepare(actors, tmp_path, protocol=protocol)


@pytest.mark.parametrize("corpus", ["emodb", "crema_d"])
def test_emobox_without_folds_is_refused(tmp_path, corpus):
    """EmoBox's folds of these share speakers."""
    put_emodb(tmp_path / "emodb")
    for actor, emotion in product(range(1001, 1006), ("ANG", "SAD")):
        put(tmp_path / "crema_d" / f"{actor}_DFA_{emotion}_XX.wav")
    with pytest.raises(RecipeError, match="no folds of unseen speakers"):
        run_prepare(
            tmp_path / corpus, tmp_path / "m", corpus, protocol="emobox"
        )


@pytest.mark.parametrize("protocol", ["loso", "kfold"])
def test_text_independent(actors, tmp_path, protocol):
    """No test sentence is trained on, and what is left out is listed."""
    folds = prepare_all(
        actors, tmp_path, protocol=protocol, text_independent=True
    )
    for number, splits in enumerate(folds, start=1):
        tested = set(splits["test"]["sentence"])
        assert len(tested) == 1
        for name in ("train", "valid"):
            assert not tested & set(splits[name]["sentence"])
        reasons = excluded(tmp_path / str(number)).values()
        assert len(reasons) == 128 - len(whole(splits)) > 0
        assert all("sentence is t" in reason for reason in reasons)
    both = set().union(*(set(s["test"]["sentence"]) for s in folds))
    assert len(both) == 2
    assert "test sentences unseen" in read_split(tmp_path / "1")["protocol"]


def test_loso_is_told_in_words(actors, tmp_path):
    """For reports."""
    run_prepare(actors, tmp_path / "m", protocol="loso")
    facts = read_split(tmp_path / "m")
    assert facts["protocol"].startswith("loso, leave one speaker out")
    assert facts["num_folds"] == 8
