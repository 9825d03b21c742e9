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
# Python looks for modules beside the script only, which is in benchmarks/.
sys.path.insert(0, str(ROOT))
# Messages about progress would bury the table.
logging.disable(logging.WARNING)


def make_parser(description, clips):
    """Makes the parser of a command line with --clips, whose default is given,
    and --rounds."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clips", type=int, default=clips)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def run(main, parser):
    """Calls a benchmark's main with its parsed command line and a temporary
    folder."""
    with TemporaryDirectory() as folder:
        main(parser.parse_args(), Path(folder))


def now(device="cpu"):
    """Returns the time in seconds, once the device ("cpu", "cuda") has
    finished what it was given."""
    if device != "cpu":
        import torch  # late: preparation.py does without

        torch.cuda.synchronize(device)
    return time.perf_counter()


def take_turns(passes, rounds):
    """Runs whole passes one after the other, round after round, so that other
    load on the machine slows them all alike. A pass is given the number of the
    round and returns a dict of figures; returns a dict of lists of them."""
    figures = defaultdict(list)
    for number in range(rounds):
        for one_pass in passes:
            gc.collect()  # a Brain is a circle of references to gigabytes
            for name, figure in one_pass(number).items():
                figures[name].append(figure)
    return figures


def in_own_process(function, *arguments):
    """Returns the result of a module's function, which is run in a new process
    so that its memory holds nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory(device="cpu"):
    """Returns the most memory that this process, or its GPU, has held so far,
    in MiB; on Linux at least what the process that started it held."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * unit / 2**20


def print_table(title, figures, rows, device="cpu"):
    """Prints medians, the ratio of each to its baseline, which is the median
    of the rounds' ratios, and what machine and versions they hold for.

    Arguments
    ---------
    title : str
        What was measured.
    figures : dict
        As `take_turns` returns them.
    rows : list of tuple
        Name of a figure, and of its baseline and the target of the ratio, or
        None.
    device : str
        "cpu" or "cuda".
    """
    print(f"\n{title} Ratio: baseline / this; the larger, the better.\n")
    print("| what | median | each round | baseline | ratio | target |")
    print("|---|---|---|---|---|---|")
    for name, baseline, target in rows:
        values, ratio = figures[name], ""
        if baseline:
            pairs = zip(figures[baseline], values)
            ratios = [a / b if b else float("inf") for a, b in pairs]
            ratio = f"{median(ratios):#.3g}"
        rounds = ", ".join(f"{value:#.4g}" for value in values)
        cells = (f"{median(values):#.4g}", rounds, baseline, ratio, target)
        print(f"| {name} | {' | '.join(str(cell or '') for cell in cells)} |")
    machine = platform.processor() or platform.machine()
    if device != "cpu":
        import torch

        machine = torch.cuda.get_device_name(device)
    packages = ("torch", "speechbrain", "transformers")
    print(
        f"\n{date.today()}; {device} ({machine}), {os.cpu_count()} cores, "
        f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'not set')}, "
        f"{platform.system()}, Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
        sep=", ",
    )
