"""What the benchmarks share: the clips, the encoder, the clock, the table."""

import argparse
import logging
import os
import platform
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import speechbrain
import torch
import transformers
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

ROOT = Path(__file__).resolve().parents[1]
# A benchmark is run as a script, which finds only what lies beside it.
sys.path.insert(0, str(ROOT))

from data_prep.manifest import (  # noqa: E402
    find_corpus,
    prepare,
    read_manifest,
    write_csv,
)
from ser.settings import load_settings  # noqa: E402

SPLITS = ("train", "valid", "test")

# What the programs say of their progress would bury the table.
logging.disable(logging.WARNING)


def parse_arguments(description, clips, rounds):
    """Reads the command line.

    Arguments
    ---------
    description : str
        Of the benchmark.
    clips : int
        How many clips it takes, unless told otherwise.
    rounds : int
        How many times it measures, unless told otherwise.

    Returns
    -------
    argparse.Namespace
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data_folder", required=True)
    parser.add_argument("--corpus", default="emodb")
    parser.add_argument(
        "--encoder", help="a folder; wav2vec2-base-sized and random if none"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16")
    parser.add_argument("--clips", type=int, default=clips)
    parser.add_argument("--rounds", type=int, default=rounds)
    arguments = parser.parse_args()
    arguments.encoder = arguments.encoder or make_base_sized_encoder()
    return arguments


def make_base_sized_encoder():
    """Makes a model of the size of wav2vec2-base with random weights, in the
    cache folder, unless it is there: how fast it is does not depend on them.

    Returns
    -------
    str
        The folder.
    """
    folder = ROOT / "cache" / "base_sized_random_encoder"
    if not (folder / "preprocessor_config.json").is_file():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = Wav2Vec2Model(Wav2Vec2Config(randomly_initialised=True))
        model.save_pretrained(folder)
        Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return str(folder)


def write_manifests(arguments, folder):
    """Writes the manifests of fold 1, with fewer clips: as many of each
    emotion as there are, and for validation and test a sixth of those for
    training.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    folder : pathlib.Path
        Where they go.

    Returns
    -------
    pandas.DataFrame
        The training set.
    """
    prepare(
        find_corpus(arguments.corpus),
        arguments.data_folder,
        folder,
        fold=1,
        valid_ratio=0.2,
        min_duration=0.1,
    )
    for name in SPLITS:
        table = read_manifest(folder / f"{name}.csv")
        table = table.sample(frac=1, random_state=0)
        rank = table.groupby("emotion").cumcount().rename("rank")
        number = arguments.clips if name == "train" else arguments.clips // 6
        chosen = rank.sort_values(kind="stable").index[:number]
        # In the order of the files.
        table = table.loc[sorted(chosen)].reset_index(drop=True)
        write_csv(table, folder / f"{name}.csv")
    return read_manifest(folder / "train.csv")


def load(hparams_file, arguments, manifests, **overrides):
    """Loads the settings of the recipe, and with them the encoder.

    Arguments
    ---------
    hparams_file : str
        Such as hparams/train.yaml.
    arguments : argparse.Namespace
        Of the command line.
    manifests : pathlib.Path
        Where `write_manifests` wrote.
    **overrides : dict
        Settings that differ from the file's.

    Returns
    -------
    dict
        The settings; their output folder is there.
    """
    overrides |= {
        "corpus": arguments.corpus,
        "data_folder": arguments.data_folder,
        "manifest_folder": str(manifests),
        "wav2vec2_hub": arguments.encoder,
    }
    settings = load_settings(ROOT / hparams_file, overrides)
    Path(settings["save_folder"]).mkdir(parents=True, exist_ok=True)
    return settings


def now():
    """Returns the time when the device has done its work, and the time that
    the processor has spent on this process and those it ran, in seconds: what
    else the machine does changes the first far more than the second."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return np.array([time.perf_counter(), sum(os.times()[:4])])


def times_faster(slow, fast):
    """Compares within each round, since other load comes and goes, and takes
    the median of the rounds.

    Arguments
    ---------
    slow : list of numpy.ndarray
        Differences of `now` in each round.
    fast : list of numpy.ndarray
        The same in the same rounds.

    Returns
    -------
    numpy.ndarray
        Of time and of the processor's time.
    """
    return np.median(np.divide(slow, fast), axis=0)


def print_table(title, rows, device):
    """Prints a table and what it was measured on.

    Arguments
    ---------
    title : str
        What was measured.
    rows : list of tuple
        What was measured, how long it took in each round, the ratio or None,
        the ratio's target or None.
    device : str
        Where it was measured.
    """
    print(f"\n{title}\n")
    print("| what | s | of each round | CPU s | ratio | of CPU s | target |")
    print("|---|---|---|---|---|---|---|")
    for name, seconds, ratio, target in rows:
        wall, cpu = np.median(seconds, axis=0)
        cells = [name, f"{wall:.1f}"]
        cells.append(", ".join(f"{second:.1f}" for second, _ in seconds))
        cells.append(f"{cpu:.1f}")
        cells += ["", ""] if ratio is None else [f"{r:#.3g}" for r in ratio]
        cells.append("" if target is None else f"{target:g}")
        print(f"| {' | '.join(cells)} |")
    print(f"\n{machine(device)}")


def machine(device):
    """Says what the figures hold for.

    Arguments
    ---------
    device : str
        Where it was measured.

    Returns
    -------
    str
    """
    name = platform.processor() or platform.machine()
    if device != "cpu":
        name += f", {torch.cuda.get_device_name(device)}"
    return (
        f"{os.cpu_count()} cores ({name}), {torch.get_num_threads()} threads, "
        f"{device}, {platform.system()}; Python {platform.python_version()}, "
        f"torch {torch.__version__}, speechbrain {speechbrain.__version__}, "
        f"transformers {transformers.__version__}; {date.today()}"
    )
