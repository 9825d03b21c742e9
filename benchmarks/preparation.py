"""Preparation of a large corpus: reading headers alone, the first run, and a
second one that finds nothing changed.

    python benchmarks/preparation.py --clips 75000

The corpus is noise, 1 s at 16 kHz, in a directory for each emotion, in a
temporary folder that is removed.
"""

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from common import ROOT, machine, now
from tqdm import tqdm

EMOTIONS = ("angry", "happy", "neutral", "sad")
SPEAKERS = 100

MEASURE = """
import sys
from time import perf_counter
import psutil
from data_prep.corpus import Corpora
from data_prep.manifest import find_clips, prepare
folder, work, run = sys.argv[1:]
corpora = Corpora("folder", folder, "own", "", "", "", "(s[0-9]+)_")
process = psutil.Process()
before = process.memory_info().rss
start = perf_counter()
prepare(corpora, f"{work}/{run}", "kfold", 1, 5, False, 0.2, 0.1,
        f"{work}/index.sqlite")
seconds = perf_counter() - start
grown = process.memory_info().rss - before
table, _ = find_clips(corpora, 0.1, f"{work}/index.sqlite")
print(seconds, grown / 2**20, table.memory_usage(deep=True).sum() / 2**20)
"""


def make_corpus(folder, clips, seconds):
    """Writes clips of noise.

    Arguments
    ---------
    folder : pathlib.Path
        Where they go.
    clips : int
        How many.
    seconds : float
        Length of each.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(-8000, 8000, int(16000 * seconds), dtype=np.int16)
    for emotion in EMOTIONS:
        (folder / emotion).mkdir(parents=True)
    for number in tqdm(range(clips), "making the corpus", disable=None):
        emotion = EMOTIONS[number % len(EMOTIONS)]
        name = f"s{number % SPEAKERS}_{number}.wav"
        noise[:2] = number & 0x7FFF, number >> 15  # no two are the same
        soundfile.write(folder / emotion / name, noise, 16000)


def read_headers(folder):
    """Reads the header of each file, as little as any preparation must.

    Arguments
    ---------
    folder : pathlib.Path
        The corpus.

    Returns
    -------
    float
        Seconds.
    """
    start = now()[0]
    paths = sorted(folder.rglob("*.wav"))
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(soundfile.info, paths, chunksize=64):
            pass
    return now()[0] - start


def main():
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=75000)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "corpus"
        make_corpus(folder, arguments.clips, arguments.seconds)
        headers = read_headers(folder)
        print(f"{arguments.clips} clips, {machine('cpu')}")
        print(f"headers alone: {headers:.1f} s")
        for run in ("first run", "second run"):
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, folder, work, run],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            seconds, grown, table = map(float, done.stdout.split())
            print(
                f"{run}: {seconds:.1f} s ({seconds - headers:+.1f} s beyond "
                f"the headers), memory grows by {grown:.0f} MiB, the table "
                f"takes {table:.0f} MiB"
            )


if __name__ == "__main__":
    main()
