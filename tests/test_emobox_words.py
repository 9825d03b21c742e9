"""What a protocol is said to have in common with EmoBox."""

from itertools import product

import pytest
from corpus_files import audio, prepare_corpus, put
from data_prep.jl_corpus_prepare import PRIMARY, SECONDARY
from data_prep.manifest import read_split
from trees import ACTORS, run_prepare

SAME = "unseen speakers, test sets as in EmoBox, validation by speakers"
OTHER = (
    "unseen speakers, test speakers as in EmoBox, with other clips, validation "
    "by speakers"
)


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory):
    """All 1440 names of speech, and a song; not to be changed."""
    folder = tmp_path_factory.mktemp("ravdess") / "data"
    for actor, code, level in product(ACTORS, range(1, 9), "12"):
        for text, take in product("12", "12"):
            if (code, level) != (1, "2"):  # neutral is never strong
                name = f"03-01-0{code}-0{level}-0{text}-0{take}-{actor}.wav"
                put(folder / name)
    for actor in set(ACTORS) - {"18"}:
        put(folder / f"03-02-03-01-01-01-{actor}.wav")
        put(folder / f"03-02-05-01-01-01-{actor}.wav")
    return folder


@pytest.fixture(scope="module")
def jl_corpus(tmp_path_factory):
    """All 2400 names of JL-Corpus; not to be changed."""
    folder = tmp_path_factory.mktemp("jl_corpus") / "data"
    speakers = ("female1", "female2", "male1", "male2")
    for name in product(
        speakers, PRIMARY + SECONDARY, range(1, 16), "ab", "12"
    ):
        speaker, emotion, text, half, take = name
        put(folder / f"{speaker}_{emotion}_{text}{half}_{take}.wav")
    return folder


def words_of(folder, save, corpus="ravdess", **options):
    """Prepares the first fold; returns the protocol in words."""
    run_prepare(folder, save, corpus, **options)
    return read_split(save)["protocol"]


def test_ravdess(ravdess, tmp_path):
    """Speech has EmoBox's test sets, as long as all of it is tested."""
    words = words_of(ravdess, tmp_path / "1")
    assert words == f"emobox, 6 folds of {SAME}; sentences shared"
    for number, other in enumerate(
        (
            {"label_set": "common"},
            {"label_set": "angry,sad"},
            {"text_independent": True},
            {"corpus": "ravdess_song"},
            {"corpus": "ravdess_all"},
        )
    ):
        words = words_of(ravdess, tmp_path / f"other{number}", **other)
        assert f"emobox, 6 folds of {OTHER}" in words, other


def test_jl_corpus(jl_corpus, tmp_path):
    """EmoBox's test sets have the secondary emotions."""
    for corpus, words in (("jl_corpus_all", SAME), ("jl_corpus", OTHER)):
        found = words_of(jl_corpus, tmp_path / corpus, corpus)
        assert found == f"emobox, 4 folds of {words}; sentences shared"


def test_savee_without_a_clip(tmp_path):
    """One that is missing, or empty, makes another test set."""
    folder = tmp_path / "x" / "data"
    codes = dict.fromkeys(("a", "d", "f", "h", "sa", "su"), 15) | {"n": 30}
    for speaker, code in product(("DC", "JE", "JK", "KL"), codes):
        for number in range(1, codes[code] + 1):
            name = f"{speaker}_{code}{number:02}.wav"
            put(folder / name, audio(name))
    _, _, facts = prepare_corpus("savee", folder, tmp_path / "whole")
    assert facts["protocol"] == f"emobox, 4 folds of {SAME}"
    put(folder / "DC_a01.wav", b"")
    _, _, facts = prepare_corpus("savee", folder, tmp_path / "less")
    assert facts["protocol"] == f"emobox, 4 folds of {OTHER}"
