"""From the predictions of all folds and seeds to one summary."""

import os
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from confidence_intervals import Bootstrap, get_conf_int
from scipy.stats import permutation_test

from ser.errors import RecipeError
from ser.metrics import (
    BOOTSTRAPS,
    METRICS,
    compute_intervals,
    compute_metrics,
    count,
    to_cells,
)

PERMUTATIONS = 9999


def summarise(predictions, classes):
    """Computes what a cross-validation comes to.

    Arguments
    ---------
    predictions : pandas.DataFrame
        `ID`, `spk_id`, `fold`, `seed`, `truth` and `prediction`, a row for
        each clip and seed.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    dict
        For each of `uar`, `wa` and `macro_f1` (0 to 1): `pooled` and
        `mean_of_folds`, each the mean over the seeds with `_std`, and
        `pooled_ci95`; `per_class`, each score with its `_std`; `confusion`,
        the sum over the seeds; `speakers`, the UAR of each; `worst_speaker`;
        and `n`, `folds`, `seeds`, `ci_resamples`.
    """
    seeds = sorted(predictions["seed"].unique().tolist())
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
    for name, metric in METRICS.items():
        folds = [
            np.mean(
                [
                    metric(count(to_cells(fold, classes), len(classes)))
                    for _, fold in clips.groupby("fold")
                ]
            )
            for clips in by_seed
        ]
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
        speaker: float(
            np.mean(
                [uar_of(seed, classes) for _, seed in clips.groupby("seed")]
            )
        )
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
        "seeds": seeds,
        "ci_resamples": resamples,
    }


