#!/usr/bin/env python3
"""Runs all folds and seeds of a recipe, side by side, and sums them up.

> python crossval.py hparams/train.yaml --corpus ravdess --data_folder /path/to/ravdess --seeds 5

Each clip is encoded once for all of them. If it is killed, the same command
resumes it; finished runs are not repeated.
"""

import argparse
import sys
from pathlib import Path

from ser.errors import RecipeError, user_errors


def parse_command_line(argv):
    """Splits the command line into the options of a cross-validation and the
    words of train.py's."""
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
    add("--address", default="", help="of a Ray cluster, or local")
    add("--compare", help="another summary.json, tested against this one")
    args, rest = parser.parse_known_args(argv)
    from ser.arguments import check_options  # it needs packages

    words = [args.hparams_file, *rest]
    for key in sorted({"fold", "seed"} & check_options(words).keys()):
        raise RecipeError(
            f"--{key} was given, and crossval.py runs all folds and --seeds N "
            "seeds: leave it out, or use train.py."
        )
    if args.seeds < 1 or args.jobs < 0:
        raise RecipeError(
            f"seeds is {args.seeds} and jobs {args.jobs}: expected 1 or more, "
            "and 0 or more."
        )
    return args, words


def main():
    """Cross-validates."""
    args, words = parse_command_line(sys.argv[1:])
    # Here, since they take seconds to import.
    from cross_validation.engines import run_all
    from cross_validation.runs import (
        encode_once,
        is_finished,
        list_runs,
        prepare_first,
        start_first,
    )
    from cross_validation.summary import write
    from ser.lock import locked
    from ser.report.summary import read_predictions
    from ser.settings import parse_arguments

    hparams_file, run_opts, overrides = parse_arguments(words)
    other = args.compare and (args.compare, read_predictions(args.compare))
    hparams = start_first(hparams_file, overrides, args.folds)
    root = Path(hparams["output_folder"]).parents[1]
    with locked(root):
        folds = prepare_first(hparams)
        runs = list_runs(root, overrides, folds, args.seeds, args.folds)
        others = runs[1 : len(runs) // args.seeds]
        encode_once(hparams_file, run_opts, hparams, others)
        todo = [run for run in runs if not is_finished(run)]
        run_all(hparams_file, run_opts, runs, todo, args.jobs, args.address)
        write(root, hparams_file, overrides, hparams, runs, args.folds, other)


if __name__ == "__main__":
    with user_errors():
        main()
