"""The comparison of two systems: speakers are resampled, and folds swapped,
not clips."""

import numpy as np
import pandas as pd
import pytest
from ser.errors import RecipeError
from ser.report.comparison import compare, permute

CLASSES = ("angry", "happy", "neutral", "sad")
SEEDS = (1, 2)
COPIES = 10


def predict(shares, clips=16, seed=0, in_fold=1):
    """Makes the predictions of a cross-validation with some speakers a fold,
    of whom a share of the clips is right."""
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
                    (f"{name}_{clip}", name, 1 + speaker // in_fold, run)
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
        assert "resamples the 8 test speakers" in found["test"]


def test_copies_of_clips_do_not_make_a_difference_significant(compared):
    """The systems are swapped fold by fold, here a speaker each: there are
    2 ** 8 ways, with more clips too."""
    once, many = compared
    assert 0.01 < once["p_value"] < 1
    assert many["p_value"] == pytest.approx(once["p_value"])
    assert "swaps 8 groups" in many["test"]


def test_clips_of_one_speaker_are_drawn():
    """With one speaker there is nothing else to draw; there, copies do shrink
    the interval, and the words tell which it is."""
    one, two = predict([0.75]), predict([0.5], seed=1)
    once = compare(one, two, CLASSES)
    many = compare(copied(one), copied(two), CLASSES)
    assert width(many) < 0.5 * width(once)
    assert "the clips of the one test speaker" in many["test"]


def test_a_system_does_not_differ_from_itself():
    """The difference is 0, and no permutation is less extreme."""
    one = predict([1, 0.75, 0.5])
    found = compare(one, one, CLASSES)
    assert found["uar_difference"] == 0 and found["p_value"] == 1
    assert found["uar_difference_ci95"] == [0, 0]


def test_speakers_of_a_fold_are_swapped_together():
    """Twelve speakers, all of them better, who were tested by four networks:
    2 of the 2 ** 4 ways are as extreme, not of 2 ** 12."""
    one = predict([1] * 12, in_fold=3)
    two = predict([0.5, 0.5, 0.25, 0.75] * 3, in_fold=3)
    found = compare(one, two, CLASSES)
    assert found["uar_difference"] == pytest.approx(0.5)
    assert found["p_value"] == pytest.approx(2 / 2**4)
    words = "least p value of 4 is 0.125, and 6 are needed for one below 0.05"
    assert words in found["test"]


@pytest.mark.parametrize(
    "in_fold, p_value", [(1, 2 / 2**6), (3, 2 / 2**2), (12, None)]
)
def test_folds_that_share_clips_are_swapped_together(in_fold, p_value):
    """One system has two of twelve speakers a fold; if the other has one, there
    are six groups that both keep together, if it has three, two."""
    one, two = (
        predict([1] * 12, in_fold=2),
        predict([0.5] * 12, in_fold=in_fold),
    )
    found = compare(one, two, CLASSES)
    assert found["p_value"] == pytest.approx(p_value)


def test_one_fold_has_no_p_value():
    """The test says why, and how many folds would have one."""
    one, two = predict([1] * 8, in_fold=8), predict([0.5] * 8, in_fold=8)
    found = compare(one, two, CLASSES)
    assert found["p_value"] is None
    assert found["test"].startswith("no p value: all clips were tested by one")
    assert "below 0.05 from 6 folds on" in found["test"]


def test_luck_of_a_training_run_is_no_difference():
    """Systems that differ by the luck of each network, which the four speakers
    of its fold share, are found to differ no more often than 5 in 100."""
    rng, found = np.random.default_rng(0), []
    folds, truth = np.repeat(range(8), 64), np.tile(range(4), 128)
    for _ in range(300):
        cells = [
            4 * truth + np.where(rng.random(512) < luck[folds], truth, 0)
            for luck in rng.uniform(0.4, 0.6, (2, 8))
        ]
        one, two = (system[:, None] for system in cells)
        found.append(permute(one, two, folds, 4) < 0.05)
    assert np.mean(found) <= 0.08


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
