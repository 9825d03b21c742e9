#!/usr/bin/env python3
"""Runs all folds and seeds of a recipe, side by side, and sums them up.

> python crossval.py hparams/train.yaml --corpus ravdess --data_folder /path/to/ravdess --seeds 5

Each clip is encoded once for all of them. Killed, it goes on when the same
command is given again; finished runs are not repeated.
"""

import argparse
import dataclasses
import json
import logging
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

import train
from data_prep.manifest import read_split, write_csv, write_text
from ser.errors import RecipeError, one_sentence_errors
from ser.report import write_summary
from ser.settings import load_settings, parse_arguments
from ser.summary import (
    compare,
    describe_machine,
    percent,
    read_predictions,
    show,
    summarise,
    to_markdown,
)


def list_runs(hparams_file, run_opts, overrides, seeds, only):
    """Prepares all folds and lists the runs that are to be made.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain, such as the device.
    overrides : dict
        From keys of the file to what is to stand there.
    seeds : int
        How many, from 1.
    only : list of int
        Some of the folds, or none for all.

    Returns
    -------
    runs : list of dict
        The overrides of each run.
    root : pathlib.Path
        The folder that holds them all.
    """
    first = {"fold": only[0] if only else 1, "seed": 1}
    if "output_folder" in overrides:
        first["output_folder"] = folder_of(overrides["output_folder"], **first)
    hparams = train.prepare_run(hparams_file, overrides | first, with_env=True)
    root = Path(hparams["output_folder"]).parents[1]
    number = read_split(hparams["manifest_folder"])["num_folds"]
    folds = only or range(1, number + 1)
    if not set(folds) <= set(range(1, number + 1)):
        raise RecipeError(
            f"--folds {' '.join(map(str, only))} was given, and there are "
            f"folds 1 to {number}."
        )
    runs = [
        overrides
        | {"fold": fold, "seed": seed}
        | {"output_folder": folder_of(root, fold, seed)}
        for seed in range(1, seeds + 1)
        for fold in folds
    ]
    if (
        hparams["freeze_wav2vec2"]
        and hparams.get("encode_once")
        and hparams["pooling"] != "attention"  # learned: nothing to keep
    ):
        encode(hparams, run_opts)
        # A fold holds all clips, but where sentences are left out of it.
        others = runs[1 : len(folds)] if hparams["text_independent"] else []
        for other in others:
            logging.disable(logging.WARNING)  # said once, of the first fold
            hparams = train.prepare_run(hparams_file, other)
            logging.disable(logging.NOTSET)
            encode(hparams, run_opts)
    return runs, root


def folder_of(root, fold, seed):
    """Names the folder of a run, as the settings do."""
    return (Path(root) / f"fold{fold}" / str(seed)).as_posix()


def encode(hparams, run_opts):
    """Encodes what a fold needs, before there are many processes.

    Arguments
    ---------
    hparams : dict
        The settings, the data prepared.
    run_opts : speechbrain.utils.run_opts.RunOptions
        With the device.
    """
    datasets, _, _ = train.dataio_prep(hparams)
    hparams["wav2vec2"].to(run_opts["device"])
    train.keep_embeddings(hparams, datasets)


