"""How the peak memory of encoding grows with the corpus.

Clips of noise, 1 to 2 s each, are encoded by the built-in encoder in the
batches of hparams/train.yaml, until there are ten times as many. Each round
has a process of its own. With a GPU, its memory is measured instead.

To run it (some minutes a round on two cores; on Linux or macOS):
> python benchmarks/memory.py [--clips 500] [--device cuda]
"""

import hashlib

import numpy as np
import soundfile
from measuring import (
    ROOT,
    in_own_process,
    make_parser,
    peak_memory,
    print_table,
    run,
    take_turns,
)


def make_clips(folder, number):
    """Writes noise; returns a dict from the sha256 of each file to its path
    and its length in seconds."""
    rng = np.random.default_rng(0)
    clips = {}
    for index in range(number):
        noise = rng.uniform(-0.1, 0.1, rng.integers(16000, 32000))
        path = folder / f"{index:06}.wav"
        soundfile.write(path, noise, 16000)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        clips[sha256] = str(path), len(noise) / 16000
    return clips


def encode(clips, work, number, device):
    """Encodes a tenth of the clips and then the others, into a new store;
    returns the peaks of memory in MiB."""
    # Late, so that the process that starts this one stays small.
    from ser.embeddings import EmbeddingStore
    from ser.settings import load_settings

    output_folder = str(work / "run")
    settings = ROOT / "hparams/train.yaml"
    hparams = load_settings(settings, {"output_folder": output_folder})
    encoder = hparams["wav2vec2"].to(device)
    path = work / f"{number}.sqlite"
    store = EmbeddingStore(path, encoder, hparams["pool"])
    peaks = {}
    for size in (len(clips) // 10, len(clips)):
        part = dict(list(clips.items())[:size])
        store.fill(part, hparams["encode_batch_length"])
        peaks[f"{size} clips, MiB"] = peak_memory(device)
    return peaks


def main(arguments, work):
    """Measures and prints."""
    clips, device = make_clips(work, 10 * arguments.clips), arguments.device
    figures = take_turns(
        [lambda number: in_own_process(encode, clips, work, number, device)],
        arguments.rounds,
    )
    few, many = figures
    rows = [(few, None, None), (many, few, 0.95)]  # 5 % more
    print_table("Peak memory of encoding.", figures, rows, device)


if __name__ == "__main__":
    parser = make_parser(__doc__, clips=500)
    parser.add_argument("--device", default="cpu", help="cpu, cuda")
    run(main, parser)
