"""From predictions to metrics with intervals."""

import numpy as np
import torch
from confidence_intervals import Bootstrap, get_conf_int
from sklearn.metrics import precision_recall_fscore_support
from torchmetrics.functional.classification import multiclass_calibration_error

BOOTSTRAPS = 1000
ECE_BINS = 10


def uar(confusion):
    """Computes the unweighted average recall of the classes that occur, as
    scikit-learn's `balanced_accuracy_score` does.

    It starts from counts, like the two below, since a bootstrap calls it a
    thousand times.

    Arguments
    ---------
    confusion : numpy.ndarray
        Counts [truth, prediction].

    Returns
    -------
    float
        0 to 1.

    Example
    -------
    >>> uar(np.array([[3, 1], [0, 2]]))
    0.875
    """
    support = confusion.sum(axis=1)
    occur = support > 0
    return float((confusion.diagonal()[occur] / support[occur]).mean())


def wa(confusion):
    """Computes the weighted accuracy, the share of clips that are right."""
    return float(confusion.trace() / confusion.sum())


def macro_f1(confusion):
    """Computes the mean F1 of the classes that occur or are predicted, as
    scikit-learn's `f1_score` with `average="macro"` does."""
    counts = confusion.sum(axis=0) + confusion.sum(axis=1)
    occur = counts > 0
    return float((2 * confusion.diagonal()[occur] / counts[occur]).mean())


METRICS = {"uar": uar, "wa": wa, "macro_f1": macro_f1}


def to_cells(predictions, classes):
    """Finds each clip's cell of the confusion matrix.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth` and `prediction`, one row a clip.
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


def count(cells, num_classes):
    """Counts cells into a confusion matrix [truth, prediction]."""
    counts = np.bincount(cells, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def draw_clips(speakers):
    """Draws the clips of a bootstrap, for `compute_interval`: speakers, and
    then clips of each, since clips of one speaker are not independent
    (https://github.com/luferrer/ConfidenceIntervals); a lone speaker's clips
    are drawn by themselves."""
    names, units = np.unique(speakers, return_inverse=True)
    drawn = Bootstrap(BOOTSTRAPS)
    drawn.get_bootstrap_sets(len(units), units if len(names) > 1 else None)
    return drawn


def compute_interval(drawn, metric, cells):
    """Computes the 95 % percentile interval, low and high, of a metric that
    takes cells [clip, ...] of drawn clips."""
    drawn.metric = metric
    values = drawn.get_metric_values_for_bootstrap_sets(cells, None)
    return [float(value) for value in get_conf_int(values)]


def compute_intervals(cells, num_classes, speakers):
    """Computes the 95 % intervals of all metrics.

    Arguments
    ---------
    cells : numpy.ndarray
        As `to_cells` returns them for each seed, [clip, seed]; a metric is
        the mean of the seeds'.
    num_classes : int
        Size of the confusion matrix.
    speakers : list of str
        Speaker of each clip.

    Returns
    -------
    intervals : dict
        From "uar_ci95" and so on to low and high, 0 to 1.
    resamples : str
        What the bootstrap drew.
    """
    drawn = draw_clips(speakers)

    def mean_of_seeds(metric):
        """Makes the metric of drawn clips."""
        return lambda cells: np.mean(
            [metric(count(seed, num_classes)) for seed in cells.T]
        )

    intervals = {
        f"{name}_ci95": compute_interval(drawn, mean_of_seeds(metric), cells)
        for name, metric in METRICS.items()
    }
    number = len(np.unique(speakers))
    resamples = (
        f"the {number} test speakers, then the clips of each"
        if number > 1
        else "the clips of the one test speaker, so it says nothing about "
        "other speakers"
    )
    return intervals, resamples


def compute_metrics(predictions, classes, speakers, with_intervals=True):
    """Computes all metrics of a test set.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth`, `prediction` and a probability for each class, one row a clip.
    classes : list of str
        In the order of the classifier's outputs.
    speakers : list of str
        Speaker of each clip.
    with_intervals : bool
        Whether to compute intervals, which takes longer than all the rest.

    Returns
    -------
    dict
        `uar`, `wa` and `macro_f1` (0 to 1), each with its `_ci95`;
        `per_class`, `classes`, `confusion` (rows are the truth), `ece`, `n`
        and `ci_resamples`, what the bootstrap drew.
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
