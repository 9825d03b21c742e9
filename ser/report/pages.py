"""The report of a run and the summary of a cross-validation, each a single
HTML file that needs no network: its figures are SVGs inside it.
"""

import base64
import io
from functools import partial
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from ser.files import write_text
from ser.report.listeners import describe_listeners
from ser.report.style import BLUE, FULL, GREEN, GREY, HALF, ORANGE, STYLE, wrap
from ser.report.summary import SCORES, describe_speakers, percent, spread
from ser.usage import own_command

BINS = 10  # of confidence
MAX_NAMES = 40  # names of more speakers would run into each other
LINES = {  # of a training, but for validation
    "train_loss": ("training", BLUE),
    "refit_loss": ("training again", GREY),
}
CHANCE = {"color": GREY, "ls": "--", "lw": 1}


@matplotlib.rc_context(STYLE)
def write_report(
    path, metrics, predictions, history, layer_weights, facts, audio=None
):
    """Writes the report of a run.

    Arguments
    ---------
    path : str or pathlib.Path
        The HTML file.
    metrics : dict
        As metrics.json holds them.
    predictions : pandas.DataFrame
        ID, truth, prediction and one probability a class.
    history : list of dict
        `epoch`, `train_loss`, `valid_loss` and `valid_uar` of each epoch; if
        the head was trained again, `refit epoch` and `train_loss` of these.
    layer_weights : list of float or None
        Weight of each encoder output, front end first; None leaves it out.
    facts : dict
        Shown as a table; "Notice" is shown in a box above everything.
    audio : dict or None
        From IDs of clips to the addresses of their audio, relative to the page.
    """
    chance, best = 1 / len(metrics["classes"]), metrics["best_epoch"]
    confidence = predictions[metrics["classes"]].max(axis=1)
    predictions = predictions.assign(confidence=confidence)
    wrong = predictions[predictions["truth"] != predictions["prediction"]]
    figures = {"reliability": draw_reliability(predictions)}
    if history:
        table = pd.DataFrame(history)
        epochs = table.dropna(subset="valid_uar").set_index("epoch")
        losses = epochs[["train_loss", "valid_loss"]]
        if "refit epoch" in table:
            again = table.dropna(subset="refit epoch").set_index("refit epoch")
            losses = losses.assign(refit_loss=again["train_loss"])
        figures["loss"] = draw_history(losses, best)
        figures["uar"] = draw_history(epochs[["valid_uar"]], best, chance)
    if layer_weights is not None:
        figures["layers"] = draw_layers(layer_weights)
    write_page(
        path,
        "report.html.jinja",
        metrics,
        figures,
        metrics=metrics,
        facts=facts,
        listeners=describe_listeners(metrics),
        mistakes=wrong.nlargest(10, "confidence"),
        audio=audio or {},
        pairs=wrong.value_counts(["truth", "prediction"]),
        epochs=sum("epoch" in epoch for epoch in history),
        again=any("refit epoch" in epoch for epoch in history),
        layer_weights=layer_weights,
        bins=BINS,
    )


@matplotlib.rc_context(STYLE)
def write_summary(folder, summary):
    """Writes the summary of a cross-validation: summary.html, and summary.md
    with the row for the results table of a recipe's README.

    Arguments
    ---------
    folder : pathlib.Path
        Where they go.
    summary : dict
        As summary.json holds it.
    """
    # The command is on the page alone, since it has paths of this machine.
    facts = summary["facts"] | {"Command": own_command({})}
    values = {"summary": summary, "facts": facts}
    values["sentences"] = describe_speakers(summary)
    values["listeners"] = describe_listeners(summary)
    fill_in(folder / "summary.md", "summary.md.jinja", **values)
    write_page(
        folder / "summary.html",
        "summary.html.jinja",
        summary,
        {"speakers": draw_speakers(summary)},
        comparison=summary.get("comparison"),
        **values,
    )


