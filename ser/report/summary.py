"""The predictions of all folds and seeds, summed up."""

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

SCORES = ["recall", "precision", "f1"]


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


def summarise(predictions, classes):
    """Computes the scores of a cross-validation.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `ID`, `spk_id`, `fold`, `seed`, `truth`, `prediction` and a probability
        for each class, one row a clip and seed.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    dict
        For each of `uar`, `wa` and `macro_f1` (0 to 1): `pooled` and
        `mean_of_folds`, each the mean over the seeds with `_std`, and
        `pooled_ci95`; `per_class`, each score with its `_std`; `classes`;
        `confusion`, the sum over the seeds; `speakers`, the UAR of each;
        `worst_speaker`; and `n`, `folds`, `seeds`, `ci_resamples`.

    Raises
    ------
    RecipeError
        If the seeds did not test the same clips.
    """
    cells, metrics = pair_seeds(predictions, classes), over_seeds(len(classes))
    intervals = compute_intervals(
        metrics, cells.to_numpy(), cells.index.get_level_values("spk_id")
    )
    seeds = [clips for _, clips in predictions.groupby("seed")]
    pooled = [compute_metrics(clips, classes) for clips in seeds]
    folds = [
        [count(to_cells(fold, classes), len(classes)) for _, fold in by_fold]
        for by_fold in (clips.groupby("fold") for clips in seeds)
    ]
    summary = {}
    for name, metric in METRICS.items():
        means = [np.mean([metric(fold) for fold in row]) for row in folds]
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
    speakers = {
        speaker: float(metrics["uar"](clips.to_numpy()))
        for speaker, clips in cells.groupby("spk_id")
    }
    worst = min(speakers, key=speakers.get)
    return summary | {
        "classes": list(classes),
        "confusion": np.sum([m["confusion"] for m in pooled], axis=0).tolist(),
        "speakers": speakers,
        "worst_speaker": {"spk_id": worst, "uar": speakers[worst]},
        "n": len(cells),
        "folds": int(predictions["fold"].nunique()),
        "seeds": cells.columns.tolist(),
        "ci_resamples": intervals["ci_resamples"],
    }


def mean_and_std(name, values):
    """Computes the mean over seeds and the sample standard deviation: None
    for one seed, and if a class never occurs."""
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
    scores, worst = summary["uar"], summary["worst_speaker"]
    print(
        f"\nUAR {with_spread(scores, 'pooled')} % pooled (95 % interval "
        f"{interval(scores['pooled_ci95'])}, resampling "
        f"{summary['ci_resamples']}), {with_spread(scores, 'mean_of_folds')} % "
        f"as the mean of the folds; worst speaker {worst['spk_id']}, "
        f"{percent(worst['uar'])} %\n"
        f"Protocol: {summary['protocol']}"
    )
    if other := summary.get("comparison"):
        print(
            f"Less {other['other']}: {percent(other['uar_difference'])} points "
            f"of UAR (95 % interval {interval(other['uar_difference_ci95'])}, "
            f"p = {other['p_value']:.3g}; {other['test']})"
        )
    if "Notice" in summary["facts"]:
        print(summary["facts"]["Notice"])
    print(f"Summary: {page}")


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
