"""MyCorpus: how its paths are read, and that it can be split."""

from pathlib import PurePath

import numpy as np
import pytest
import soundfile
from data_prep.corpora import Corpora
from data_prep.corpus import find_corpus
from data_prep.manifest import read_manifest
from data_prep.prepare import prepare

CORPUS = find_corpus("my_corpus")
# FILL IN 5, paths of three speakers or more: two classes of each, and what is
# read from them.
PATHS = {
    "Actor_01/03-01-01-01-01-01-01.wav": ("01", "male", "neutral", "01"),
    "Actor_01/03-01-05-01-02-01-01.wav": ("01", "male", "angry", "02"),
    "Actor_02/03-01-01-01-01-01-02.wav": ("02", "female", "neutral", "01"),
    "Actor_02/03-01-05-01-02-01-02.wav": ("02", "female", "angry", "02"),
    "03-01-01-01-01-01-03.wav": ("03", "male", "neutral", "01"),
    "03-01-05-01-02-01-03.wav": ("03", "male", "angry", "02"),
}
# FILL IN 6, paths that are not its clips: and the reason.
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


@pytest.mark.skipif(
    CORPUS.protocol in ("official", "random"), reason="speakers may be shared"
)
def test_speakers_are_three_or_more():
    """One each to train, validate and test."""
    speakers = {speaker for speaker, *_ in PATHS.values()}
    assert len(speakers) >= 3, f"add paths of others than {sorted(speakers)}"


def test_corpus_is_prepared(tmp_path):
    """Each clip is in one split; `prepare` refuses those that share speakers
    where the protocol does not say so."""
    rng = np.random.default_rng(0)
    for path in [*PATHS, *OTHERS]:
        path = tmp_path / "data" / path
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, rng.normal(0, 0.1, 8000), 16000)
    corpora = Corpora(
        corpus="my_corpus",
        data_folder=tmp_path / "data",
        label_set="own",
        test_corpus="",
        test_data_folder="",
        columns="",
        speaker_pattern="",
    )
    prepare(
        corpora,
        save_folder=tmp_path,
        protocol="default",
        fold=1,
        num_folds=3,
        text_independent=False,
        valid_ratio=0.3,
        min_duration=0.1,
        audio_index=tmp_path / "index.sqlite",
    )
    splits = [
        read_manifest(tmp_path / f"{name}.csv")
        for name in ("train", "valid", "test")
    ]
    assert sum(len(clips) for clips in splits) == len(PATHS)