def mean_and_std(name, values):
    """Gives the mean over seeds, and the sample standard deviation: None for
    one seed, and where a class never occurs."""
    if None in values:
        return {name: None, f"{name}_std": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {name: float(np.mean(values)), f"{name}_std": std}


def uar_of(predictions, classes):
    """Computes the UAR of some clips."""
    return METRICS["uar"](count(to_cells(predictions, classes), len(classes)))


def pair_seeds(predictions, classes):
    """Puts the seeds of a clip side by side.

    Arguments
    ---------
    predictions : pandas.DataFrame
        As those of `summarise`.
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


def compare(predictions, others, classes):
    """Tests the difference of two systems on the same clips.

    The interval is of a bootstrap that draws speakers, then clips. The p
    value is of a permutation test that swaps the two systems speaker by
    speaker, since clips of a speaker are not independent; with few speakers
    it cannot be small (2 / 2 ** speakers).

    Arguments
    ---------
    predictions, others : pandas.DataFrame
        As those of `summarise`, of this system and of the other.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    dict
        `uar_difference` (this one less the other, 0 to 1), its `_ci95`,
        `p_value`, `n` and `test`.

    Raises
    ------
    RecipeError
        If they have not tested the same clips.
    """
    if "seed" not in others:
        raise RecipeError(
            "the other predictions are of one run: pass a summary.json that "
            "crossval.py wrote."
        )
    unknown = set(others["truth"]) | set(others["prediction"])
    unknown -= set(classes)
    if unknown:
        raise RecipeError(
            f"the other summary has classes that this one lacks "
            f"({', '.join(sorted(unknown))}): compare runs of one label set."
        )
    one, two = (pair_seeds(table, classes) for table in (predictions, others))
    same = one.index.equals(two.index) and (one["truth"] == two["truth"]).all()
    if not same:
        both = one.join(two, rsuffix="_2", how="inner")
        agree = int((both["truth"] == both["truth_2"]).sum())
        raise RecipeError(
            f"the summaries are not of the same clips: {len(one)} here, "
            f"{len(two)} there, {agree} in both with one label; compare runs "
            "of one corpus, protocol and label set."
        )
    seeds = len(one["cells"].iloc[0])
    cells = np.hstack([np.stack(one["cells"]), np.stack(two["cells"])])

    def difference(cells):
        """Computes the difference of the UARs of drawn clips."""
        uars = [METRICS["uar"](count(c, len(classes))) for c in cells.T]
        return np.mean(uars[:seeds]) - np.mean(uars[seeds:])

    speakers, units = np.unique(one["spk_id"], return_inverse=True)
    unit = "speakers"
    bootstrap = Bootstrap(BOOTSTRAPS, difference)
    if len(speakers) == 1:
        unit, units = "clips", np.arange(len(one))
        bootstrap.get_bootstrap_sets(len(one))
    else:
        bootstrap.get_bootstrap_sets(len(one), units)
    values = bootstrap.get_metric_values_for_bootstrap_sets(cells, None)
    # Clips of each class that a unit has right in either system, [2, unit,
    # class]: a sum over the units gives the recalls.
    truth = one["truth"].map({c: i for i, c in enumerate(classes)}).to_numpy()
    right = (cells // len(classes)) == (cells % len(classes))
    right = [right[:, :seeds].mean(axis=1), right[:, seeds:].mean(axis=1)]
    hits = np.zeros((2 * (units.max() + 1), len(classes)))
    for system in (0, 1):
        offset = system * (units.max() + 1)
        np.add.at(hits, (offset + units, truth), right[system])
    support = np.bincount(truth, minlength=len(classes))
    occur = support > 0

    def swapped(first, second):
        """Computes the difference of two systems, some units of which are
        swapped."""
        sums = hits[first].sum(axis=0) - hits[second].sum(axis=0)
        return (sums[occur] / support[occur]).mean()

    number = np.arange(units.max() + 1)
    test = permutation_test(
        (number, number + len(number)),
        swapped,
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(0),
    )
    return {
        "uar_difference": float(difference(cells)),
        "uar_difference_ci95": [float(x) for x in get_conf_int(values)],
        "p_value": float(test.pvalue),
        "n": len(one),
        "test": f"paired, two-sided permutation test that swaps {unit} "
        f"({len(number)}); interval of a bootstrap of {unit}",
    }


def describe_machine():
    """Says in words what the machine is."""
    words = f"{os.cpu_count()} CPU cores, {platform.system()}"
    if torch.cuda.is_available():
        words = f"{torch.cuda.get_device_name()}, {words}"
    return words


def read_predictions(path):
    """Reads predictions, of one run or of a summary.

    Arguments
    ---------
    path : str or pathlib.Path
        predictions.csv, its folder, or the summary.json beside it.

    Returns
    -------
    pandas.DataFrame
        As those of `summarise`, but of one run without `fold` and `seed`.

    Raises
    ------
    RecipeError
        If it is not there, or lacks a column.
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
            f"{path} cannot be read as predictions ({error}): pass the "
            "summary.json that crossval.py wrote, with predictions.csv beside."
        ) from error
    return table


def to_markdown(summary):
    """Makes the row for the table of a recipe's README.

    Arguments
    ---------
    summary : dict
        As crossval.py writes it.

    Returns
    -------
    str
        A heading line, and the row.
    """
    facts = summary["facts"]
    scores = [
        f"{show(summary[name], 'pooled')} "
        f"(95 %: {percent(summary[name]['pooled_ci95'][0])} to "
        f"{percent(summary[name]['pooled_ci95'][1])})"
        for name in METRICS
    ]
    folds = " / ".join(show(summary[name], "mean_of_folds") for name in METRICS)
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
        "mean of folds, UAR / WA / F1": folds,
        "worst speaker": f"{worst['spk_id']}: {percent(worst['uar'])}",
        "Model link": "none",
        "versions": facts["Versions"],
        "machine": facts["Machine"],
    }
    lines = [cells.keys(), ["---"] * len(cells), cells.values()]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    notice = facts.get("Notice")
    return (f"**{notice}**\n\n" if notice else "") + text + "\n"


def percent(share):
    """Shows a share as percent, a missing one as a dash."""
    return "–" if share is None else f"{100 * share:.1f}"


def show(scores, name):
    """Shows a score with its standard deviation over the seeds."""
    std = scores[f"{name}_std"]
    return percent(scores[name]) + ("" if std is None else f" ± {percent(std)}")
