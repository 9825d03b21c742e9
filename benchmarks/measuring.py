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
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
# A script finds the modules of its own folder only.
sys.path.insert(0, str(ROOT))
# Messages about progress would bury the table.
logging.disable(logging.WARNING)
RNG = np.random.default_rng(0)


def run(main, about, **defaults):
    """Compares the passes that a benchmark's main makes of its command line, with
    --rounds and an option for each default (None: required), and a folder."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, formatter_class=raw)
    for name, value in {"rounds": 3, **defaults}.items():
        options = {"default": value, "type": type(value or "")}
        parser.add_argument(f"--{name}", required=value is None, **options)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        compare(*main(arguments, Path(folder)), arguments.rounds)
    names = "torch", "speechbrain", "transformers"
    print(
        f"\n{vars(arguments)}, {platform.platform()}, {os.cpu_count()} cores",
        f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS')}",
        *(f"{name} {version(name)}" for name in names),
        sep=", ",
    )


def compare(passes, baselines, rounds):
    """Runs whole passes in turn, since other load then slows all alike, and prints
    medians of their figures and of the rounds' ratios to a baseline. `passes` is a
    dict from names to functions from a round's number to a dict of figures,
    `baselines` one from figures to baselines and targets of the ratios."""
    figures = defaultdict(list)
    for number in range(rounds):
        for name, one_pass in passes.items():
            gc.collect()  # a Brain is a circle of references to gigabytes
            for key, figure in one_pass(number).items():
                figures[f"{name}, {key}"].append(figure)
    print("\nRatio: baseline / this; the larger, the better.\n")
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


def now(device="cpu"):
    """Returns the time in seconds, once the device has finished its work."""
    if device != "cpu":
        import torch  # late: it would add to the memory that is measured

        torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(function, *arguments, device="cpu", **options):
    """Calls a function, and returns how many seconds it takes, as a figure."""
    start = now(device)
    function(*arguments, **options)
    return {"s": now(device) - start}


def in_own_process(function, *arguments):
    """Returns a function's result from a process without memory of others."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_memory():
    """Returns the most memory in MiB that this process has held so far."""
    import resource  # not on Windows

    # On Linux at least what the parent process held at the start.
    unit = 2**20 if sys.platform == "darwin" else 2**10  # MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def write_noise(path, length, rate=16000):
    """Writes seconds of noise, one at a time: long files take no memory."""
    with soundfile.SoundFile(path, "w", rate, channels=1) as file:
        for size in [rate] * int(length) + [int(length % 1 * rate)]:
            file.write(RNG.integers(-3000, 3000, size, dtype=np.int16))


def make_clips(folder, number, most):
    """Writes clips of noise, of 1 s to `most`; returns a dict from paths to s."""
    clips = {folder / f"{n}.wav": RNG.uniform(1, most) for n in range(number)}
    for path, length in clips.items():
        write_noise(path, length)
    return clips
