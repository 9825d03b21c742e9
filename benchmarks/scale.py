"""How encoding spreads over processes, and how fast a large store is read.

Passes take turns:
- one process encodes clips of noise with the built-in encoder, a tenth and then the
  others; two of torchrun share the same (gloo, one thread each);
- an epoch in shuffled batches of 32 reads embeddings of a base-sized encoder, 80 KB
  each, from memory-mapped bytes and from a store (150,000: 25 GB of disk).
"""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import measuring
import numpy as np
import torch
from ser.settings import load_settings
from ser.store import EmbeddingStore

from speechbrain.utils.distributed import ddp_init_group

SHAPE = 13, 1536  # of an embedding: layers and channels


def share(work):
    """Encodes the clips of a folder, as one process of some."""
    ddp_init_group({"distributed_backend": "gloo"})
    overrides = {"output_folder": str(work / "run")}
    hparams = load_settings(measuring.ROOT / "hparams/train.yaml", overrides)
    parts, figures = (hparams["wav2vec2"], hparams["pool"]), {}
    store = EmbeddingStore(work / "shared.sqlite", *parts)
    clips = json.loads((work / "clips.json").read_text())
    for size in (len(clips) // 10, len(clips)):
        part, start = dict(list(clips.items())[:size]), measuring.now()
        store.fill(part, hparams["encode_batch_length"])
        figures["s"] = measuring.now() - start
        figures[f"{size} clips, MiB"] = measuring.peak_memory()
    if torch.distributed.get_rank() == 0:
        print(json.dumps(figures))


def launch(work, processes):
    """Encodes by some processes; returns seconds, and the peaks of memory."""
    words = "-m torch.distributed.run --standalone --nproc_per_node".split()
    command = sys.executable, *words, str(processes), __file__, "share", work
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.check_output(command, env=one_thread)
    (work / "shared.sqlite").unlink()
    return json.loads(done)


def make_store(path, number):
    """Writes embeddings of noise to a store and, the same, to a file; returns
    what reads a batch of each by its numbers."""
    encoder = SimpleNamespace(num_layers=12, fingerprint=str, source="noise")
    pool = SimpleNamespace(output_size=SHAPE[1], kind="mean_std")
    store = EmbeddingStore(path, encoder, pool)
    names = [sha256(b"%d" % n).hexdigest() for n in range(number)]
    mapped = np.memmap(f"{path}.raw", "f4", "w+", shape=(number, *SHAPE))
    with closing(sqlite3.connect(path)) as connection:
        for n in range(0, number, 100):
            part = mapped[n : n + 100]
            part[:] = measuring.RNG.random(part.shape, "f4")
            store.insert(connection, names[n : n + 100], part)
    store.missing(names)  # as a run does
    return lambda part: store.read([names[n] for n in part]), mapped.__getitem__


def read(get, number):
    """Reads embeddings in the order of an epoch, in batches."""
    for batch in torch.randperm(number).split(32):
        get(batch.tolist())


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    number, clips = arguments.embeddings, arguments.clips
    made = measuring.make_clips(work, clips, 4).items()
    made = {sha256(p.read_bytes()).hexdigest(): (str(p), s) for p, s in made}
    (work / "clips.json").write_text(json.dumps(made))
    stored, mapped = make_store(work / "store.sqlite", number)
    less, more = (f"one process, {n} clips, MiB" for n in (clips // 10, clips))
    return {
        "one process": lambda _: launch(work, 1),
        "two processes": lambda _: launch(work, 2),
        "mapped epoch": lambda _: measuring.timed(read, mapped, number),
        "epoch of the store": lambda _: measuring.timed(read, stored, number),
    }, {
        more: (less, 0.95),  # at most 5 % more
        "two processes, s": ("one process, s", 1.7),
        "epoch of the store, s": ("mapped epoch, s", 0.5),
    }


if __name__ == "__main__" and sys.argv[1:2] == ["share"]:
    share(Path(sys.argv[2]))
elif __name__ == "__main__":
    measuring.run(main, __doc__, clips=3000, embeddings=150_000)
