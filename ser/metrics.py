"""From predictions to metrics with intervals."""

import numpy as np
import torch
from scipy.special import softmax
from scipy.stats import t
from sklearn.metrics import precision_recall_fscore_support
from torchmetrics.functional.classification import multiclass_calibration_error

DRAWS = 1000
FEW_SPEAKERS = 20  # with fewer, percentiles of a bootstrap cover too little
# A draw may lack a class. Fewer classes would then be averaged, drawing within
# the classes would part what a speaker said, and redrawing need not end; so
# this share of all clips is added to each draw, which only shows in such a
# class: it keeps the recall that it has in the whole test set.
TRACE = 1e-9
ECE_BINS = 10


def uar(confusion):
    """Computes the unweighted average recall of the classes that occur, as
    scikit-learn's `balanced_accuracy_score` does. Like the two below it takes
    counts, of many draws at once.

    Arguments
    ---------
    confusion : numpy.ndarray
        Counts [..., truth, prediction].

    Returns
    -------
    numpy.ndarray
        0 to 1 [...]; a float of a single matrix.
    """
    return mean_ratio(diagonal(confusion), confusion.sum(axis=-1))


def wa(confusion):
    """Computes the weighted accuracy, the share of clips that are right: takes
    and returns what `uar` does."""
    return diagonal(confusion).sum(axis=-1) / confusion.sum(axis=(-2, -1))


def macro_f1(confusion):
    """Computes the mean F1 of the classes that occur or are predicted, as
    scikit-learn's `f1_score` with `average="macro"` does."""
    counts = confusion.sum(axis=-2) + confusion.sum(axis=-1)
    return mean_ratio(2 * diagonal(confusion), counts)


def diagonal(confusion):
    """Returns the counts of clips that are right, [..., class]."""
    return confusion.diagonal(axis1=-2, axis2=-1)


def mean_ratio(parts, wholes):
    """Averages ratios [..., class] over the classes that have a whole."""
    with np.errstate(invalid="ignore"):  # 0 / 0
        return np.nanmean(parts / wholes, axis=-1)


METRICS = {"uar": uar, "wa": wa, "macro_f1": macro_f1}


def to_cells(predictions, classes):
    """Finds each clip's cell of the confusion matrix, truth * classes +
    prediction, [clip]; takes what `compute_metrics` does."""
    number = {name: index for index, name in enumerate(classes)}
    truth = predictions["truth"].map(number)
    prediction = predictions["prediction"].map(number)
    return (truth * len(classes) + prediction).to_numpy()


def count(cells, num_classes):
    """Counts cells [clip, seed], as `to_cells` returns them for each seed, into
    confusion matrices [seed, truth, prediction], a numpy.ndarray of int."""
    seeds, size = cells.shape[1], num_classes**2
    numbered = cells + size * np.arange(seeds)
    counts = np.bincount(numbered.ravel(), minlength=seeds * size)
    return counts.reshape(seeds, num_classes, num_classes)


def count_speakers(cells, speakers, num_classes):
    """Counts cells likewise, given the speaker of each clip: confusion matrices
    [speaker, seed, truth, prediction]."""
    speakers = np.asarray(speakers)
    return np.stack(
        [
            count(cells[speakers == name], num_classes)
            for name in np.unique(speakers)
        ]
    )


def draw(cells, speakers, num_classes):
    """Draws speakers, then clips of each: takes what `count_speakers` does, and
    returns confusion matrices [draw, seed, truth, prediction]."""
    _, units, sizes = np.unique(
        speakers, return_inverse=True, return_counts=True
    )
    cells, ends = cells[units.argsort(kind="stable")], sizes.cumsum()
    rng, counts = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = rng.integers(len(sizes), size=len(sizes))
        # A speaker who is drawn twice has other clips the second time.
        low, high = (
            np.repeat(ends_of[drawn], sizes[drawn])
            for ends_of in (ends - sizes, ends)
        )
        counts.append(count(cells[rng.integers(low, high)], num_classes))
    return np.stack(counts)


def jackknife(metric, counts):
    """Estimates the variance of a metric over speakers, from leaving out each.

    Source: Efron and Stein, The jackknife estimate of variance, 1981

    Arguments
    ---------
    metric : callable
        From confusion matrices [..., seed, truth, prediction] to values [...].
    counts : numpy.ndarray
        Confusion matrices of two or more speakers, as `count_speakers` returns
        them.

    Returns
    -------
    float
    """
    values = metric((1 + TRACE) * counts.sum(axis=0) - counts)
    return float((len(counts) - 1) * values.var())


