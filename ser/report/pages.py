"""The report of a run and the summary of a cross-validation, each a single
HTML file that needs no network.
"""

from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from ser.files import write_text
from ser.report import figures
from ser.report.summary import percent, spread

SCORES = ["recall", "precision", "f1"]


def write_report(path, metrics, predictions, history, layer_weights, facts):
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
        `epoch`, `train_loss`, `valid_loss` and `valid_uar` of each epoch.
    layer_weights : list of float or None
        Weight of each encoder output, front end first; None leaves it out.
    facts : dict
        Shown as a table; "Notice" is shown in a box above everything.
    """
    classes = metrics["classes"]
    per_class = to_table(metrics["per_class"])
    predictions = predictions.assign(
        confidence=predictions[classes].max(axis=1)
    )
    correct = predictions["truth"] == predictions["prediction"]
    wrong = predictions[~correct]
    images = {
        "confusion": figures.draw_confusion(metrics["confusion"], classes),
        "per_class": figures.draw_per_class(per_class[SCORES]),
        "reliability": figures.draw_reliability(
            predictions["confidence"], correct
        ),
    }
    if history:
        epochs = pd.DataFrame(history).set_index("epoch")
        loss = epochs[["train_loss", "valid_loss"]]
        loss.columns = ["training", "validation"]
        uar = epochs[["valid_uar"]].set_axis(["validation"], axis=1)
        best = metrics["best_epoch"]
        images["loss"] = figures.draw_history(loss, best)
        images["uar"] = figures.draw_history(uar, best, 1 / len(classes))
    if layer_weights is not None:
        images["layers"] = figures.draw_layers(layer_weights)
    page = render(
        "report.html.jinja",
        metrics=metrics,
        facts=facts,
        figures=images,
        per_class=per_class,
        mistakes=wrong.nlargest(10, "confidence"),
        pairs=wrong.value_counts(["truth", "prediction"]),
        epochs=len(history),
        layer_weights=layer_weights,
        bins=figures.BINS,
    )
    write_text(page, path)


def write_summary(path, summary):
    """Writes the summary of a cross-validation.

    Arguments
    ---------
    path : str or pathlib.Path
        The HTML file.
    summary : dict
        As summary.json holds it.
    """
    classes = summary["classes"]
    per_class = to_table(summary["per_class"])
    images = {
        "confusion": figures.draw_confusion(summary["confusion"], classes),
        "per_class": figures.draw_per_class(per_class[SCORES]),
        "speakers": figures.draw_speakers(
            pd.Series(summary["speakers"]), chance=1 / len(classes)
        ),
    }
    page = render(
        "summary.html.jinja",
        summary=summary,
        facts=summary["facts"],
        figures=images,
        per_class=per_class,
        comparison=summary.get("comparison"),
    )
    write_text(page, path)


def to_table(per_class):
    """Makes a table, one row a class, whose missing scores are NaN."""
    return pd.DataFrame.from_dict(per_class, orient="index").astype(float)


def render(template, **values):
    """Fills in a template."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["percent"] = with_sign
    environment.filters["points"] = percent
    environment.filters["spread"] = spread
    return environment.get_template(template).render(values)


def with_sign(share):
    """Shows a share with a percent sign, a missing one as a dash."""
    return percent(share) + ("" if pd.isna(share) else "%")
