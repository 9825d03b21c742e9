"""From predictions to metrics with intervals."""

import numpy as np
import torch
from confidence_intervals import Bootstrap, get_conf_int
from sklearn.metrics import precision_recall_fscore_support
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


METRICS = {"uar": uar, "wa": wa, "macro_f1": macro_f1}


def count(cells, num_classes):
    """Makes a confusion matrix [truth, prediction] of clips' cells."""
    counts = np.bincount(cells, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def compute_intervals(cells, num_classes, speakers):
    """Computes the 95 % intervals of all metrics.

    They are percentiles of a bootstrap that draws speakers, and then clips of
    each, since clips of one speaker are not independent
    (https://github.com/luferrer/ConfidenceIntervals).

    Arguments
    ---------
    cells : numpy.ndarray
        Cell of the confusion matrix of each clip, truth * classes +
        prediction, [clip, seed]; a metric is the mean of the seeds'.
    num_classes : int
        Of the confusion matrix.
    speakers : list of str
        Of each clip.

    Returns
    -------
    intervals : dict
        From "uar_ci95" and so on to low and high, 0 to 1.
    resamples : str
        What the bootstrap drew.
    """
    names, conditions = np.unique(speakers, return_inverse=True)
    bootstrap = Bootstrap(BOOTSTRAPS)
    bootstrap.get_bootstrap_sets(
        len(cells), conditions if len(names) > 1 else None
    )
    intervals = {}
    for name, metric in METRICS.items():

        def of_seeds(cells, metric=metric):
            """Computes a metric of drawn clips."""
            return np.mean(
                [metric(count(seed, num_classes)) for seed in cells.T]
            )

        bootstrap.metric = of_seeds
        values = bootstrap.get_metric_values_for_bootstrap_sets(cells, None)
        intervals[f"{name}_ci95"] = [float(x) for x in get_conf_int(values)]
    resamples = (
        f"the {len(names)} test speakers, then the clips of each"
        if len(names) > 1
        else "the clips of the one test speaker, so it says nothing of others"
    )
    return intervals, resamples


def to_cells(predictions, classes):
    """Finds each clip's cell of the confusion matrix.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth` and `prediction`, a row a clip.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    numpy.ndarray
        truth * classes + prediction, [clip].
    """
    number = {name: index for index, name in enumerate(classes)}
    truth = predictions["truth"].map(number)
    prediction = predictions["prediction"].map(number)
    return (truth * len(classes) + prediction).to_numpy()


def compute_metrics(predictions, classes, speakers, with_intervals=True):
    """Computes everything that a reviewer asks of a test set.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth`, `prediction` and a probability for each class, a row a clip.
    classes : list of str
        In the order of the classifier's outputs.
    speakers : list of str
        Of each clip.
    with_intervals : bool
        Whether to compute them, which takes longer than all the rest.

    Returns
    -------
    dict
        `uar`, `wa` and `macro_f1` (0 to 1), each with its `_ci95`;
        `per_class`, `confusion` (rows are the truth), `ece`, `n` and
        `ci_resamples`, which says what the bootstrap drew.
    """
    classes = list(classes)
    cells = to_cells(predictions, classes)
    truth, prediction = np.divmod(cells, len(classes))
    confusion = count(cells, len(classes))
    metrics = {name: metric(confusion) for name, metric in METRICS.items()}
    if with_intervals:
        intervals, resamples = compute_intervals(
            cells[:, None], len(classes), speakers
        )
        metrics |= intervals | {"ci_resamples": resamples}
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
    return metrics
