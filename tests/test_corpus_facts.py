"""The facts that the corpora declare."""

import pytest
from corpus_trees import NOT_CORPORA
from data_prep.corpus import PROTOCOLS, all_corpora, find_corpus


@pytest.mark.parametrize("key", sorted(set(all_corpora()) - NOT_CORPORA))
def test_facts_are_declared_and_agree(key):
    """Name, licence, address, citation and language; counts and folds name no
    other classes and speakers."""
    corpus = all_corpora()[key]
    for fact in ("name", "licence", "address", "citation", "language"):
        assert getattr(corpus, fact)
    assert corpus.address.startswith("http")
    assert "http" in corpus.citation
    assert corpus.protocol in PROTOCOLS
    assert set(corpus.clips) <= set(corpus.classes)
    assert len(set(corpus.classes)) == len(corpus.classes) > 1
    tested = [speaker for fold in corpus.folds for speaker in fold]
    assert set(tested) <= set(corpus.speakers)
    if corpus.protocol == "emobox":
        assert sorted(tested) == sorted(corpus.speakers)


def test_names_of_corpora_are_forgiving():
    """Capitals, hyphens and underscores do not matter."""
    for name, key in {
        "EMO-DB": "emodb",
        "jl-corpus": "jl_corpus",
        "JL corpus": "jl_corpus",
        "EmoV-DB": "emov_db",
        "MSP-Podcast": "msp_podcast",
        "ESD-English": "esd_english",
        "TurEV-DB": "turev_db",
        "ASVP-ESD": "asvp_esd",
    }.items():
        assert find_corpus(name).key == key


TOTALS = {
    "ravdess": 1440,
    "ravdess_song": 1012,
    "emodb": 535,
    "crema_d": 7442,
    "tess": 2800,
    "savee": 480,
    "emovo": 588,
    "urdu": 400,
    "iemocap": 5531,
    "meld": 13708,
    "esd": 35000,
    "esd_english": 17500,
    "jl_corpus": 1200,
    "jl_corpus_all": 2400,
    "emov_db": 6887,
    "shemo": 3000,
    "cafe": 936,
    "subesco": 7000,
    "aesdd": 604,
    "mesd": 864,
    "nemo": 4481,
    "casia": 1200,
    "polish": 450,
    "ased": 2474,
    "baved": 1935,
    "turev_db": 1735,
    "emozionalmente": 6902,
    "resd": 1396,
    "oreau": 434,
    "emns": 1181,
    "asvp_esd": 5139,
    "asvp_esd_all": 13791,
    "mead": 31729,
    "iemocap_improvised": 2943,
}


@pytest.mark.parametrize("key", TOTALS)
def test_counts_add_up_to_the_published_number(key):
    """Those of the papers, and of EmoBox's metadata."""
    assert sum(find_corpus(key).clips.values()) == TOTALS[key]
