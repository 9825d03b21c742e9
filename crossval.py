#!/usr/bin/env python3
"""Runs all folds and seeds of a recipe, side by side, and sums them up.

> python crossval.py hparams/train.yaml --corpus ravdess --data_folder /path/to/ravdess --seeds 5

Each clip is encoded once for all of them. If it is killed, the same command
resumes it; finished runs are not repeated.
"""

import argparse
import dataclasses
import json
import logging
import multiprocessing
import os
import platform
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pandas as pd
import torch
import train
from data_prep.manifest import read_manifest
from ser.errors import RecipeError, user_errors
from ser.files import write_csv, write_text
from ser.lock import locked
from ser.report.comparison import compare
from ser.report.listeners import compare_listeners, describe_listeners
from ser.report.pages import write_summary
from ser.report.summary import (
    print_summary,
    read_metrics,
    read_predictions,
    summarise,
)
from ser.settings import parse_arguments, start_run
from ser.speakers import check_normalise
from tqdm import tqdm

import speechbrain as sb


def parse_command_line(argv):
    """Splits the command line into the options of a cross-validation and
    what `ser.settings.parse_arguments` returns for the rest."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="All other options are those of train.py.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("hparams_file", help="any recipe's YAML file")
    add("--seeds", type=int, default=3, help="how many, from 1")
    add("--folds", type=int, nargs="+", default=[], help="only these")
    add("--jobs", type=int, default=0, help="runs at a time, 0: all that fit")
    add("--compare", help="another summary.json, tested against this one")
    args, rest = parser.parse_known_args(argv)
    recipe = parse_arguments([args.hparams_file, *rest])
    for key in sorted({"fold", "seed"} & recipe[-1].keys()):
        raise RecipeError(
            f"--{key} was given, and crossval.py runs all folds and --seeds N "
            "seeds: leave it out, or use train.py."
        )
    if args.seeds < 1 or args.jobs < 0:
        raise RecipeError(
            f"seeds is {args.seeds} and jobs {args.jobs}: expected 1 or more, "
            "and 0 or more."
        )
    return args, recipe


def start_first(hparams_file, overrides, only):
    """Starts the first run and prepares its data, which tells how many folds
    there are; returns its settings."""
    first = overrides | {"fold": only[0] if only else 1, "seed": 1}
    if "output_folder" in first:
        first["output_folder"] = name_folder(**first)
    hparams = start_run(hparams_file, first)
    sb.create_experiment_directory(hparams["output_folder"])
    hparams["prepare"]()
    return hparams


def name_folder(output_folder, fold, seed, **_):
    """Names the folder of a run, as the YAML does."""
    return (Path(output_folder) / f"fold{fold}" / str(seed)).as_posix()


def list_runs(root, overrides, num_folds, seeds, only):
    """Lists the overriding values of all runs: the folds of the first seed,
    or only some of them, then those of the next."""
    folds = only or range(1, num_folds + 1)
    if not set(folds) <= set(range(1, num_folds + 1)):
        raise RecipeError(
            f"--folds {' '.join(map(str, only))} was given, and there are "
            f"folds 1 to {num_folds}."
        )
    return [
        overrides
        | {"fold": fold, "seed": seed}
        | {"output_folder": name_folder(root, fold, seed)}
        for seed in range(1, seeds + 1)
        for fold in folds
    ]


def encode_once(hparams_file, run_opts, hparams, other_folds):
    """Encodes the clips before there are many processes, if the runs read
    stored embeddings. A fold holds all clips, unless sentences are left out."""
    check_normalise(hparams)
    if not (hparams["freeze_wav2vec2"] and hparams["encode_once"]):
        return
    learned = hparams["pooling"] == "attention"  # nothing is stored
    left_out = hparams["text_independent"] and not learned
    others = other_folds if left_out else []
    for overrides in (None, *others):
        if overrides:
            logging.disable(logging.WARNING)  # as logged for the first fold
            hparams = start_run(hparams_file, overrides)
            hparams["prepare"]()
            logging.disable(logging.NOTSET)
        hparams["wav2vec2"].to(run_opts["device"])
        hparams["store_embeddings"](train.dataio_prep(hparams))
        hparams["wav2vec2"].to("cpu")  # the runs need the GPU's memory


def run_all(hparams_file, run_opts, runs, jobs):
    """Makes the runs that have not ended yet, side by side: as many as there
    are GPUs or cores, or `jobs` of them."""
    todo = [run for run in runs if read_metrics(run["output_folder"]) is None]
    bar = tqdm(
        desc=f"{len(runs)} runs",
        total=len(runs),
        initial=len(runs) - len(todo),
        unit="run",
    )
    cuda = str(run_opts["device"]).startswith("cuda")
    gpus = torch.cuda.device_count() if cuda else 0
    jobs = max(1, min(jobs or gpus or os.cpu_count(), len(todo)))
    # A fresh interpreter each, as on Windows: a forked one breaks CUDA.
    context = multiprocessing.get_context("spawn")
    devices = context.Queue()
    for job in range(jobs):
        devices.put(f"cuda:{job % gpus}" if gpus else run_opts["device"])
    threads = max(1, os.cpu_count() // jobs)
    pool = ProcessPoolExecutor(jobs, context, start_worker, (devices, threads))
    # Workers start with it, so that Ctrl-C reaches this process alone.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with bar, pool:
        futures = [
            pool.submit(run_one, hparams_file, run_opts, run) for run in todo
        ]
        signal.signal(signal.SIGINT, before)
        try:
            for future in as_completed(futures):
                future.result()
                bar.update()
        except BaseException:
            # Runs resume with the next start, so none is waited for.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def start_worker(devices, threads):
    """Gives a process a device of the queue and its share of the cores, and
    silences it: runs have logs."""
    global device
    device = devices.get()
    threading.Thread(target=exit_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")


def exit_with_parent():
    """Ends this process when the one that started it is killed: its run
    resumes with the next start."""
    multiprocessing.parent_process().join()
    os._exit(1)


def run_one(hparams_file, run_opts, overrides):
    """Makes one run in a process of the pool."""
    try:
        hparams = start_run(hparams_file, overrides)
        folder = hparams["output_folder"]
        hparams["report"].with_page = False
        with locked(folder):
            sb.create_experiment_directory(folder, save_env_desc=False)
            train.run(hparams, dataclasses.replace(run_opts, device=device))
    except RecipeError as error:
        raise RecipeError(
            f"fold {overrides['fold']}, seed {overrides['seed']}: {error}"
        ) from error


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


def main():
    """Cross-validates."""
    args, (hparams_file, run_opts, overrides) = parse_command_line(sys.argv[1:])
    others = read_predictions(args.compare) if args.compare else None
    hparams = start_first(hparams_file, overrides, args.folds)
    root = Path(hparams["output_folder"]).parents[1]
    with locked(root):
        num_folds = hparams["report"].split["num_folds"]
        runs = list_runs(root, overrides, num_folds, args.seeds, args.folds)
        encode_once(
            hparams_file, run_opts, hparams, runs[1 : len(runs) // args.seeds]
        )
        run_all(hparams_file, run_opts, runs, args.jobs)

    (predictions, genders), classes = collect(runs), hparams["corpora"].classes
    facts = describe(hparams_file, overrides, hparams, runs, predictions)
    if args.folds:
        facts["Protocol"] += f"; only fold {', '.join(map(str, args.folds))}"
    summary = {"facts": facts, "protocol": facts["Protocol"]}
    summary |= summarise(predictions, classes, genders)
    summary |= compare_listeners(predictions, classes, hparams["read_labels"]())
    if others is not None:
        found = compare(predictions, others, classes)
        summary["comparison"] = {"other": args.compare} | found
    write_csv(predictions, root / "predictions.csv")
    write_summary(root, summary)
    write_text(json.dumps(summary, indent=2), root / "summary.json")
    print_summary(summary, root / "summary.html")
    for sentence in describe_listeners(summary):
        print(sentence)


if __name__ == "__main__":
    with user_errors():
        main()
