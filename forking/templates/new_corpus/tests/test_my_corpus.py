"""MyCorpus: how its paths are read, and that it can be split."""

from pathlib import PurePath

import pytest
from corpus_files import audio, open_corpora, put
from data_prep.corpus import find_corpus
from data_prep.manifest import SPLITS, read_manifest
from data_prep.prepare import prepare

CORPUS = find_corpus("my_corpus")
# FILL IN 5, paths of three speakers or more: two classes of each, and what is
# read from them.
PATHS = {
    "Actor_01/03-01-01-01-01-01-01.wav": ("01", "unknown", "neutral", "01"),
    "Actor_01/03-01-05-01-02-01-01.wav": ("01", "unknown", "angry", "02"),
    "Actor_02/03-01-01-01-01-01-02.wav": ("02", "unknown", "neutral", "01"),
    "Actor_02/03-01-05-01-02-01-02.wav": ("02", "unknown", "angry", "02"),
    "03-01-01-01-01-01-03.wav": ("03", "unknown", "neutral", "01"),
    "03-01-05-01-02-01-03.wav": ("03", "unknown", "angry", "02"),
}
# FILL IN 6, paths that are not clips of the corpus, and why.
OTHERS = {
    "music.wav": "does not parse",
    "03-01-09-01-01-01-01.wav": "not in the class set: 09",
}


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_read(path):
    """A path tells the speaker and the emotion."""
    clip = CORPUS.describe(PurePath(path))
    names = ("spk_id", "gender", "emotion", "sentence")
    assert tuple(clip[name] for name in names) == PATHS[path]
    assert clip["emotion"] in CORPUS.classes


@pytest.mark.parametrize("path", OTHERS)
def test_other_files_are_refused(path):
    """With the reason."""
    with pytest.raises(ValueError, match=OTHERS[path]):
        CORPUS.describe(PurePath(path))


def test_corpus_is_prepared(tmp_path):
    """Each clip is in one split; `prepare` refuses those that share speakers
    where the protocol does not say so."""
    for path in [*PATHS, *OTHERS]:
        put(tmp_path / "data" / path, audio(path))
    prepare(
        open_corpora("my_corpus", tmp_path / "data"),
        save_folder=tmp_path,
        protocol="default",
        fold=1,
        num_folds=3,
        text_independent=False,
        valid_ratio=0.3,
        min_duration=0.1,
        audio_index=tmp_path / "index.sqlite",
    )
    splits = [read_manifest(tmp_path / f"{name}.csv") for name in SPLITS]
    assert sum(map(len, splits)) == len(PATHS)
