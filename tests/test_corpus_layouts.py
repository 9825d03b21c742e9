"""Where the files of a corpus are, and in which format, does not matter."""

from pathlib import PurePath

import pytest
from conftest import ROOT
from corpus_files import (
    SECOND,
    prepare_corpus,
    put,
    put_corpus,
    rows_of,
    search,
)
from corpus_trees import CORPORA, NOT_CORPORA, expected
from data_prep.corpus import find_corpus


def in_other_case(clip):
    """Moves a clip further down, into folders in lower case for capitals."""
    folders = (part.swapcase() for part in clip.path.parts[:-1])
    return PurePath("a", "b", *folders, clip.path.name)


# Where the clips are, and in which format.
LAYOUTS = {
    "flat": (lambda clip: clip.flat.with_suffix(".FLAC"), "FLAC"),
    "nested": (lambda clip: in_other_case(clip).with_suffix(".ogg"), "OGG"),
}


def test_every_corpus_has_a_tree():
    """No script is left out."""
    scripts = (ROOT / "data_prep").glob("*_prepare.py")
    keys = {path.stem.removesuffix("_prepare") for path in scripts}
    assert keys - NOT_CORPORA == set(CORPORA)


@pytest.mark.parametrize("key", CORPORA)
def test_every_class_is_in_a_tree(key):
    """No emotion is left out."""
    emotions = {row[3] for row in expected(key)}
    assert emotions == set(find_corpus(key).classes)


@pytest.mark.parametrize("key", CORPORA)
def test_manifests_of_the_released_files(tmp_path, key):
    """They hold all clips, each with its speaker and emotion."""
    folder = put_corpus(key, tmp_path / "data")
    table, excluded, _ = prepare_corpus(key, folder, tmp_path / "m")
    assert rows_of(table) == expected(key)
    assert excluded == {}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("key", CORPORA)
def test_every_layout_gives_the_same_rows(tmp_path, key, layout):
    """All in one folder, or deep in others."""
    folder = put_corpus(key, tmp_path / "data", *LAYOUTS[layout])
    table, excluded = search(key, folder)
    assert rows_of(table) == expected(key)
    assert excluded == {}


@pytest.mark.parametrize("key", CORPORA)
def test_second_tree_and_other_files(tmp_path, key):
    """A mirror that holds the tree twice gives each clip once; files with
    other names are no clips."""
    folder = put_corpus(key, tmp_path / "data")
    put_corpus(key, folder / "copy", lambda clip: clip.flat)
    put(folder / "my recording.wav")
    put(folder / f"._{CORPORA[key][0].path.name}", b"\x00\x05\x16\x07")
    table, excluded = search(key, folder)
    assert rows_of(table) == expected(key)
    seconds = {p for p, why in excluded.items() if why.startswith(SECOND)}
    assert len(seconds) == len(expected(key))
    others = {p: why for p, why in excluded.items() if p not in seconds}
    assert len(others) == 2
    for path, reason in others.items():
        assert PurePath(path).stem not in reason.split(":")[0]