def write_scores(folder, summaries, ranking, tests):
    """Writes the table of several systems over several corpora: scores.html and
    scores.md.

    Arguments
    ---------
    folder : pathlib.Path
        Where they go.
    summaries : dict
        From (system, key of the corpus) to what its summary.json holds.
    ranking : (pandas.DataFrame, pandas.Series)
        The rank [system, corpus] and the mean rank of each system.
    tests : list of dict
        As `scoring.ranking.compare_all` returns them.
    """
    corpora = {key: s["facts"]["Corpus"] for (_, key), s in summaries.items()}
    ranks, mean_rank = ranking
    values = {
        "summaries": summaries,
        "systems": list(dict.fromkeys(system for system, _ in summaries)),
        "corpora": corpora,
        "protocols": {key: s["protocol"] for (_, key), s in summaries.items()},
        "notices": dict.fromkeys(
            s["facts"]["Notice"]
            for s in summaries.values()
            if "Notice" in s["facts"]
        ),
        "ranks": ranks,
        "mean_rank": mean_rank,
        "tests": tests,
        "number": sum(test["p_value"] is not None for test in tests),
        "reasons": {test["corpus"]: test["test"] for test in tests},
    }
    for name in ("scores.html", "scores.md"):
        fill_in(folder / name, f"{name}.jinja", **values)


def write_page(path, template, scores, figures, **values):
    """Writes a page, with the figures and scores that both pages have."""
    # Missing scores are NaN.
    table = pd.DataFrame(scores["per_class"], dtype=float).transpose()
    figures["confusion"] = draw_confusion(scores)
    figures["per_class"] = draw_per_class(table[SCORES])
    images = {name: to_image(figure) for name, figure in figures.items()}
    fill_in(path, template, figures=images, per_class=table, **values)


def fill_in(path, template, **values):
    """Writes a file from its template."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=jinja2.select_autoescape(["html.jinja"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        percent=partial(percent, sign="%"),
        points=percent,
        spread=spread,
        p=lambda value: "–" if value is None else f"{value:.3g}",
        rank=lambda value: "–" if pd.isna(value) else f"{round(value, 2):g}",
        cell=lambda text: str(text).replace("|", "\\|").replace("<", "&lt;"),
    )
    write_text(environment.get_template(template).render(values), path)


def to_image(figure):
    """Turns a figure into what the macro `figure` of the templates takes: a
    data URI, and whether it takes both columns of the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {
        "src": f"data:image/svg+xml;base64,{data}",
        "wide": figure.get_figwidth() > HALF,
    }


def draw_history(lines, best_epoch, chance=None):
    """Draws columns over the epochs: losses or, given the UAR of guessing,
    UARs."""
    ax = Figure((HALF, 3.2)).subplots()
    for name, values in lines.items():
        label, color = LINES.get(name, ("validation", ORANGE))
        ax.plot(values, "o-", ms=3, color=color, label=label)
    if chance is not None:
        ax.axhline(chance, label="chance", **CHANCE)
        ax.set_ylim(0, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.axvline(best_epoch, color=GREEN, ls=":", label=f"chosen ({best_epoch})")
    # A lone epoch needs room on both sides to be seen.
    ax.set(xlim=(lines.index.min() - 0.5, lines.index.max() + 0.5))
    ax.set(xlabel="Epoch", ylabel="Loss" if chance is None else "UAR")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.grid(axis="y")
    ax.figure.legend(loc="outside upper center", ncols=3)
    return ax.figure


def draw_confusion(scores):
    """Draws the counts of clips, each with its share of the row."""
    size = len(scores["classes"])
    # Half as wide as the page, it fits a phone.
    ax = Figure((HALF if size < 10 else FULL, 1.4 + 0.45 * size)).subplots()
    counts = np.asarray(scores["confusion"], dtype=float)
    with np.errstate(invalid="ignore"):  # a class without clips
        share = counts / counts.sum(axis=1, keepdims=True)
    colors = matplotlib.colormaps["Blues"].with_extremes(bad="#eeeeee")
    ax.imshow(share, cmap=colors, vmin=0, vmax=1, aspect="auto")
    for (row, column), part in np.ndenumerate(share):
        number = f"{counts[row, column]:.0f}"
        text = f"{number}\n{part:.0%}" if part > 0 else number
        color = "white" if part > 0.72 else "black" if part > 0 else GREY
        ax.text(column, row, text, color=color, ha="center", va="center")
    names = wrap(scores["classes"])
    # Level names of many classes would run into each other.
    tilt = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(size), names, **(tilt if size > 3 else {}))
    ax.set_yticks(range(size), names)
    ax.set(xlabel="Prediction", ylabel="Truth")
    return ax.figure


