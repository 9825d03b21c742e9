"""Metrics and their intervals."""

import numpy as np
import pandas as pd
import pytest
from ser.metrics import compute_intervals, compute_metrics, over_seeds, uar
from sklearn.metrics import accuracy_score, f1_score, recall_score

CLASSES = ["angry", "happy", "sad"]


def table(truth, prediction, confidence=0.8):
    """Predictions with one confidence for all."""
    rest = (1 - confidence) / (len(CLASSES) - 1)
    predictions = pd.DataFrame({"truth": truth, "prediction": prediction})
    for name in CLASSES:
        predictions[name] = np.where(
            predictions["prediction"] == name, confidence, rest
        )
    return predictions


@pytest.fixture
def mixed():
    """60 clips of 6 speakers, of whom three are always got right."""
    rng = np.random.default_rng(0)
    truth = rng.choice(CLASSES, 60, p=[0.6, 0.3, 0.1])
    speakers = np.repeat(list("abcdef"), 10)
    wrong = rng.choice(CLASSES, 60)
    prediction = np.where(np.isin(speakers, list("abc")), truth, wrong)
    return table(truth, prediction), speakers


def test_values_are_those_of_the_field(mixed):
    """UAR is the macro recall, WA the accuracy."""
    predictions, speakers = mixed
    truth, prediction = predictions["truth"], predictions["prediction"]
    metrics = compute_metrics(predictions, CLASSES, speakers)
    recall = recall_score(truth, prediction, average="macro")
    assert metrics["uar"] == pytest.approx(recall)
    assert metrics["wa"] == pytest.approx(accuracy_score(truth, prediction))
    f1 = f1_score(truth, prediction, average="macro")
    assert metrics["macro_f1"] == pytest.approx(f1)
    accuracy = (truth == prediction).mean()
    assert metrics["ece"] == pytest.approx(abs(0.8 - accuracy), abs=1e-5)
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.8**2 + 0.9**2 + 0.1**2
    brier = accuracy * right + (1 - accuracy) * wrong
    assert metrics["brier"] == pytest.approx(brier)


def test_intervals_resample_speakers(mixed):
    """Ten copies of each clip add clips and no speakers: the interval hardly
    shrinks, where one that resampled clips would by a factor of three."""
    predictions, speakers = mixed
    once = compute_metrics(predictions, CLASSES, speakers)
    many = compute_metrics(
        pd.concat([predictions] * 10), CLASSES, np.tile(speakers, 10)
    )
    width = np.diff(once["wa_ci95"])[0], np.diff(many["wa_ci95"])[0]
    assert width[1] > 0.7 * width[0]
    assert "6 test speakers, each left out" in once["ci_resamples"]


def correct(shares, clips=40):
    """Predictions of two classes, of which each speaker gets a share right,
    the clips in the same order."""
    truth = np.tile(["angry", "happy"], clips // 2 * len(shares))
    right = [np.arange(clips) < round(share * clips) for share in shares]
    other = np.where(truth == "angry", "happy", "angry")
    prediction = np.where(np.concatenate(right), truth, other)
    return table(truth, prediction), np.repeat(range(len(shares)), clips)


def score(shares):
    """Computes the metrics of such predictions."""
    predictions, speakers = correct(shares)
    return compute_metrics(predictions, CLASSES, speakers)


@pytest.mark.parametrize("number", [3, 4, 6, 10, 19])
def test_intervals_of_few_speakers_cover_others(number):
    """About 95 % hold the mean of all speakers; those of a bootstrap would 80
    to 90 %."""
    rng, covered = np.random.default_rng(0), []
    speakers = np.repeat(range(number), 40)
    for _ in range(1000):
        truth = rng.choice(2, speakers.size, p=[0.3, 0.7])
        shares = rng.beta(6, 4, number)
        right = rng.random(speakers.size) < shares[speakers]
        cells = 2 * truth + np.where(right, truth, 1 - truth)
        found = compute_intervals(
            {"uar": over_seeds(uar)}, cells[:, None], speakers, 2
        )
        low, high = found["uar_ci95"]
        covered.append(low <= 0.6 <= high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_clips_are_drawn_anew_for_each_speaker():
    """25 speakers who differ in nothing have a 25th of the variance of one;
    with the same positions for all they would have as much."""
    one, many = score([0.5]), score([0.5] * 25)
    ratio = np.diff(one["wa_ci95"])[0] / np.diff(many["wa_ci95"])[0]
    assert ratio == pytest.approx(5, rel=0.2)
    assert "25 test speakers, then the clips" in many["ci_resamples"]


@pytest.mark.parametrize("number", [1, 4, 25])
def test_a_class_of_one_clip_stays_in_each_draw(number):
    """It is right, so it lifts the UAR of 1/2 to 2/3, in the interval too,
    though many draws lack the clip."""
    predictions, speakers = correct([0.5] * number, clips=200)
    predictions.loc[0, ["truth", "prediction"]] = "sad"
    metrics = compute_metrics(predictions, CLASSES, speakers)
    assert metrics["uar"] == pytest.approx(2 / 3, abs=0.01)
    assert metrics["uar_ci95"] == pytest.approx([2 / 3, 2 / 3], abs=0.05)


@pytest.mark.parametrize("shares", [[0.9, 1], [0, 0.1], [1, 1], [0.4, 0.9, 1]])
def test_intervals_are_shares(shares):
    """However far the quantiles of few speakers reach."""
    metrics = score(shares)
    for name in ("uar", "wa", "macro_f1"):
        low, high = metrics[f"{name}_ci95"]
        assert 0 <= low <= metrics[name] <= high <= 1


def test_one_speaker_is_said(mixed):
    """With one test speaker the interval is noted to hold for that speaker only."""
    predictions, _ = mixed
    metrics = compute_metrics(predictions, CLASSES, ["a"] * 60)
    assert "one test speaker" in metrics["ci_resamples"]


def test_a_class_without_clips():
    """It has no recall, and the others' mean is the UAR."""
    metrics = compute_metrics(
        table(["angry", "happy"], ["angry", "sad"]), CLASSES, ["a", "b"]
    )
    assert metrics["uar"] == 0.5
    assert metrics["per_class"]["sad"]["recall"] is None
    assert metrics["confusion"] == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
