"""Variants of a corpus share its speakers, in one run and with encoders."""

from itertools import product

import pytest
from data_prep.manifest import read_split
from ser.errors import RecipeError
from trees import (
    ACTORS,
    declare,
    prepare_all,
    put,
    run_prepare,
    speakers,
    whole,
)

BOTH = "ravdess,ravdess_song"


@pytest.fixture(scope="module")
def actors(tmp_path_factory):
    """Six actors who speak and sing; not to be changed."""
    folder = tmp_path_factory.mktemp("actors")
    for actor, channel, code in product(ACTORS[:6], "12", "345"):
        put(folder / f"03-0{channel}-0{code}-01-01-01-{actor}.wav")
    return folder


def test_an_actor_who_sings_is_the_same(actors, tmp_path):
    """In no fold is one heard in training and tested in song."""
    corpora = declare(BOTH, f"{actors},{actors}", label_set="common")
    folds = prepare_all(actors, tmp_path, corpora, num_folds=3)
    assert len(folds) == 3
    for splits in folds:
        assert len(whole(splits)) == 36
        found = speakers(splits)
        assert sum(map(len, found.values())) == 6
        names = set().union(*found.values())
        assert names == {f"ravdess-{actor}" for actor in ACTORS[:6]}
        for clips in splits.values():
            starts = set(clips["ID"].str.split("-").str[0])
            assert starts == {"ravdess", "ravdess_song"}


@pytest.mark.parametrize(
    "train, test", [("ravdess", "ravdess_song"), ("jl_corpus_all", "jl_corpus")]
)
def test_a_variant_is_no_other_corpus_to_test_on(actors, train, test):
    """Its speakers were trained on; the refusal says so."""
    with pytest.raises(RecipeError, match="share [0-9]+ speakers: test on"):
        declare(
            *(train, actors),
            test_corpus=test,
            test_data_folder=actors,
            label_set="common",
        )


def test_variants_of_other_speakers_are_tested_across():
    """Those who speak Mandarin do not speak English in ESD."""
    corpora = declare(
        *("esd_english", "."),
        test_corpus="esd_mandarin",
        test_data_folder=".",
    )
    assert corpora.name == "ESD in English, tested on ESD in Mandarin"


def test_recordings_of_two_variants_are_not_trained_on_twice(actors, tmp_path):
    """Speech and song together hold what speech alone does."""
    corpora = declare(
        "ravdess,ravdess_all", f"{actors},{actors}", label_set="common"
    )
    with pytest.raises(RecipeError, match="18 recordings are in more than one"):
        run_prepare(actors, tmp_path / "m", corpora)


@pytest.mark.parametrize(
    "corpus, name", [("ravdess_song", "ravdess-01"), ("ravdess", "ravdess-01")]
)
def test_an_encoder_knows_the_speakers_of_variants(actors, corpus, name):
    """The names that it keeps of its training speakers are the corpus's."""
    assert declare(corpus, actors).full_names({"01"}) == {name}
    both = declare(BOTH, f"{actors},{actors}", label_set="common")
    assert both.full_names({"ravdess-01"}) == {"ravdess-01"}


def test_speakers_of_a_folder_are_no_corpus_s(actors, tmp_path):
    """So that nobody can tell whether an encoder was trained on them."""
    for emotion in ("angry", "happy"):
        put(tmp_path / "data" / emotion / "anna.wav")
    folder = declare("folder", tmp_path / "data")
    assert folder.nameless == ["a folder of one directory per emotion"]
    assert declare("ravdess", actors).nameless == []
    assert declare("demo", tmp_path / "demo").nameless == []
    across = declare(
        *("ravdess", actors),
        test_corpus="folder",
        test_data_folder=tmp_path / "data",
        label_set="common",
    )
    assert across.nameless == folder.nameless


def test_the_words_of_one_variant_name_its_sentences(actors, tmp_path):
    """All actors say the same ones."""
    run_prepare(actors, tmp_path / "m", "ravdess_song", protocol="loso")
    words = read_split(tmp_path / "m")["protocol"]
    assert words == "loso, leave one speaker out, 6 folds; sentences shared"


def test_unknown_speakers_are_no_speaker_of_their_own(actors, tmp_path):
    """They train and validate together, where another corpus is tested."""
    for emotion, take in product(("angry", "happy", "neutral", "sad"), "1234"):
        put(tmp_path / "data" / emotion / f"{emotion}{take}.wav")
    corpora = declare(
        *("folder", tmp_path / "data"),
        test_corpus="ravdess",
        test_data_folder=actors,
        label_set="common",
    )
    splits = run_prepare(actors, tmp_path / "m", corpora)
    found = speakers(splits)
    assert found["train"] == found["valid"] == {"unknown"}
    assert len(splits["train"]) + len(splits["valid"]) == 16
    assert "unknown" not in found["test"]
