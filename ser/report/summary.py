"""The predictions of all folds and seeds, summed up."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from ser.errors import RecipeError
from ser.metrics import (
    METRICS,
    compute_intervals,
    compute_metrics,
    count,
    over_seeds,
    to_cells,
)
from ser.report.speakers import compare_genders, compare_speakers

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

SCORES = ["recall", "precision", "f1"]
CALIBRATION = ["ece", "nll", "brier"]


def read_predictions(path):
    """Reads the predictions of a run or of a cross-validation.

    Arguments
    ---------
    path : str or pathlib.Path
        predictions.csv, its folder, or the summary.json beside it.

    Returns
    -------
    pandas.DataFrame
        As for `summarise`, but without `fold` and `seed` for a run.

    Raises
    ------
    RecipeError
        If the file is not there, or lacks a column.
    """
    path = Path(path)
    path = (path if path.is_dir() else path.parent) / "predictions.csv"
    # A class or a speaker may be called 01, or NA.
    text = dict.fromkeys(("ID", "spk_id", "truth", "prediction"), str)
    try:
        table = pd.read_csv(path, dtype=text, keep_default_na=False)
        if missing := sorted(set(text) - set(table.columns)):
            raise ValueError(f"no column {', '.join(missing)}")
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{path} cannot be read as predictions ({error}): pass a "
            "summary.json that crossval.py wrote, with its predictions.csv "
            "beside it."
        ) from error
    return table


def seal(metrics, predictions):
    """Hashes the results of a run: what metrics.json holds but for the hash, and
    the bytes of predictions.csv."""
    rest = {name: value for name, value in metrics.items() if name != "sha256"}
    text = json.dumps(rest, sort_keys=True)
    return hashlib.sha256(text.encode() + predictions).hexdigest()


def read_metrics(folder):
    """Reads metrics.json, which ends a run.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.

    Returns
    -------
    dict or None
        None for a run that has not ended, or whose results are not as they were
        written.
    """
    folder = Path(folder)
    if not (folder / "metrics.json").is_file():
        return None
    try:
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        content = (folder / "predictions.csv").read_bytes()
        if metrics["sha256"] == seal(metrics, content):
            return metrics
    except (OSError, ValueError, TypeError, KeyError):
        pass
    logger.warning(
        "predictions.csv or metrics.json in %s is missing or damaged: the run is "
        "taken up at its end",
        folder,
    )
    return None


def summarise(predictions, classes, genders):
    """Computes the scores of a cross-validation.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `ID`, `spk_id`, `fold`, `seed`, `truth`, `prediction` and, unless a
        system has none, a probability for each class, one row a clip and seed.
    classes : list of str
        In the order of the classifier's outputs.
    genders : dict
        From the IDs of clips to "female" or "male"; others are not known.

    Returns
    -------
    dict
        For each of `uar`, `wa` and `macro_f1` (0 to 1): `pooled` and
        `mean_of_folds`, each the mean over the seeds with `_std`, and
        `pooled_ci95`; `mean_of_folds_reason`, why two of these have none, or
        None; `per_class`, each score with its `_std`; `classes`; `confusion`,
        the sum over the seeds; `calibration`: `ece`, `nll` and `brier`, pooled,
        each with its `_std`, or None without probabilities; what `compare_speakers` and `compare_genders`
        return; and `n`, `folds`, `seeds`, `ci_resamples`.

    Raises
    ------
    RecipeError
        If the seeds did not test the same clips.
    """
    cells = pair_seeds(predictions, classes)
    metrics = {name: over_seeds(metric) for name, metric in METRICS.items()}
    speakers = cells.index.get_level_values("spk_id")
    intervals = compute_intervals(
        metrics, cells.to_numpy(), speakers, len(classes)
    )
    seeds = [clips for _, clips in predictions.groupby("seed")]
    pooled = [compute_metrics(clips, classes) for clips in seeds]
    summary = {"mean_of_folds_reason": find_lacking_folds(predictions)}
    folds = count_folds(seeds, classes)
    for name, metric in METRICS.items():
        means = [np.mean([metric(fold) for fold in seed]) for seed in folds]
        if summary["mean_of_folds_reason"] and name != "wa":
            means = [None]
        summary[name] = {
            **mean_and_std("pooled", [scores[name] for scores in pooled]),
            "pooled_ci95": intervals[f"{name}_ci95"],
            **mean_and_std("mean_of_folds", means),
        }
    summary["per_class"] = {}
    for emotion in classes:
        found = [scores["per_class"][emotion] for scores in pooled]
        summary["per_class"][emotion] = row = {}
        for score in SCORES:
            row |= mean_and_std(score, [scores[score] for scores in found])
        row["support"] = found[0]["support"]
    summary["calibration"] = None
    if set(CALIBRATION) <= pooled[0].keys():
        summary["calibration"] = {}
        for score in CALIBRATION:
            found = [scores[score] for scores in pooled]
            summary["calibration"] |= mean_and_std(score, found)
    return summary | {
        "classes": list(classes),
        "confusion": np.sum([m["confusion"] for m in pooled], axis=0).tolist(),
        **compare_speakers(cells, len(classes)),
        **compare_genders(cells, genders, len(classes)),
        "n": len(cells),
        "folds": int(predictions["fold"].nunique()),
        "seeds": cells.columns.tolist(),
        "ci_resamples": intervals["ci_resamples"],
    }


def count_folds(seeds, classes):
    """Counts the confusion matrix of each fold in each seed's table."""
    return [
        [
            count(to_cells(fold, classes)[:, None], len(classes))
            for _, fold in clips.groupby("fold")
        ]
        for clips in seeds
    ]


