"""The comparison of two systems: speakers are drawn, not clips."""

import numpy as np
import pandas as pd
import pytest

from ser.summary import compare

CLASSES = ("angry", "happy", "neutral", "sad")
SEEDS = (1, 2)
COPIES = 10


def predict(shares, clips=16, seed=0):
    """Makes the predictions of a cross-validation, two speakers a fold.

    Arguments
    ---------
    shares : list of float
        How many clips of each speaker are right, 0 to 1.
    clips : int
        Of each speaker, as many of each class.
    seed : int
        Of which clips these are.

    Returns
    -------
    pandas.DataFrame
        `ID`, `spk_id`, `fold`, `seed`, `truth` and `prediction`.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for run in SEEDS:
        for speaker, share in enumerate(shares):
            right = rng.permutation(np.arange(clips) < share * clips)
            for clip in range(clips):
                truth = clip % len(CLASSES)
                prediction = truth if right[clip] else (truth + 1) % 4
                name = f"s{speaker}"
                rows.append(
                    (f"{name}_{clip}", name, 1 + speaker // 2, run)
                    + (CLASSES[truth], CLASSES[prediction])
                )
    columns = ["ID", "spk_id", "fold", "seed", "truth", "prediction"]
    return pd.DataFrame(rows, columns=columns)


def copied(predictions):
    """Copies the clips under new IDs; the speakers are the same."""
    return pd.concat(
        [
            predictions.assign(ID=predictions["ID"] + f"_copy{number}")
            for number in range(COPIES)
        ],
        ignore_index=True,
    )


def width(found):
    """Gives the width of the interval of a difference."""
    low, high = found["uar_difference_ci95"]
    return high - low


@pytest.fixture(scope="module")
def compared():
    """Two systems whose difference depends on the speaker: compared on the
    clips, and on ten copies of them."""
    one = predict([1, 0.9, 0.9, 0.8, 0.8, 0.6, 0.5, 0.4], seed=0)
    two = predict([0.3, 0.4, 0.4, 0.4, 0.8, 0.6, 0.6, 0.6], seed=1)
    return (
        compare(one, two, CLASSES),
        compare(copied(one), copied(two), CLASSES),
    )


def test_copies_of_clips_do_not_shrink_the_interval(compared):
    """Copies say nothing of other speakers, so the interval stays about as
    wide, where one over clips would shrink by a factor of three."""
    once, many = compared
    assert many["n"] == COPIES * once["n"] == 1280
    assert many["uar_difference"] == pytest.approx(once["uar_difference"])
    assert width(many) > 0.7 * width(once)
    for found in compared:
        low, high = found["uar_difference_ci95"]
        assert low < found["uar_difference"] < high
        assert "of a bootstrap of speakers" in found["test"]


def test_copies_of_clips_do_not_make_a_difference_significant(compared):
    """The systems are swapped speaker by speaker: there are 2 ** 8 ways, of
    more clips too."""
    once, many = compared
    assert 0.01 < once["p_value"] < 1
    assert many["p_value"] == pytest.approx(once["p_value"])
    assert "swaps speakers (8)" in many["test"]


def test_clips_of_one_speaker_are_drawn():
    """With one speaker there is nothing else to draw; there, copies do shrink
    the interval, and the words say which it is."""
    one, two = predict([0.75]), predict([0.5], seed=1)
    once = compare(one, two, CLASSES)
    many = compare(copied(one), copied(two), CLASSES)
    assert width(many) < 0.5 * width(once)
    assert "of a bootstrap of clips" in many["test"]
