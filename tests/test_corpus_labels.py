"""The label sets and the variants of the corpora."""

from pathlib import PurePath

import pytest
from corpus_files import prepare_corpus, put, put_corpus, released_trees, search
from corpus_trees import CORPORA, expected
from data_prep.corpus import find_corpus
from data_prep.labels import COMMON


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The trees as they are released, which no test may change."""
    return released_trees(tmp_path_factory)


COMMON_NAMES = {
    "aesdd": "anger happiness sadness",
    "cafe": "anger happiness neutral sadness",
    "crema_d": "anger happy neutral sad",
    "emodb": "anger happiness neutral sadness",
    "emov_db": "anger neutral",
    "emovo": "anger joy neutral sadness",
    "esd": "angry happy neutral sad",
    "iemocap": "angry happy neutral sad",
    "jl_corpus": "angry happy neutral sad",
    "meld": "anger joy neutral sadness",
    "mesd": "anger happiness neutral sadness",
    "msp_podcast": "angry happy neutral sad",
    "nemo": "anger happiness neutral sadness",
    "ravdess": "angry happy neutral sad",
    "savee": "anger happiness neutral sadness",
    "shemo": "anger happiness neutral sadness",
    "subesco": "angry happy neutral sad",
    "tess": "angry happy neutral sad",
    "urdu": "angry happy neutral sad",
    "casia": "angry happy neutral sad",
    "polish": "anger neutral",
    "ased": "angry happy neutral sad",
    "baved": "neutral",
    "turev_db": "angry happy sad",
    "enterface": "anger happiness sadness",
    "resd": "anger happiness neutral sadness",
    "oreau": "anger happiness neutral sadness",
    "asvp_esd": "angry happy neutral sad",
    "mead": "angry happy neutral sad",
    "emns": "angry happy neutral sad",
    "emozionalmente": "anger joy neutral sadness",
}


@pytest.mark.parametrize("key", CORPORA)
def test_common_label_set(released, key):
    """Which emotions it holds, and under which names."""
    classes = find_corpus(key).classes
    assert sorted(set(classes) & set(COMMON)) == COMMON_NAMES[key].split()
    common = dict(
        anger="angry",
        angry="angry",
        happy="happy",
        happiness="happy",
        joy="happy",
        neutral="neutral",
        sad="sad",
        sadness="sad",
    )
    folder = released(key)
    kept = {row[0]: common[row[3]] for row in expected(key) if row[3] in common}
    table, excluded = search(key, folder, label_set="common")
    assert dict(zip(table["ID"], table["emotion"])) == kept
    assert len(excluded) == len(expected(key)) - len(kept)
    reason = "emotion not in the common label set"
    assert all(why.startswith(reason) for why in excluded.values())


@pytest.mark.parametrize("language", ["english", "mandarin"])
def test_one_language_of_esd(released, tmp_path, language):
    """The other one is excluded, and a speaker at a time is tested."""
    folder = released("esd")
    table, excluded, facts = prepare_corpus(
        f"esd_{language}", folder, tmp_path / "m"
    )
    assert table["sentence"].str.startswith(language).all()
    assert facts["num_folds"] == table["spk_id"].nunique() == 10
    assert set(excluded.values()) == {"in the other language"}
    assert len(excluded) == 50


def test_jl_corpus_has_five_emotions_and_all_ten(tmp_path):
    """The secondary ones are a variant."""
    folder = put_corpus("jl_corpus", tmp_path / "data")
    put(folder / "female1_anxious_10a_1.wav")
    table, excluded = search("jl-corpus", folder)
    assert set(table["emotion"]) == set(
        "angry sad neutral happy excited".split()
    )
    assert excluded == {
        "female1_anxious_10a_1.wav": "emotion not in the class set: anxious"
    }
    table, excluded = search("jl_corpus_all", folder)
    assert "anxious" in set(table["emotion"])
    assert len(find_corpus("jl_corpus_all").classes) == 10
    assert excluded == {}


def test_song_of_ravdess_is_a_variant(tmp_path):
    """Song is left out unless it is asked for."""
    folder = put_corpus("ravdess", tmp_path / "data")
    song = put(folder / "03-02-02-01-02-01-01.wav").name
    assert search("ravdess", folder)[1] == {song: "song, not speech"}
    table, _ = search("ravdess_all", folder)
    assert PurePath(song).stem in set(table["ID"])


def test_sounds_of_asvp_esd_are_a_variant(tmp_path):
    """Laughter and crying are left out unless they are asked for."""
    folder = put_corpus("asvp_esd", tmp_path / "data")
    name = "03-02-03-01-07-37-02-02-01-33.wav"
    put(folder / name)
    assert search("asvp_esd", folder)[1] == {name: "not speech"}
    table, excluded = search("asvp_esd_all", folder)
    assert PurePath(name).stem in set(table["ID"])
    assert excluded == {}


def test_improvised_dialogues_of_iemocap_are_a_variant(released, tmp_path):
    """Scripted ones are excluded; folds are the same."""
    folder = released("iemocap")
    table, excluded, facts = prepare_corpus(
        "iemocap_improvised", folder, tmp_path / "m"
    )
    assert set(table["sentence"]) == {"impro05"}
    assert len(table) == len(excluded) == len(expected("iemocap")) / 2
    assert set(excluded.values()) == {"scripted, not improvised"}
    assert facts["num_folds"] == 5
