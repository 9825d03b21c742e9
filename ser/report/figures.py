"""The figures of the pages: matplotlib SVGs as data URIs.

Each `draw_` function returns a dict for the macro `figure` of the templates:
`src`, and `wide`, whether it takes both columns of the page.
"""

import base64
import io
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Okabe-Ito colours: told apart with any common colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
HALF, FULL = 4.5, 9.2  # inches: one column of the page, both columns
BINS = 10  # of confidence
MAX_NAMES = 40  # names of more speakers would run into each other
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


def to_image(figure):
    """Turns a figure into a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {
        "src": f"data:image/svg+xml;base64,{data}",
        "wide": figure.get_figwidth() > HALF,
    }


def wrap(names):
    """Breaks the names of classes into lines that fit an axis."""
    return [fill(name.replace("_", " "), 18) for name in names]


@matplotlib.rc_context(STYLE)
def draw_history(lines, best_epoch, chance=None):
    """Draws the loss, or the UAR, over the epochs.

    Arguments
    ---------
    lines : pandas.DataFrame
        A column a line, named training or validation, by epoch.
    best_epoch : int
        The one that was tested.
    chance : float
        UAR of guessing, 0 to 1; None for the loss.
    """
    figure = Figure((HALF, 3.2), layout="constrained")
    ax = figure.subplots()
    for name, values in lines.items():
        color = BLUE if name == "training" else ORANGE
        ax.plot(values, "o-", ms=3, color=color, label=name)
    if chance is not None:
        ax.axhline(chance, color=GREY, ls="--", lw=1, label="chance")
        ax.set_ylim(0, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.axvline(best_epoch, color=GREEN, ls=":", label=f"chosen ({best_epoch})")
    ax.set(xlabel="Epoch", ylabel="Loss" if chance is None else "UAR")
    # A lone epoch needs room on both sides to be seen.
    ax.set_xlim(lines.index.min() - 0.5, lines.index.max() + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(axis="y")
    figure.legend(loc="outside upper center", ncols=3)
    return to_image(figure)


@matplotlib.rc_context(STYLE)
def draw_confusion(counts, classes):
    """Draws a confusion matrix with counts and the share of each row.

    Arguments
    ---------
    counts : list of list of int
        [truth, prediction]
    classes : list of str
        Names of the rows and columns.
    """
    size = len(classes)
    figure = Figure(
        (HALF if size < 5 else FULL, 1.4 + 0.55 * size), layout="constrained"
    )
    ax = figure.subplots()
    counts = np.asarray(counts, dtype=float)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(
        counts, total, out=np.full_like(counts, np.nan), where=total > 0
    )
    colors = matplotlib.colormaps["Blues"].with_extremes(bad="#eeeeee")
    ax.imshow(share, cmap=colors, vmin=0, vmax=1, aspect="auto")
    for (row, column), part in np.ndenumerate(share):
        number = f"{counts[row, column]:.0f}"
        text = f"{number}\n{part:.0%}" if part > 0 else number
        color = "white" if part > 0.72 else "black" if part > 0 else GREY
        ax.text(column, row, text, color=color, ha="center", va="center")
    names = wrap(classes)
    # Level names of many classes would run into each other.
    tilt = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(size), names, **(tilt if size > 3 else {}))
    ax.set_yticks(range(size), names)
    ax.set(xlabel="Prediction", ylabel="Truth")
    return to_image(figure)


@matplotlib.rc_context(STYLE)
def draw_per_class(scores):
    """Draws bars of the scores of each class.

    Arguments
    ---------
    scores : pandas.DataFrame
        Columns recall, precision and f1 (0 to 1, or NaN), by class.
    """
    figure = Figure((HALF, 0.9 + 0.42 * len(scores)), layout="constrained")
    ax = figure.subplots()
    place = np.arange(len(scores))
    for row, (name, values) in enumerate(scores.items(), start=-1):
        label = name.capitalize()
        ax.barh(place + 0.26 * row, values, 0.24, label=label)
    ax.set_yticks(place, wrap(scores.index))
    ax.set(xlim=(0, 1), ylim=(len(scores) - 0.5, -0.5))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="x")
    figure.legend(loc="outside upper center", ncols=3)
    return to_image(figure)


@matplotlib.rc_context(STYLE)
def draw_speakers(scores, chance):
    """Draws bars of the UAR of each speaker, the worst first.

    Arguments
    ---------
    scores : pandas.Series
        UAR, 0 to 1, by speaker.
    chance : float
        UAR of guessing, 0 to 1.
    """
    figure = Figure((FULL, 3), layout="constrained")
    ax = figure.subplots()
    scores = scores.sort_values()
    ax.bar(range(len(scores)), scores)
    ax.axhline(chance, color=GREY, ls="--", lw=1, label="chance")
    names = list(scores.index) if len(scores) <= MAX_NAMES else []
    ax.set_xticks(range(len(names)), names, rotation=90 if names else 0)
    ax.set(xlabel="Speaker", ylabel="UAR", ylim=(0, 1))
    ax.set_xlim(-0.6, len(scores) - 0.4)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y")
    return to_image(figure)


@matplotlib.rc_context(STYLE)
def draw_reliability(confidence, correct):
    """Draws the share of correct clips against the confidence.

    Source: https://arxiv.org/abs/1706.04599

    Arguments
    ---------
    confidence : pandas.Series
        Probability of the predicted class of each clip.
    correct : pandas.Series
        Whether each clip was put into its class.
    """
    figure = Figure((HALF, 4.2), layout="constrained")
    ax, below = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    # Rounding may lift a probability above 1.
    clips = pd.DataFrame({"x": confidence.clip(0, 1), "y": correct})
    edges = np.linspace(0, 1, BINS + 1)
    cut = pd.cut(clips["x"], edges, include_lowest=True)
    bins = clips.groupby(cut, observed=True)
    means = bins[["x", "y"]].mean()
    ax.plot([0, 1], [0, 1], "--", color=GREY, lw=1, label="ideal")
    ax.plot(means["x"], means["y"], "o-", label="this run")
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
    return to_image(figure)


@matplotlib.rc_context(STYLE)
def draw_layers(weights):
    """Draws bars of the learned layer weights.

    Arguments
    ---------
    weights : list of float
        Share of each encoder output, the front end first.
    """
    figure = Figure((HALF, 4.2), layout="constrained")
    ax = figure.subplots()
    ax.bar(range(len(weights)), weights)
    ax.axhline(1 / len(weights), color=GREY, ls="--", lw=1, label="equal")
    ax.set(xlabel="Layer (0 = convolutional front end)", ylabel="Weight")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y")
    figure.legend(loc="outside upper center")
    return to_image(figure)
