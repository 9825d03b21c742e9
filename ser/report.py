"""Write the report of one run, or the summary of many, as a single HTML file
that needs no network.

Figures are matplotlib SVGs in data URIs; pages are report.html.jinja and
summary.html.jinja.
"""

import base64
import io
import os
from pathlib import Path
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Okabe-Ito colours: told apart with any common colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
HALF, FULL = 4.5, 9.2  # inches: one column of the page, both columns
BINS = 10
STYLE = {
    "font.size": 9,
    "axes.prop_cycle": matplotlib.cycler(color=[BLUE, ORANGE, GREEN]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a name is only text
    "svg.hashsalt": "report",  # same input, same bytes
}


def write_report(path, metrics, predictions, history, layer_weights, facts):
    """Write the HTML report, replacing an older one in a single step.

    Arguments
    ---------
    path : str or pathlib.Path
        The HTML file to write.
    metrics : dict
        Scores, intervals, per-class scores and confusion of the test set.
    predictions : pandas.DataFrame
        Columns ID, truth, prediction and one probability per class.
    history : list of dict
        One row per epoch; the chosen one may hold "best": True.
    layer_weights : list of float or None
        Weight of each encoder output, front end first; None leaves it out.
    facts : dict of str
        Shown as a table; "Notice" is shown in a box above everything.
    """
    path, classes = Path(path), list(metrics["classes"])
    size = len(classes)
    scores = ["recall", "precision", "f1"]
    per_class = pd.DataFrame.from_dict(metrics["per_class"], orient="index")
    # A class may be absent from the test clips, and JSON may hold null.
    per_class = per_class.reindex(index=classes, columns=[*scores, "support"])
    per_class = per_class.astype(float).fillna({"support": 0})
    top = predictions.assign(
        confidence=predictions[classes].max(axis=1).clip(0, 1),
        correct=predictions["truth"] == predictions["prediction"],
    )
    wrong = top[~top["correct"]]
    columns = ["epoch", "train_loss", "valid_loss", "valid_uar", "best"]
    epochs = pd.DataFrame(history).reindex(columns=columns).astype(float)
    epochs = epochs.set_index("epoch")
    chosen = epochs.index[epochs["best"] == 1][-1:]

    figures = {
        "confusion": _svg(
            _draw_confusion,
            (np.asarray(metrics["confusion"], dtype=float), classes),
            width=HALF if size < 5 else FULL,
            height=1.4 + 0.55 * size,
        ),
        "per_class": _svg(
            _draw_per_class, (per_class[scores],), height=0.9 + 0.42 * size
        ),
        "reliability": _svg(_draw_reliability, (top,), height=4.2),
    }
    if len(epochs):
        loss, uar = epochs[columns[1:3]], epochs[["valid_uar"]]
        loss.columns, uar.columns = ["training", "validation"], ["validation"]
        figures["loss"] = _svg(_draw_history, (loss, chosen))
        figures["uar"] = _svg(_draw_history, (uar, chosen, 1 / size))
    if layer_weights is not None:
        figures["layers"] = _svg(_draw_layers, (layer_weights,), height=4.2)

    _write_page(
        path,
        "report.html.jinja",
        metrics=metrics,
        facts=facts,
        figures=figures,
        per_class=per_class,
        mistakes=wrong.nlargest(10, "confidence"),
        pairs=wrong.value_counts(["truth", "prediction"]),
        epochs=len(epochs),
        chosen=len(chosen),
        layer_weights=layer_weights,
        bins=BINS,
    )


def write_summary(path, summary):
    """Write the HTML summary of a cross-validation, as `write_report`.

    Arguments
    ---------
    path : str or pathlib.Path
        The HTML file to write.
    summary : dict
        As crossval.py makes it.
    """
    classes = summary["classes"]
    scores = ["recall", "precision", "f1"]
    per_class = pd.DataFrame.from_dict(summary["per_class"], orient="index")
    speakers = pd.Series(summary["speakers"]).sort_values()
    size = len(classes)
    figures = {
        "confusion": _svg(
            _draw_confusion,
            (np.asarray(summary["confusion"], dtype=float), classes),
            width=HALF if size < 5 else FULL,
            height=1.4 + 0.55 * size,
        ),
        "per_class": _svg(
            _draw_per_class,
            (per_class[scores].astype(float),),
            height=0.9 + 0.42 * size,
        ),
        "speakers": _svg(
            _draw_speakers, (speakers, 1 / size), width=FULL, height=3
        ),
    }
    _write_page(
        Path(path),
        "summary.html.jinja",
        summary=summary,
        comparison=summary.get("comparison"),
        facts=summary["facts"],
        figures=figures,
    )


def _write_page(path, template, **values):
    """Fill a template in."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["percent"] = _percent
    environment.filters["spread"] = _spread
    environment.filters["points"] = _points
    page = environment.get_template(template).render(values)
    # A reader never sees half a page.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(page, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def _percent(value, digits=1):
    """Show a share as percent, a missing one as a dash."""
    return "–" if pd.isna(value) else f"{100 * value:.{digits}f}%"


def _spread(std):
    """Show a standard deviation behind a share, one that is missing not."""
    return "" if pd.isna(std) else f" ± {100 * std:.1f}"


def _points(share):
    """Show a difference of shares as points of a hundred."""
    return f"{100 * share:.1f}"


def _svg(draw, args, width=HALF, height=3.2):
    """Draw on a fresh figure, return it as a data URI."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure, *args)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"src": f"data:image/svg+xml;base64,{data}", "wide": width > HALF}


def _draw_history(figure, lines, chosen, chance=None):
    ax = figure.subplots()
    for name, values in lines.items():
        color = BLUE if name == "training" else ORANGE
        ax.plot(values, "o-", ms=3, color=color, label=name)
    if chance is not None:
        ax.axhline(chance, color=GREY, ls="--", lw=1, label="chance")
        ax.set_ylim(0, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    for epoch in chosen:
        ax.axvline(epoch, color=GREEN, ls=":", label=f"chosen ({epoch:.0f})")
    ax.set(xlabel="Epoch", ylabel="Loss" if chance is None else "UAR")
    # A lone epoch needs room on both sides to be seen.
    ax.set_xlim(lines.index.min() - 0.5, lines.index.max() + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(axis="y")
    figure.legend(loc="outside upper center", ncols=3)


def _wrapped(names):
    return [fill(name.replace("_", " "), 18) for name in names]


def _draw_confusion(figure, counts, classes):
    ax = figure.subplots()
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(
        counts, total, out=np.full_like(counts, np.nan), where=total > 0
    )
    colors = matplotlib.colormaps["Blues"].with_extremes(bad="#eeeeee")
    ax.imshow(share, cmap=colors, vmin=0, vmax=1, aspect="auto")
    for (row, column), part in np.ndenumerate(share):
        count = f"{counts[row, column]:.0f}"
        text = f"{count}\n{_percent(part, 0)}" if part > 0 else count
        color = "white" if part > 0.72 else "black" if part > 0 else GREY
        ax.text(column, row, text, color=color, ha="center", va="center")
    names = _wrapped(classes)
    # Level names of many classes would run into each other.
    tilt = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(names)), names, **(tilt if len(names) > 3 else {}))
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="Prediction", ylabel="Truth")