def start_worker(devices, threads):
    """Gives a process its device, and silences it: runs have logs.

    Arguments
    ---------
    devices : multiprocessing.Queue
        Of which each process takes one.
    threads : int
        Cores of each.
    """
    global device
    device = devices.get()
    threading.Thread(target=leave_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")


def leave_with_parent():
    """Ends this process when the one that started it is killed: its run goes
    on with the next start."""
    multiprocessing.parent_process().join()
    os._exit(1)


def run_one(hparams_file, run_opts, overrides):
    """Makes one run in a process of the pool.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain.
    overrides : dict
        Of this run.
    """
    run_opts = dataclasses.replace(run_opts, device=device)
    train.run(hparams_file, run_opts, overrides, with_report=False)


def run_all(hparams_file, run_opts, runs, jobs):
    """Makes the runs that are not there yet, side by side.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain.
    runs : list of dict
        The overrides of each run.
    jobs : int
        How many at a time; 0 for as many as there are GPUs or cores.
    """
    todo = [
        run
        for run in runs
        if not (Path(run["output_folder"]) / "metrics.json").is_file()
    ]
    bar = tqdm(
        desc=f"{len(runs)} runs",
        total=len(runs),
        initial=len(runs) - len(todo),
        unit="run",
    )
    if not todo:
        bar.close()
        return
    cuda = str(run_opts["device"]).startswith("cuda")
    gpus = torch.cuda.device_count() if cuda else 0
    jobs = min(jobs or gpus or os.cpu_count(), len(todo))
    # A fresh interpreter each, as on Windows: a forked one breaks CUDA.
    context = multiprocessing.get_context("spawn")
    devices = context.Queue()
    for job in range(jobs):
        devices.put(f"cuda:{job % gpus}" if gpus else run_opts["device"])
    threads = max(1, os.cpu_count() // jobs)
    with (
        bar,
        ProcessPoolExecutor(
            jobs, context, start_worker, (devices, threads)
        ) as pool,
    ):
        futures = {
            pool.submit(run_one, hparams_file, run_opts, run): run
            for run in todo
        }
        try:
            for future in as_completed(futures):
                run = futures[future]
                future.result()
                bar.update()
        except BaseException as error:
            # Runs go on with the next start, so none is waited for.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            if isinstance(error, RecipeError):
                raise RecipeError(
                    f"fold {run['fold']}, seed {run['seed']}: {error}"
                ) from error
            raise


def collect(runs):
    """Reads the predictions of all runs.

    Arguments
    ---------
    runs : list of dict
        The overrides of each run.

    Returns
    -------
    pandas.DataFrame
        `fold` and `seed`, then the columns of each run's predictions.csv.
    """
    tables = []
    for run in runs:
        table = read_predictions(run["output_folder"])
        table.insert(0, "fold", run["fold"])
        table.insert(1, "seed", run["seed"])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def describe(hparams_file, runs, number):
    """Says what was run, for the summary.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    runs : list of dict
        The overrides of each run.
    number : int
        Of clips that were tested.

    Returns
    -------
    facts : dict
        From what a fact is to the fact.
    classes : tuple of str
        In the order of the classifier's outputs.
    """
    hparams = load_settings(hparams_file, runs[0])
    facts = train.describe_run(hparams)
    heard = sum(
        json.loads(
            (Path(run["output_folder"]) / "metrics.json").read_text("utf-8")
        )["heard_test_speakers"]
        for run in runs
        if run["seed"] == 1
    )
    if heard:
        facts["Notice"] = train.say_heard(heard, facts.get("Notice", ""))
    tested = hparams["corpora"].test or hparams["corpora"].train
    whole = sum(sum(corpus.clips.values()) for corpus in tested)
    facts["Clips"] = (
        f"{number} of {whole} clips" if whole else f"{number} clips"
    )
    facts["Settings"] = Path(hparams_file).as_posix()
    # Where things lie, and what has a column of its own, is left out.
    own = ("fold", "seed", "corpus", "protocol", "wav2vec2_hub")
    chosen = {
        k: v
        for k, v in runs[0].items()
        if k not in own and not k.endswith(("_folder", "_store", "_index"))
    }
    if chosen:
        facts["Settings"] += "".join(f" --{k} {v}" for k, v in chosen.items())
    facts["Machine"] = describe_machine()
    return facts, hparams["corpora"].classes


def main():
    """Cross-validates."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="All other options are those of train.py.",
        allow_abbrev=False,
    )
    parser.add_argument("hparams_file", help="any recipe's YAML file")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1")
    parser.add_argument(
        "--folds", type=int, nargs="+", default=[], help="only these"
    )
    parser.add_argument(
        "--jobs", type=int, default=0, help="runs at a time, 0: all that fit"
    )
    parser.add_argument(
        "--compare", help="another summary.json, tested against this one"
    )
    args, rest = parser.parse_known_args()
    hparams_file, run_opts, overrides = parse_arguments(
        [args.hparams_file, *rest]
    )
    for key in ("fold", "seed"):
        if key in overrides:
            raise RecipeError(
                f"--{key} was given, and crossval.py runs all folds and "
                "--seeds N seeds: leave it out, or use train.py."
            )
    if args.seeds < 1 or args.jobs < 0:
        raise RecipeError(
            f"seeds is {args.seeds} and jobs {args.jobs}: expected 1 or more, "
            "and 0 or more."
        )
    others = read_predictions(args.compare) if args.compare else None
    runs, root = list_runs(
        hparams_file, run_opts, overrides, args.seeds, args.folds
    )
    run_all(hparams_file, run_opts, runs, args.jobs)

    predictions = collect(runs)
    facts, classes = describe(hparams_file, runs, predictions["ID"].nunique())
    if args.folds:
        facts["Protocol"] += f"; only fold {', '.join(map(str, args.folds))}"
    summary = {"facts": facts, "protocol": facts["Protocol"]}
    summary |= summarise(predictions, classes)
    if others is not None:
        summary["comparison"] = {"other": str(args.compare)} | compare(
            predictions, others, classes
        )
    write_csv(predictions, root / "predictions.csv")
    write_text(to_markdown(summary), root / "summary.md")
    write_summary(root / "summary.html", summary)
    write_text(json.dumps(summary, indent=2), root / "summary.json")
    say(summary, root)


def say(summary, root):
    """Prints what a cross-validation came to.

    Arguments
    ---------
    summary : dict
        As it is written.
    root : pathlib.Path
        Where.
    """
    low, high = summary["uar"]["pooled_ci95"]
    worst = summary["worst_speaker"]
    print(
        f"\nUAR {show(summary['uar'], 'pooled')} % pooled (95 % interval "
        f"{percent(low)} to {percent(high)}, resampling "
        f"{summary['ci_resamples']}), "
        f"{show(summary['uar'], 'mean_of_folds')} % as the mean of the folds; "
        f"worst speaker {worst['spk_id']}, {percent(worst['uar'])} %"
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
    print(f"Summary: {root / 'summary.html'}")


if __name__ == "__main__":
    with one_sentence_errors():
        main()
