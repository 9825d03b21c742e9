"""From predictions to metrics with intervals."""

import numpy as np
import torch
from confidence_intervals import Bootstrap, get_conf_int
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torchmetrics.functional.classification import multiclass_calibration_error

BOOTSTRAPS = 1000
ECE_BINS = 10


def uar(confusion):
    """Unweighted average recall over the classes that occur.

    As scikit-learn's `balanced_accuracy_score`; from counts, like those
    below, since a bootstrap asks a thousand times.

    Arguments
    ---------
    confusion : numpy.ndarray
        Counts [truth, prediction].

    Returns
    -------
    float
        0 to 1.
    """
    support = confusion.sum(axis=1)
    occur = support > 0
    return float((confusion.diagonal()[occur] / support[occur]).mean())


def wa(confusion):
    """Weighted accuracy, the share of clips that are right, 0 to 1."""
    return float(confusion.trace() / confusion.sum())


def macro_f1(confusion):
    """Mean F1 of the classes that occur or are predicted, 0 to 1, as
    scikit-learn's `f1_score` with `average="macro"`."""
    counts = confusion.sum(axis=0) + confusion.sum(axis=1)
    occur = counts > 0
    return float((2 * confusion.diagonal()[occur] / counts[occur]).mean())


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
    classes = list(classes)
    truth = np.array([classes.index(x) for x in predictions["truth"]])
    prediction = np.array([classes.index(x) for x in predictions["prediction"]])
    confusion = confusion_matrix(truth, prediction, labels=range(len(classes)))
    names, conditions = np.unique(speakers, return_inverse=True)
    bootstrap = Bootstrap(BOOTSTRAPS)
    bootstrap.get_bootstrap_sets(
        len(truth), conditions if len(names) > 1 else None
    )
    cells = truth * len(classes) + prediction
    metrics = {}
    for name, metric in (("uar", uar), ("wa", wa), ("macro_f1", macro_f1)):

        def from_cells(cells, metric=metric):
            """Computes a metric of drawn clips."""
            counts = np.bincount(cells, minlength=confusion.size)
            return metric(counts.reshape(confusion.shape))

        bootstrap.metric = from_cells
        values = bootstrap.get_metric_values_for_bootstrap_sets(cells, None)
        metrics[name] = metric(confusion)
        metrics[f"{name}_ci95"] = [float(x) for x in get_conf_int(values)]
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, prediction, labels=range(len(classes)), zero_division=0
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
    metrics["classes"] = classes
    metrics["confusion"] = confusion.tolist()
    metrics["ece"] = multiclass_calibration_error(
        torch.tensor(predictions[classes].to_numpy(dtype=np.float32)),
        torch.tensor(truth),
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
