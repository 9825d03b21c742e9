"""From predictions to metrics with intervals."""

import warnings

import numpy as np
import torch
from confidence_intervals import evaluate_with_conf_int
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)
from torchmetrics.functional.classification import multiclass_calibration_error

BOOTSTRAPS = 1000
ECE_BINS = 10


def uar(truth, prediction):
    """Unweighted average recall over the classes that occur.

    Arguments
    ---------
    truth : numpy.ndarray
        Of each clip.
    prediction : numpy.ndarray
        Of each clip.

    Returns
    -------
    float
        0 to 1.
    """
    with warnings.catch_warnings():
        # A predicted class that does not occur has no recall to average.
        warnings.filterwarnings("ignore", message="y_pred contains classes")
        return float(balanced_accuracy_score(truth, prediction))


def macro_f1(truth, prediction):
    """Mean F1 of the classes that occur or are predicted, 0 to 1."""
    return float(f1_score(truth, prediction, average="macro", zero_division=0))


def compute_metrics(predictions, classes, speakers):
    """Computes everything that a reviewer asks of a test set.

    The intervals are percentiles of a bootstrap that draws speakers, and then
    clips of each, since clips of one speaker are not independent
    (https://github.com/luferrer/ConfidenceIntervals).

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth`, `prediction` and a probability for each class, a row a clip.
    classes : list of str
        In the order of the classifier's outputs.
    speakers : list of str
        Of each clip.

    Returns
    -------
    dict
        `uar`, `wa` and `macro_f1` (0 to 1), each with its `_ci95`;
        `per_class`, `confusion` (rows are the truth), `ece`, `n` and
        `ci_resamples`, which says what the bootstrap drew.
    """
    truth = predictions["truth"].to_numpy(dtype=str)
    prediction = predictions["prediction"].to_numpy(dtype=str)
    names, conditions = np.unique(speakers, return_inverse=True)
    metrics = {}
    for name, metric in (
        ("uar", uar),
        ("wa", accuracy_score),
        ("macro_f1", macro_f1),
    ):
        value, interval = evaluate_with_conf_int(
            prediction,
            metric,
            labels=truth,
            conditions=conditions if len(names) > 1 else None,
            num_bootstraps=BOOTSTRAPS,
        )
        metrics[name] = float(value)
        metrics[f"{name}_ci95"] = [float(bound) for bound in interval]
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, prediction, labels=classes, zero_division=0
    )
    metrics["per_class"] = {
        name: {
            "precision": float(precision[index]),
            "recall": float(recall[index]) if support[index] else None,
            "f1": float(f1[index]),
            "support": int(support[index]),
        }
        for index, name in enumerate(classes)
    }
    metrics["classes"] = list(classes)
    metrics["confusion"] = confusion_matrix(
        truth, prediction, labels=classes
    ).tolist()
    metrics["ece"] = multiclass_calibration_error(
        torch.tensor(predictions[list(classes)].to_numpy(dtype=np.float32)),
        torch.tensor([list(classes).index(label) for label in truth]),
        num_classes=len(classes),
        n_bins=ECE_BINS,
    ).item()
    metrics["n"] = len(predictions)
    metrics["ci_resamples"] = (
        f"the {len(names)} test speakers, then the clips of each"
        if len(names) > 1
        else "the clips of the one test speaker, so it says nothing of others"
    )
    return metrics