def _draw_per_class(figure, scores):
    ax = figure.subplots()
    place = np.arange(len(scores))
    for row, (name, values) in enumerate(scores.items(), start=-1):
        label = name.capitalize()
        ax.barh(place + 0.26 * row, values, 0.24, label=label)
    ax.set_yticks(place, _wrapped(scores.index))
    ax.set(xlim=(0, 1), ylim=(len(scores) - 0.5, -0.5))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="x")
    figure.legend(loc="outside upper center", ncols=3)


def _draw_speakers(figure, scores, chance):
    ax = figure.subplots()
    ax.bar(range(len(scores)), scores)
    ax.axhline(chance, color=GREY, ls="--", lw=1, label="chance")
    # Names of many speakers would run into each other.
    names = list(scores.index) if len(scores) <= 40 else []
    ax.set_xticks(range(len(names)), names, rotation=90 if names else 0)
    ax.set(xlabel="Speaker", ylabel="UAR", ylim=(0, 1))
    ax.set_xlim(-0.6, len(scores) - 0.4)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y")


def _draw_reliability(figure, top):
    ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    edges = np.linspace(0, 1, BINS + 1)
    cut = pd.cut(top["confidence"], edges, include_lowest=True)
    bins = top.groupby(cut, observed=True)
    means = bins[["confidence", "correct"]].mean()
    ax.plot([0, 1], [0, 1], "--", color=GREY, lw=1, label="ideal")
    ax.plot(*means.T.to_numpy(), "o-", label="this run")
    ax.set(xlim=(0, 1), ylim=(-0.03, 1.03), ylabel="Share correct")
    ax.grid()
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    middle = [interval.mid for interval in means.index]
    bars = below.bar(middle, bins.size(), 0.085)
    below.bar_label(bars, fontsize=8)
    below.margins(y=0.3)
    below.set(xlabel="Confidence in the predicted class", ylabel="Clips")
    below.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside upper center", ncols=2)


def _draw_layers(figure, weights):
    ax = figure.subplots()
    ax.bar(range(len(weights)), weights)
    ax.axhline(1 / len(weights), color=GREY, ls="--", lw=1, label="equal")
    ax.set(xlabel="Layer (0 = convolutional front end)", ylabel="Weight")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y")
    figure.legend(loc="outside upper center")
