"""Timing of whole passes that take turns, and the table of the results."""

import argparse
import gc
import logging
import os
import platform
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
# A script finds the modules of its own folder only.
sys.path.insert(0, str(ROOT))
# Messages about progress would bury the table.
logging.disable(logging.WARNING)


def run(main, description, **defaults):
    """Calls a benchmark's main with its parsed command line, which has --rounds
    and an option for each default (None: it is required), and a folder."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, value in {"rounds": 3, **defaults}.items():
        options = {"default": value, "type": type(value or "")}
        parser.add_argument(f"--{name}", required=value is None, **options)
    with TemporaryDirectory() as folder:
        main(parser.parse_args(), Path(folder))


def now(device="cpu"):
    """Returns the time in seconds, once the device has finished its work."""
    if device != "cpu":
        import torch  # late: preparation.py does without

        torch.cuda.synchronize(device)
    return time.perf_counter()


def in_own_process(function, *arguments):
    """Returns a function's result from a new process, which holds no memory of
    other passes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory(device="cpu"):
    """Returns the most memory that this process, or its GPU, has held so far,
    in MiB; on Linux at least what its parent process held at the start."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * unit / 2**20


def compare(title, passes, baselines, rounds, device="cpu"):
    """Runs whole passes in turn, round after round, so that other load slows
    them all alike, and prints their figures: medians, and the median of the
    rounds' ratios to a baseline. A pass is given the number of the round and
    returns a dict of figures; `baselines` is a dict from a figure's name to its
    baseline's and the target of the ratio."""
    figures = defaultdict(list)
    for number in range(rounds):
        for one_pass in passes:
            gc.collect()  # a Brain is a circle of references to gigabytes
            for name, figure in one_pass(number).items():
                figures[name].append(figure)
    print(f"\n{title} Ratio: baseline / this; the larger, the better.\n")
    print("| what | median | each round | baseline | ratio | target |")
    print("|---|---|---|---|---|---|")
    for name, values in figures.items():
        baseline, target, ratio = *baselines.get(name, ("", "")), ""
        if baseline:
            pairs = zip(figures[baseline], values)
            ratio = median(a / b if b else float("inf") for a, b in pairs)
            ratio = f"{ratio:#.3g}"
        each = ", ".join(f"{value:#.4g}" for value in values)
        cells = name, f"{median(values):#.4g}", each, baseline, ratio, target
        print(f"| {' | '.join(map(str, cells))} |")
    machine = platform.processor() or platform.machine()
    if device != "cpu":
        import torch

        machine = torch.cuda.get_device_name(device)
    packages = ("torch", "speechbrain", "transformers")
    print(
        f"\n{date.today()}; {device} ({machine}), {os.cpu_count()} cores",
        f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'not set')}",
        f"{platform.system()}, Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
        sep=", ",
    )
