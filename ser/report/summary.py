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
    to_cells,
)


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
        missing = sorted(set(text) - set(table.columns))
        if missing:
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
    by_seed = [clips for _, clips in predictions.groupby("seed")]
    table = pair_seeds(predictions, classes)
    intervals, resamples = compute_intervals(
        np.stack(table["cells"]), len(classes), table["spk_id"]
    )
    pooled = [
        compute_metrics(clips, classes, clips["spk_id"], with_intervals=False)
        for clips in by_seed
    ]
    summary = {}
    for name in METRICS:
        folds = [mean_over(clips, "fold", classes, name) for clips in by_seed]
        summary[name] = {
            **mean_and_std("pooled", [m[name] for m in pooled]),
            "pooled_ci95": intervals[f"{name}_ci95"],
            **mean_and_std("mean_of_folds", folds),
        }
    summary["per_class"] = {
        emotion: {
            key: value
            for score in ("recall", "precision", "f1")
            for key, value in mean_and_std(
                score, [m["per_class"][emotion][score] for m in pooled]
            ).items()
        }
        | {"support": pooled[0]["per_class"][emotion]["support"]}
        for emotion in classes
    }
    speakers = {
        speaker: mean_over(clips, "seed", classes)
        for speaker, clips in predictions.groupby("spk_id")
    }
    worst = min(speakers, key=speakers.get)
    return summary | {
        "classes": list(classes),
        "confusion": np.sum([m["confusion"] for m in pooled], axis=0).tolist(),
        "speakers": speakers,
        "worst_speaker": {"spk_id": worst, "uar": speakers[worst]},
        "n": len(table),
        "folds": int(predictions["fold"].nunique()),
        "seeds": sorted(predictions["seed"].unique().tolist()),
        "ci_resamples": resamples,
    }


def mean_over(predictions, column, classes, metric="uar"):
    """Computes the mean of a metric over folds, or over seeds."""
    return float(
        np.mean(
            [
                METRICS[metric](count(to_cells(clips, classes), len(classes)))
                for _, clips in predictions.groupby(column)
            ]
        )
    )


def mean_and_std(name, values):
    """Computes the mean over seeds and the sample standard deviation: None
    for one seed, and where a class never occurs."""
    if None in values:
        return {name: None, f"{name}_std": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {name: float(np.mean(values)), f"{name}_std": std}


def pair_seeds(predictions, classes):
    """Puts the seeds of a clip side by side.

    Arguments
    ---------
    predictions : pandas.DataFrame
        As for `summarise`.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    pandas.DataFrame
        `spk_id`, `truth` and `cells` [seed], by ID.

    Raises
    ------
    RecipeError
        If a seed lacks a clip.
    """
    predictions = predictions.assign(cell=to_cells(predictions, classes))
    clips = predictions.sort_values("seed").groupby("ID")
    table = clips[["spk_id", "truth"]].first()
    table["cells"] = clips["cell"].apply(np.array)
    number = predictions["seed"].nunique()
    if (table["cells"].str.len() != number).any():
        raise RecipeError(
            f"the {number} seeds have not tested the same clips once each: "
            "choose another --output_folder for this data."
        )
    return table


def to_markdown(summary):
    """Makes the row for the results table of a recipe's README.

    Arguments
    ---------
    summary : dict
        As summary.json holds it.

    Returns
    -------
    str
        A heading line and the row, below the notice if there is one.
    """
    facts = summary["facts"]
    scores = [
        f"{with_spread(summary[name], 'pooled')} "
        f"(95 %: {percent(summary[name]['pooled_ci95'][0])} to "
        f"{percent(summary[name]['pooled_ci95'][1])})"
        for name in METRICS
    ]
    folds = [with_spread(summary[name], "mean_of_folds") for name in METRICS]
    worst = summary["worst_speaker"]
    cells = {
        "Release": facts["Date"],
        "hyperparams file": facts["Settings"],
        "corpus": f"{facts['Corpus']}, {facts['Clips']}",
        "protocol": facts["Protocol"],
        "encoder": facts["Encoder"],
        "seeds": ", ".join(map(str, summary["seeds"])),
        "Test UAR (%)": scores[0],
        "Test WA (%)": scores[1],
        "Test macro-F1 (%)": scores[2],
        "mean of folds, UAR / WA / F1": " / ".join(folds),
        "worst speaker": f"{worst['spk_id']}: {percent(worst['uar'])}",
        "Model link": "none",
        "versions": facts["Versions"],
        "machine": facts["Machine"],
    }
    lines = [cells.keys(), ["---"] * len(cells), cells.values()]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notice = facts.get("Notice")
    return (f"**{notice}**\n\n" if notice else "") + text + "\n"


def print_summary(summary, page):
    """Prints the scores, what they were measured on, and where the page is.

    Arguments
    ---------
    summary : dict
        As summary.json holds it.
    page : pathlib.Path
        summary.html.
    """
    low, high = summary["uar"]["pooled_ci95"]
    worst = summary["worst_speaker"]
    print(
        f"\nUAR {with_spread(summary['uar'], 'pooled')} % pooled (95 % "
        f"interval {percent(low)} to {percent(high)}, resampling "
        f"{summary['ci_resamples']}), "
        f"{with_spread(summary['uar'], 'mean_of_folds')} % as the mean of the "
        f"folds; worst speaker {worst['spk_id']}, {percent(worst['uar'])} %"
    )
    print(f"Protocol: {summary['protocol']}")
    if "comparison" in summary:
        other = summary["comparison"]
        low, high = other["uar_difference_ci95"]
        print(
            f"Less {other['other']}: {percent(other['uar_difference'])} points "
            f"of UAR (95 % interval {percent(low)} to {percent(high)}, p = "
            f"{other['p_value']:.3g}; {other['test']})"
        )
    if "Notice" in summary["facts"]:
        print(summary["facts"]["Notice"])
    print(f"Summary: {page}")


def percent(share):
    """Shows a share in percent, a missing one as a dash."""
    return "–" if pd.isna(share) else f"{100 * share:.1f}"


def spread(std):
    """Shows a standard deviation after a score, unless it is missing."""
    return "" if pd.isna(std) else f" ± {percent(std)}"


def with_spread(scores, name):
    """Shows a score in percent with its standard deviation over the seeds."""
    return percent(scores[name]) + spread(scores[f"{name}_std"])