def find_lacking_folds(predictions):
    """Says which folds lack a class that others have, since their UAR and
    macro-F1 are means of fewer classes than the corpus has; None if none does."""
    tested = pd.crosstab(predictions["fold"], predictions["truth"])
    lacking = tested[(tested == 0).any(axis=1)]
    if lacking.empty:
        return None
    fold, counts = next(lacking.iterrows())
    return (
        f"not every fold tests every emotion ({len(lacking)} of {len(tested)}; "
        f"fold {fold} lacks {', '.join(counts.index[counts == 0])}), and a mean "
        "of fewer is another score"
    )


def mean_and_std(name, values):
    """Computes the mean over seeds and the sample standard deviation: None
    for one seed, and if there is a value that has none."""
    if None in values:
        return {name: None, f"{name}_std": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {name: float(np.mean(values)), f"{name}_std": std}


def pair_seeds(predictions, classes):
    """Puts the cells of each clip side by side, as `ser.metrics.to_cells`
    finds them; raises a RecipeError unless each seed has all clips once.

    Arguments
    ---------
    predictions, classes
        As for `summarise`.

    Returns
    -------
    pandas.DataFrame
        A column a seed, by ID, spk_id and truth.
    """
    table = predictions.assign(cell=to_cells(predictions, classes))
    clip = ["ID", "spk_id", "truth"]
    try:
        cells = table.pivot(index=clip, columns="seed", values="cell")
        return cells.astype(int)
    except ValueError as error:  # a clip is there twice, or missing
        raise RecipeError(
            f"the {table['seed'].nunique()} seeds have not tested the same "
            "clips once each: choose another --output_folder for this data."
        ) from error


def print_summary(summary, page):
    """Prints the scores, what they were measured on, and where the page is.

    Arguments
    ---------
    summary : dict
        As summary.json holds it.
    page : pathlib.Path
        summary.html.
    """
    scores, reason = summary["uar"], summary["mean_of_folds_reason"]
    folds = (
        f", {with_spread(scores, 'mean_of_folds')} % as the mean of the folds"
    )
    if reason:
        folds = f"; no mean of the folds: {reason}"
    print(
        f"\nUAR {with_spread(scores, 'pooled')} % pooled (95 % interval "
        f"{interval(scores['pooled_ci95'])}, resampling "
        f"{summary['ci_resamples']}){folds}"
    )
    for sentence in describe_speakers(summary):
        print(sentence)
    print(f"Protocol: {summary['protocol']}")
    if other := summary.get("comparison"):
        p_value = other["p_value"]
        shown = "" if p_value is None else f"p = {p_value:.3g}; "
        print(
            f"Less {other['other']}: {percent(other['uar_difference'])} points "
            f"of UAR (95 % interval {interval(other['uar_difference_ci95'])}, "
            f"{shown}{other['test']})"
        )
    if "Notice" in summary["facts"]:
        print(summary["facts"]["Notice"])
    print(f"Summary: {page}")


def describe_speakers(summary):
    """Says how far the UAR depends on the speaker and on the gender.

    Arguments
    ---------
    summary : dict
        As summary.json holds it.

    Returns
    -------
    list of str
        Sentences.
    """
    worst, spread = summary["worst_speaker"], summary["speaker_spread"]
    rule, gender = summary["speaker_rule"], summary.get("gender")
    words = [f"No worst speaker is named: none has {rule}."]
    if worst:
        words = [
            f"Worst speaker of those with {rule}: {worst['spk_id']}, UAR "
            f"{percent(worst['uar'])} % over the emotions of that speaker."
        ]
    if spread:
        low, middle, high = map(percent, spread["quartiles"])
        words.append(
            f"UAR of these {spread['number']} speakers: quartiles {low}, "
            f"{middle} and {high} %, standard deviation "
            f"{percent(spread['std'])} points."
        )
    if gender:
        sides = " and ".join(
            f"{percent(gender[name]['uar'])} % of {gender[name]['speakers']} "
            f"{name} speaker{'s' * (gender[name]['speakers'] > 1)}"
            for name in ("female", "male")
        )
        gap = "no gap, as one gender lacks an emotion of the other"
        if gender["gap"] is not None:
            ends = gender["gap_ci95"]
            gap = f"female less male {percent(gender['gap'])} points (" + (
                f"95 % interval {interval(ends)}, leaving out the speakers of "
                "each gender in turn)"
                if ends
                else "no interval: each gender needs two speakers)"
            )
        words.append(f"UAR {sides}; {gap}.")
    return words


def percent(share, sign=""):
    """Shows a share (0 to 1, a float) in percent, None or NaN as a dash; what
    `sign` holds, such as " %", follows the number."""
    return "–" if pd.isna(share) else f"{100 * share:.1f}{sign}"


def spread(std):
    """Shows a standard deviation (0 to 1) after a score, None or NaN as ""."""
    return "" if pd.isna(std) else f" ± {percent(std)}"


def with_spread(scores, name):
    """Shows a score in percent with its standard deviation over the seeds."""
    return percent(scores[name]) + spread(scores[f"{name}_std"])


def interval(ends):
    """Shows the two ends of an interval (0 to 1, list of float) in percent."""
    return " to ".join(map(percent, ends))