def t_interval(value, variances, sizes, lowest=0):
    """Computes a 95 % interval from variances over speakers, which add up.

    Source: Welch, The generalization of Student's problem, 1947

    Arguments
    ---------
    value : float
        The middle.
    variances : list of float
        Of independent groups of speakers, as `jackknife` estimates them.
    sizes : list of int
        How many speakers each group has.
    lowest : float
        Of the metric, whose highest value is 1.

    Returns
    -------
    list of float
        Low and high.
    """
    variances, sizes = np.array(variances), np.array(sizes)
    variance, half = variances.sum(), 0.0
    if variance > 0:
        freedom = variance**2 / (variances**2 / (sizes - 1)).sum()
        half = t.ppf(0.975, freedom) * np.sqrt(variance)
    return [float(max(lowest, value - half)), float(min(1, value + half))]


def over_seeds(metric):
    """Makes a metric of confusion matrices [..., seed, truth, prediction] from
    one of each: the mean of the seeds' [...]."""
    return lambda confusion: metric(confusion).mean(axis=-1)


def compute_intervals(metrics, cells, speakers, num_classes, lowest=0):
    """Computes 95 % intervals over speakers, since clips of one speaker are not
    independent: percentiles of a bootstrap that draws speakers, then clips of
    each, or, of few speakers, t intervals of a jackknife. A lone speaker's
    clips are drawn by themselves.

    Arguments
    ---------
    metrics : dict
        From names to functions such as `over_seeds` makes.
    cells : numpy.ndarray
        As `to_cells` returns them for each seed, [clip, seed].
    speakers : list of str
        Speaker of each clip.
    num_classes : int
        How many classes the cells are of.
    lowest : float
        Of the metrics, whose highest value is 1.

    Returns
    -------
    dict
        `<name>_ci95`, low and high, and `ci_resamples`, what was resampled and
        how.
    """
    number, whole = len(set(speakers)), count(cells, num_classes)
    if 1 < number < FEW_SPEAKERS:
        counts = count_speakers(cells, speakers, num_classes)
        intervals = {
            name: t_interval(
                metric(whole), [jackknife(metric, counts)], [number], lowest
            )
            for name, metric in metrics.items()
        }
        how = "each left out in turn (jackknife, t quantiles)"
    else:
        draws = draw(cells, speakers, num_classes) + TRACE * whole
        intervals = {
            name: np.percentile(metric(draws), [2.5, 97.5]).tolist()
            for name, metric in metrics.items()
        }
        how = "then the clips of each (bootstrap)"
    resamples = (
        f"the {number} test speakers, {how}"
        if number > 1
        else "the clips of the one test speaker, so it says nothing about "
        "other speakers"
    )
    ends = {f"{name}_ci95": ends for name, ends in intervals.items()}
    return ends | {"ci_resamples": resamples}


def compute_metrics(predictions, classes, speakers=None, temperature=None):
    """Computes all metrics of a test set.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `truth`, `prediction` and, unless a system has none, a probability for
        each class, one row a clip.
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
        `ci_resamples`, what was resampled; `per_class`, `classes`, `confusion`
        (rows are the truth), `n`; with probabilities `ece`, `nll` and `brier`;
        `temperature`, and the three without it, `_uncalibrated`.
    """
    classes, size = list(classes), len(classes)
    cells = to_cells(predictions, classes)[:, None]  # of one seed
    truth, prediction = np.divmod(cells[:, 0], size)
    (confusion,) = count(cells, size)
    metrics = {
        name: float(metric(confusion)) for name, metric in METRICS.items()
    }
    if speakers is not None:
        means = {name: over_seeds(metric) for name, metric in METRICS.items()}
        metrics |= compute_intervals(means, cells, speakers, size)
    scores = precision_recall_fscore_support(
        truth, prediction, labels=range(size), zero_division=0
    )
    if set(classes) <= set(predictions):
        probabilities = predictions[classes].to_numpy(dtype=np.float64)
        metrics |= compute_calibration(probabilities, truth)
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
        `ece`, the expected calibration error of the chosen class; `nll`, the
        mean negative log-likelihood in nats; and `brier`, the mean over clips
        of the squared errors of all probabilities, 0 to 2.
    """
    ece = multiclass_calibration_error(
        torch.tensor(probabilities, dtype=torch.float32),
        torch.tensor(truth),
        num_classes=probabilities.shape[1],
        n_bins=ECE_BINS,
    )
    likelihoods = probabilities[np.arange(len(truth)), truth]
    nll = -np.log(likelihoods.clip(min=1e-15)).mean()
    errors = probabilities - np.eye(probabilities.shape[1])[truth]
    brier = (errors**2).sum(axis=1).mean()
    return {"ece": ece.item(), "nll": float(nll), "brier": float(brier)}
