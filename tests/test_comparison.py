"""The comparison of two systems: speakers are drawn, not clips."""

import numpy as np
import pandas as pd
import pytest
from ser.errors import RecipeError
from ser.report.comparison import compare

CLASSES = ("angry", "happy", "neutral", "sad")
SEEDS = (1, 2)
COPIES = 10


def predict(shares, clips=16, seed=0):
    """Makes the predictions of a cross-validation, two speakers a fold, of
    whom a share of the clips is right."""
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
    """Returns the width of the interval of a difference."""
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
    """Copies tell nothing about other speakers, so the interval stays about
    as wide, where one over clips would shrink by a factor of three."""
    once, many = compared
    assert many["n"] == COPIES * once["n"] == 1280
    assert many["uar_difference"] == pytest.approx(once["uar_difference"])
    assert width(many) > 0.7 * width(once)
    for found in compared:
        low, high = found["uar_difference_ci95"]
        assert low < found["uar_difference"] < high
        assert "of a bootstrap of speakers" in found["test"]


def test_copies_of_clips_do_not_make_a_difference_significant(compared):
    """The systems are swapped speaker by speaker: there are 2 ** 8 ways,
    with more clips too."""
    once, many = compared
    assert 0.01 < once["p_value"] < 1
    assert many["p_value"] == pytest.approx(once["p_value"])
    assert "swaps speakers (8)" in many["test"]


def test_clips_of_one_speaker_are_drawn():
    """With one speaker there is nothing else to draw; there, copies do shrink
    the interval, and the words tell which it is."""
    one, two = predict([0.75]), predict([0.5], seed=1)
    once = compare(one, two, CLASSES)
    many = compare(copied(one), copied(two), CLASSES)
    assert width(many) < 0.5 * width(once)
    assert "of a bootstrap of clips" in many["test"]


def test_a_system_does_not_differ_from_itself():
    """The difference is 0, and no permutation is less extreme."""
    one = predict([1, 0.75, 0.5])
    found = compare(one, one, CLASSES)
    assert found["uar_difference"] == 0 and found["p_value"] == 1
    assert found["uar_difference_ci95"] == [0, 0]


def test_p_value_is_bounded_by_the_number_of_speakers():
    """Four speakers, all of them better: 2 of the 2 ** 4 ways are as
    extreme, and all ways are tried."""
    one, two = predict([1, 1, 1, 1]), predict([0.5, 0.5, 0.25, 0.75])
    found = compare(one, two, CLASSES)
    assert found["uar_difference"] == pytest.approx(0.5)
    assert found["p_value"] == pytest.approx(2 / 2**4)


def drop_clips(predictions):
    """Leaves out a clip in both seeds."""
    return predictions[predictions["ID"] != "s0_3"]


def drop_one_seed(predictions):
    """Leaves out a clip in one seed."""
    return predictions.drop(index=5)


def relabel(predictions):
    """Gives a clip another truth."""
    truth = predictions["truth"].mask(predictions["ID"] == "s0_3", "angry")
    return predictions.assign(truth=truth)


@pytest.mark.parametrize(
    "change, words",
    [
        (drop_clips, "32 here, 31 there, 31 in both with one label"),
        (relabel, "32 here, 32 there, 31 in both with one label"),
        (drop_one_seed, "the 2 seeds have not tested the same clips"),
        (lambda table: table.drop(columns="seed"), "those of one run"),
        (lambda table: table.assign(prediction="calm"), r"lacks \(calm\)"),
    ],
)
def test_only_the_same_clips_are_compared(change, words):
    """Other clips, labels or classes are refused with what differs."""
    one = predict([1, 0.5])
    with pytest.raises(RecipeError, match=words):
        compare(one, change(one), CLASSES)