def draw_per_class(scores):
    """Draws bars of the scores of each class."""
    ax = Figure((HALF, 0.9 + 0.42 * len(scores))).subplots()
    place = np.arange(len(scores))
    for row, (name, values) in enumerate(scores.items(), start=-1):
        ax.barh(place + 0.26 * row, values, 0.24, label=name.capitalize())
    ax.set_yticks(place, wrap(scores.index))
    ax.set(xlim=(0, 1), ylim=(len(scores) - 0.5, -0.5))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="x")
    ax.figure.legend(loc="outside upper center", ncols=3)
    return ax.figure


def draw_speakers(summary):
    """Draws bars of the UAR of each speaker, the worst first."""
    scores = pd.Series(summary["speakers"]).sort_values()
    ax = Figure((FULL, 3)).subplots()
    ax.bar(range(len(scores)), scores)
    ax.axhline(1 / len(summary["classes"]), label="chance", **CHANCE)
    names = list(scores.index) if len(scores) <= MAX_NAMES else []
    ax.set_xticks(range(len(names)), names, rotation=90 if names else 0)
    ax.set(xlabel="Speaker", ylabel="UAR", ylim=(0, 1))
    ax.set_xlim(-0.6, len(scores) - 0.4)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y")
    return ax.figure


def draw_reliability(predictions):
    """Draws the share of correct clips against the confidence.

    Source: https://arxiv.org/abs/1706.04599
    """
    ax, below = Figure((HALF, 4.2)).subplots(
        2, sharex=True, height_ratios=[3, 1]
    )
    correct = predictions["truth"] == predictions["prediction"]
    # Rounding may lift a probability above 1.
    clips = pd.DataFrame(
        {"x": predictions["confidence"].clip(0, 1), "y": correct}
    )
    cut = pd.cut(clips["x"], np.linspace(0, 1, BINS + 1), include_lowest=True)
    bins = clips.groupby(cut, observed=True)
    means = bins.mean()
    ax.plot([0, 1], [0, 1], label="ideal", **CHANCE)
    ax.plot(means["x"], means["y"], "o-", label="this run")
    ax.set(xlim=(0, 1), ylim=(-0.03, 1.03), ylabel="Share correct")
    ax.grid()
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    middle = pd.IntervalIndex(means.index).mid
    bars = below.bar(middle, bins.size(), 0.085)
    below.bar_label(bars, fontsize=8)
    below.margins(y=0.3)
    below.set(xlabel="Confidence in the predicted class", ylabel="Clips")
    below.xaxis.set_major_formatter(PercentFormatter(1))
    ax.figure.legend(loc="outside upper center", ncols=2)
    return ax.figure


def draw_layers(weights):
    """Draws bars of the weights of the encoder's outputs."""
    ax = Figure((HALF, 4.2)).subplots()
    ax.bar(range(len(weights)), weights)
    ax.axhline(1 / len(weights), label="equal", **CHANCE)
    ax.set(xlabel="Layer (0 = convolutional front end)", ylabel="Weight")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(axis="y")
    ax.figure.legend(loc="outside upper center")
    return ax.figure
