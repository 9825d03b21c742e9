"""Metrics and their intervals."""

import numpy as np
import pandas as pd
import pytest
from ser.metrics import compute_metrics
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
    assert "6 test speakers" in once["ci_resamples"]


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
