"""Every split holds every emotion, as far as the speakers allow it."""

import itertools

import numpy as np
import pandas as pd
import pytest
from corpus_files import index_of, open_corpora, prepare_corpus, put
from data_prep.manifest import SPLITS
from data_prep.protocol import grouped_folds, make_protocol
from data_prep.scan import find_clips
from data_prep.split import choose_speakers, split

# Clips of each speaker of URDU: angry, happy, neutral, sad
URDU = """SF1 0 12 0 0, SF2 0 2 0 0, SF3 0 2 0 0, SF4 0 4 0 0, SF5 0 4 0 0,
SF6 0 14 0 0, SF7 0 6 0 0, SF8 0 2 0 0, SF9 0 0 4 0, SF10 0 0 0 2, SF11 0 0 0 4,
SM1 22 0 0 0, SM2 28 0 0 0, SM3 2 2 8 0, SM4 48 0 0 0, SM5 0 8 72 0,
SM6 0 10 0 4, SM7 0 28 0 0, SM17 0 2 0 0, SM18 0 2 0 0, SM19 0 2 0 0,
SM20 0 0 10 0, SM21 0 0 4 0, SM22 0 0 2 0, SM23 0 0 0 6, SM24 0 0 0 38,
SM25 0 0 0 40, SM26 0 0 0 2, SM27 0 0 0 4"""


@pytest.fixture(scope="module")
def urdu(tmp_path_factory):
    """All 400 clips of URDU, by name."""
    folder = tmp_path_factory.mktemp("urdu") / "data"
    number = dict.fromkeys("AHNS", 0)
    for row in URDU.split(","):
        speaker, *counts = row.split()
        for code, count in zip("AHNS", map(int, counts)):
            for take in range(count):
                number[code] += 1
                put(folder / f"{speaker}_F{take}_{code}{number[code]:03}.wav")
    assert set(number.values()) == {100}
    return folder


def test_urdu_has_every_emotion_in_every_split(urdu):
    """Five folds cannot have it, three can; the words say so."""
    corpora = open_corpora("urdu", urdu)
    table, excluded = find_clips(corpora, 0.1, index_of(urdu))
    assert len(table) == 400 and excluded.empty
    plan = make_protocol(table, corpora, "default", 5, False)
    assert plan.words == (
        "kfold, 3 folds of unseen speakers, stratified by emotion; 5 would "
        "leave test sets without an emotion"
    )
    assert len(plan.folds) == 3
    for fold in (1, 2, 3):
        splits, left_out = split(table, plan, fold, 0.2)
        assert sum(map(len, splits.values())) == 400 and not left_out
        for name in SPLITS:
            assert splits[name]["emotion"].nunique() == 4, (fold, name)
        assert len(splits["valid"]) < len(splits["train"])


def test_what_cannot_be_had_is_named(tmp_path, caplog):
    """An emotion of one speaker stays in five folds, and warnings tell which
    emotions a split lacks, and why."""
    folder = tmp_path / "x" / "data"
    for speaker, code in itertools.product(range(1, 7), "HN"):
        put(folder / f"SM{speaker}_F1_{code}{speaker:03}.wav")
    put(folder / "SM1_F1_S001.wav")
    table, _, facts = prepare_corpus("urdu", folder, tmp_path / "m")
    assert facts["num_folds"] == 5
    splits = table.groupby("emotion")["split"].unique().map(sorted)
    (holder,) = splits["sad"]
    assert splits["happy"] == splits["neutral"] == sorted(SPLITS)
    for name in {"train", "valid", "test"} - {holder}:
        assert (
            f"{name} holds no clip of angry, sad; speakers who have any: 0, 1"
        ) in caplog.messages


def random_speakers(rng):
    """Makes clips of a few speakers who have some emotions each."""
    rows = [
        (f"s{speaker}", "female", f"e{emotion}")
        for speaker in range(rng.integers(2, 8))
        for emotion in range(rng.integers(2, 5))
        for _ in range(rng.choice([0, 0, 1, 3]))
    ]
    return pd.DataFrame(rows, columns=["spk_id", "gender", "emotion"])


def count_emotions(emotions, valid):
    """Counts the emotions of training and of validation, given the set of each
    speaker's."""
    chosen = [emotions[speaker] for speaker in valid]
    rest = [emotions[speaker] for speaker in emotions.keys() - set(valid)]
    return len(set().union(*rest)), len(set().union(*chosen))


def test_validation_has_the_emotions_that_can_be_had():
    """As in the best of all choices of speakers; where the next ones in the
    ring have them, it is they."""
    rng = np.random.default_rng(0)
    kept = mended = 0
    for _ in range(150):
        table = random_speakers(rng)
        ring = list(dict.fromkeys(table["spk_id"]))
        if len(ring) < 2:
            continue
        number = min(max(1, round(0.2 * len(ring))), len(ring) - 1)
        found = choose_speakers(table, ring, 0.2)
        emotions = table.groupby("spk_id")["emotion"].agg(set).to_dict()
        best = max(
            count_emotions(emotions, valid)
            for size in range(1, len(ring))
            for valid in itertools.combinations(ring, size)
        )
        assert count_emotions(emotions, found) == best
        if count_emotions(emotions, ring[:number]) == best:
            assert found == ring[:number]
            kept += 1
        else:
            mended += 1
    assert kept > 20 and mended > 20


def test_folds_of_clips_are_as_many_as_asked_for():
    """A rare emotion lowers only the number of folds of speakers."""
    table = pd.DataFrame(
        {
            "spk_id": [f"s{n % 6}" for n in range(60)],
            "audio": [f"a{n}" for n in range(60)],
            "emotion": ["rare" if n in (0, 1) else "common" for n in range(60)],
        }
    )
    assert len(grouped_folds(table, "audio", 5)) == 5
    assert len(grouped_folds(table, "spk_id", 5)) == 2
