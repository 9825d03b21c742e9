"""What a cross-validation sums up: the predictions of its runs."""

import json
import os
import platform
from pathlib import Path

import pandas as pd
import torch
from data_prep.manifest import read_manifest
from ser.files import write_csv, write_text
from ser.report.comparison import compare
from ser.report.listeners import compare_listeners, describe_listeners
from ser.report.pages import write_summary
from ser.report.summary import (
    print_summary,
    read_metrics,
    read_predictions,
    summarise,
)


def write(root, hparams_file, overrides, hparams, runs, only, other):
    """Writes the predictions and the summary of all runs, and prints it.

    Arguments
    ---------
    root : pathlib.Path
        The folder, above those of the runs.
    hparams_file, overrides
        As for `ser.settings.load_settings`.
    hparams : dict
        The settings of the first run.
    runs : list of dict
        As `cross_validation.runs.list_runs` lists them.
    only : list of int
        Folds, if not all were run.
    other : (str, pandas.DataFrame) or None
        A summary.json and its predictions, to compare with.
    """
    (predictions, genders), classes = collect(runs), hparams["corpora"].classes
    facts = describe(hparams_file, overrides, hparams, runs, predictions)
    if only:
        facts["Protocol"] += f"; only fold {', '.join(map(str, only))}"
    summary = {"facts": facts, "protocol": facts["Protocol"]}
    summary |= summarise(predictions, classes, genders)
    summary |= compare_listeners(predictions, classes, hparams["read_labels"]())
    if other:
        found = compare(predictions, other[1], classes)
        summary["comparison"] = {"other": other[0]} | found
    write_csv(predictions, root / "predictions.csv")
    write_summary(root, summary)
    write_text(json.dumps(summary, indent=2), root / "summary.json")
    print_summary(summary, root / "summary.html")
    for sentence in describe_listeners(summary):
        print(sentence)


def collect(runs):
    """Reads the predictions of all runs, with a `fold` and a `seed`, and the
    gender of each clip, a dict from the IDs, empty if other manifests than the
    runs' own were given."""
    tables, genders = {}, {}
    for run in runs:
        folder = Path(run["output_folder"])
        tables[run["fold"], run["seed"]] = read_predictions(folder)
        manifest = folder / "manifests/test.csv"
        # All seeds test the clips of the first.
        if run["seed"] == 1 and manifest.is_file():
            tested = read_manifest(manifest)
            genders |= tested.set_index("ID")["gender"].to_dict()
    table = pd.concat(tables, names=["fold", "seed"]).reset_index([0, 1])
    return table, genders


def describe(hparams_file, overrides, hparams, runs, predictions):
    """Describes in words what was run, given the settings of the first run and
    the predictions of all."""
    found = [
        read_metrics(run["output_folder"]) for run in runs if run["seed"] == 1
    ]
    facts = hparams["report"].facts(
        sum(metrics["test_speakers_in_encoder_training"] for metrics in found),
        sum(metrics.get("test_clips_not_normalised", 0) for metrics in found),
    )
    tested = hparams["corpora"].test or hparams["corpora"].train
    whole = sum(sum(corpus.clips.values()) for corpus in tested)
    of_whole = f" of {whole}" if whole else ""
    # Paths, and what has a column of its own, are left out.
    chosen = "".join(
        f" --{key} {value}"
        for key, value in overrides.items()
        if key not in ("corpus", "protocol", "wav2vec2_hub")
        and not key.endswith(("_folder", "_store", "_index"))
    )
    machine = f"{os.cpu_count()} CPU cores, {platform.system()}"
    if torch.cuda.is_available():
        machine = f"{torch.cuda.get_device_name()}, {machine}"
    return facts | {
        "Clips": f"{predictions['ID'].nunique()}{of_whole} clips",
        "Settings": Path(hparams_file).as_posix() + chosen,
        "Machine": machine,
    }
