"""What the benchmarks share: clips, encoder, clock, taking turns, table."""

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

from data_prep.corpus import Corpora  # noqa: E402
from data_prep.manifest import (  # noqa: E402
    prepare,
    read_manifest,
    write_csv,
)
from data_prep.protocol import SPLITS  # noqa: E402
from ser.audio import SAMPLE_RATE  # noqa: E402
from ser.settings import load_settings  # noqa: E402

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
        Corpora(
            arguments.corpus,
            arguments.data_folder,
            label_set="own",
            test_corpus="",
            test_data_folder="",
            columns="",
            speaker_pattern="",
        ),
        folder,
        protocol="default",
        fold=1,
        num_folds=5,
        text_independent=False,
        valid_ratio=0.2,
        min_duration=0.1,
        audio_index=ROOT / "cache" / "audio_index.sqlite",
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


class Turns:
    """Has others take their turns while an encoder is at work.

    Before each batch of the encoder, each of the others goes on until it has
    done as great a share of the clips. So a load that comes and goes, from
    which no machine is free, is borne by all. Each one's time is kept apart.

    Arguments
    ---------
    encoder : ser.encoder.Encoder
        Whose batches divide the time.
    seconds_of_audio : float
        That the encoder will be given.
    others : dict
        From a name to a generator that does a batch and yields its share of
        the clips.
    """

    def __init__(self, encoder, seconds_of_audio, others):
        encoder.register_forward_pre_hook(self.before_batch)
        self.samples = seconds_of_audio * SAMPLE_RATE
        self.others = others
        self.shares = dict.fromkeys(others, 0.0)
        self.times = {name: np.zeros(2) for name in others}
        self.done = 0

    def before_batch(self, encoder, inputs):
        """Lets the others go on.

        Arguments
        ---------
        encoder : ser.encoder.Encoder
            Not used.
        inputs : tuple
            Waveforms and relative lengths.
        """
        wavs, lens = inputs
        self.catch_up(self.done / self.samples)
        self.done += float(lens.sum()) * wavs.shape[1]

    def catch_up(self, share):
        """Lets the others go on until they have done a share.

        Arguments
        ---------
        share : float
            From 0 to 1.
        """
        for name, other in self.others.items():
            start = now()
            while self.shares[name] < share:
                self.shares[name] += next(other)
            self.times[name] = self.times[name] + now() - start

    def finish(self):
        """Lets the others finish.

        Returns
        -------
        dict
            From a name to its time, as differences of `now`.
        """
        for name, other in self.others.items():
            start = now()
            list(other)
            self.times[name] = self.times[name] + now() - start
        return self.times

    def total(self):
        """Returns the time that the others have taken so far."""
        return sum(self.times.values())


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
