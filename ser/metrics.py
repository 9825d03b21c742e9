"""From predictions to metrics with intervals."""

import numpy as np
import torch
from confidence_intervals import Bootstrap, get_conf_int
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support
from torchmetrics.functional.classification import multiclass_calibration_error

BOOTSTRAPS = 1000
ECE_BINS = 10


def uar(confusion):
    """Computes the unweighted average recall of the classes that occur, as
    scikit-learn's `balanced_accuracy_score` does. Like the two below it takes
    counts, since a bootstrap calls it a thousand times.

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
    """Computes the weighted accuracy, the share of clips that are right: takes
    and returns what `uar` does."""
    return float(confusion.trace() / confusion.sum())


def macro_f1(confusion):
    """Computes the mean F1 of the classes that occur or are predicted, as
    scikit-learn's `f1_score` with `average="macro"` does."""
    counts = confusion.sum(axis=0) + confusion.sum(axis=1)
    occur = counts > 0
    return float((2 * confusion.diagonal()[occur] / counts[occur]).mean())


METRICS = {"uar": uar, "wa": wa, "macro_f1": macro_f1}


def to_cells(predictions, classes):
    """Finds each clip's cell of the confusion matrix, truth * classes +
    prediction, [clip]; takes what `compute_metrics` does."""
    number = {name: index for index, name in enumerate(classes)}
    truth = predictions["truth"].map(number)
    prediction = predictions["prediction"].map(number)
    return (truth * len(classes) + prediction).to_numpy()


def count(cells, num_classes):
    """Counts cells [clip], as `to_cells` returns them, into a confusion matrix
    [truth, prediction], a numpy.ndarray of int."""
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, -1)


def over_seeds(num_classes):
    """Makes the metrics of cells [clip, seed], each the mean of the seeds': a
    dict from the names in `METRICS` to functions."""
    return {
        name: lambda cells, metric=metric: np.mean(
            [metric(count(seed, num_classes)) for seed in cells.T]
        )
        for name, metric in METRICS.items()
    }


def compute_intervals(metrics, cells, speakers):
    """Computes 95 % percentile intervals by a bootstrap that draws speakers,
    then clips of each, since clips of one speaker are not independent; a lone
    speaker's clips are drawn by themselves.

    Source: https://github.com/luferrer/ConfidenceIntervals

    Arguments
    ---------
    metrics : dict
        From names to functions of cells, such as `over_seeds` makes.
    cells : numpy.ndarray
        As `to_cells` returns them for each seed, [clip, seed].
    speakers : list of str
        Speaker of each clip.

    Returns
    -------
    dict
        `<name>_ci95`, low and high, and `ci_resamples`, what was drawn.
    """
    names, units = np.unique(speakers, return_inverse=True)
    drawn = Bootstrap(BOOTSTRAPS)
    drawn.get_bootstrap_sets(len(units), units if len(names) > 1 else None)
    intervals = {}
    for name, metric in metrics.items():
        drawn.metric = metric
        values = drawn.get_metric_values_for_bootstrap_sets(cells, None)
        intervals[f"{name}_ci95"] = [float(v) for v in get_conf_int(values)]
    resamples = (
        f"the {len(names)} test speakers, then the clips of each"
        if len(names) > 1
        else "the clips of the one test speaker, so it says nothing about "
        "other speakers"
    )
    return intervals | {"ci_resamples": resamples}


def compute_metrics(predictions, classes, speakers=None, temperature=None):
    """Computes all metrics of a test set.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth`, `prediction` and a probability for each class, one row a clip.
    classes : list of str
        In the order of the classifier's outputs.
    speakers : list of str
        Speaker of each clip; None for no intervals, which take longer than
        all the rest.
    temperature : float
        What calibrated the probabilities; None if that is not to be told.

    Returns
    -------
    dict
        `uar`, `wa` and `macro_f1` (0 to 1), each with its `_ci95`;
        `ci_resamples`, what the bootstrap drew; `per_class`, `classes`,
        `confusion` (rows are the truth), `ece`, `nll` and `n`; `temperature`,
        and `ece` and `nll` without it, `_uncalibrated`.
    """
    classes, size = list(classes), len(classes)
    cells = to_cells(predictions, classes)
    truth, prediction = np.divmod(cells, size)
    confusion = count(cells, size)
    metrics = {name: metric(confusion) for name, metric in METRICS.items()}
    if speakers is not None:
        metrics |= compute_intervals(over_seeds(size), cells[:, None], speakers)
    scores = precision_recall_fscore_support(
        truth, prediction, labels=range(size), zero_division=0
    )
    probabilities = predictions[classes].to_numpy(dtype=np.float64)
    if temperature is not None:
        metrics["temperature"] = temperature
        with np.errstate(divide="ignore"):  # the log of 0
            before = softmax(np.log(probabilities) * temperature, axis=1)
        before = compute_calibration(before, truth)
        metrics |= {f"{name}_uncalibrated": v for name, v in before.items()}
    return metrics | {
        "per_class": {
            name: {
                "precision": float(precision),
                "recall": float(recall) if support else None,
                "f1": float(f1),
                "support": int(support),
            }
            for name, precision, recall, f1, support in zip(classes, *scores)
        },
        "classes": classes,
        "confusion": confusion.tolist(),
        **compute_calibration(probabilities, truth),
        "n": len(predictions),
    }


def compute_calibration(probabilities, truth):
    """Computes how far probabilities are from the shares of clips that are
    right.

    Arguments
    ---------
    probabilities : numpy.ndarray
        [clip, class].
    truth : numpy.ndarray
        Class of each clip, its number.

    Returns
    -------
    dict
        `ece`, the expected calibration error of the chosen class, and `nll`,
        the mean negative log-likelihood in nats.
    """
    ece = multiclass_calibration_error(
        torch.tensor(probabilities, dtype=torch.float32),
        torch.tensor(truth),
        num_classes=probabilities.shape[1],
        n_bins=ECE_BINS,
    )
    likelihoods = probabilities[np.arange(len(truth)), truth]
    nll = -np.log(likelihoods.clip(min=1e-15)).mean()
    return {"ece": ece.item(), "nll": float(nll)}
