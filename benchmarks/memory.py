"""How the peak memory of the pass of encoding grows with the corpus.

Sets of 500 and of 5000 clips of noise, 1 to 2 s each, are encoded by the
built-in small encoder, each set in a process of its own with the batches of
hparams/train.yaml.

To run it (some minutes on two cores):
> python benchmarks/memory.py [--device cuda]
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import soundfile
import torch
from common import ROOT, machine, now

from ser.encoder import make_random_encoder
from ser.settings import load_settings
from ser.store import EmbeddingStore

SIZES = (500, 5000)  # clips
SAMPLE_RATE = 16000  # Hz


def make_clips(folder, number):
    """Writes noise.

    Arguments
    ---------
    folder : pathlib.Path
        Where to.
    number : int
        How many clips.
    """
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(number):
        samples = rng.integers(SAMPLE_RATE, 2 * SAMPLE_RATE)
        noise = rng.uniform(-0.1, 0.1, samples)
        soundfile.write(folder / f"{index:04}.wav", noise, SAMPLE_RATE)


def encode(work, number, device):
    """Encodes the first clips of a folder, and prints the seconds that took
    and the peak of memory in MiB, of the process and of its GPU.

    Arguments
    ---------
    work : pathlib.Path
        Where clips and encoder are.
    number : int
        How many clips.
    device : str
        Where to encode.
    """
    settings = load_settings(
        ROOT / "hparams/train.yaml",
        {"cache_folder": str(work), "output_folder": str(work / "run")},
    )
    encoder, pool = settings["wav2vec2"].to(device), settings["pool"]
    files = sorted((work / "clips").iterdir())[:number]
    clips = {
        hashlib.sha256(file.read_bytes()).hexdigest(): (
            str(file),
            soundfile.info(file).duration,
        )
        for file in files
    }
    start = now()
    store = EmbeddingStore(work / f"{number}.sqlite", encoder, pool)
    store.fill(clips, encoder, pool, settings["encode_batch_length"])
    seconds, _ = now() - start
    gpu = torch.cuda.max_memory_allocated() if device != "cpu" else 0
    print(seconds, peak() / 2**20, gpu / 2**20)


def peak():
    """Returns the most memory that this process ever held, in bytes."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(arguments, work):
    """Measures and prints.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    work : pathlib.Path
        A folder for clips, encoder and stores.
    """
    make_random_encoder(work / "random_encoder", seed=0)
    make_clips(work / "clips", max(SIZES))
    print("\n| clips | encoding, s | peak memory, MiB | of the GPU, MiB |")
    print("|---|---|---|---|")
    peaks = []
    for number in SIZES:
        command = [sys.executable, __file__, "--device", arguments.device]
        command += ["--encode", str(work), str(number)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        seconds, process, gpu = map(float, done.stdout.split())
        peaks.append(process)
        print(f"| {number} | {seconds:.1f} | {process:.0f} | {gpu:.0f} |")
    growth = 100 * (peaks[-1] / peaks[0] - 1)
    print(f"\nFrom {SIZES[0]} to {SIZES[-1]} clips: {growth:+.1f} %")
    print(f"(target: within 5 %)\n\n{machine(arguments.device)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--encode", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.encode:
        folder, number = arguments.encode
        encode(Path(folder), int(number), arguments.device)
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(arguments, Path(folder))
