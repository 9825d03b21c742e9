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
from measuring import ROOT, compare, in_own_process, peak_memory, run


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

    overrides = {"output_folder": str(work / "run")}
    hparams = load_settings(ROOT / "hparams/train.yaml", overrides)
    encoder = hparams["wav2vec2"].to(device)
    store = EmbeddingStore(work / f"{number}.sqlite", encoder, hparams["pool"])
    peaks = {}
    for size in (len(clips) // 10, len(clips)):
        part = dict(list(clips.items())[:size])
        store.fill(part, hparams["encode_batch_length"])
        peaks[f"{size} clips, MiB"] = peak_memory(device)
    return peaks


def main(arguments, work):
    """Measures and prints."""
    size, device = arguments.clips, arguments.device
    clips = make_clips(work, 10 * size)
    few, many = f"{size} clips, MiB", f"{10 * size} clips, MiB"
    compare(
        "Peak memory of encoding.",
        [lambda number: in_own_process(encode, clips, work, number, device)],
        {many: (few, 0.95)},  # 5 % more
        arguments.rounds,
        device,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=500, device="cpu")
