"""How fast training with a frozen encoder is.

Four passes take turns, on the same clips and with the same weights:
- a bare forward pass of the encoder: clips in memory, sorted by length,
  padded batches of 16, no attention mask, nothing stored;
- an epoch of a loop that encodes in every epoch: SpeechBrain's Wav2Vec2, frozen
  but left in training mode, in shuffled batches of 16 padded to the longest;
- 20 epochs of hparams/train.yaml from an empty store, which encode each clip
  once; the encoding alone is timed too;
- the same 20 epochs from the store that is now filled.
The clock runs from the loaded encoder to the last epoch; nothing is validated.

To run it (some minutes on two cores):
> python benchmarks/frozen.py --data_folder /path/to/emodb [--encoder DIR]
"""

import torch
from measuring import compare, now, run
from recipe import OPTIONS, load, make_brain, set_up
from torch.nn.utils.rnn import pad_sequence
from train import dataio_prep, loader_options

from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2

EPOCHS = 20
BATCH_SIZE = 16  # clips, of the bare pass and of the loop


@torch.inference_mode()
def run_bare(encoder, wavs, device):
    """Encodes, and does nothing else."""
    start = now(device)
    encoder.model.eval()
    for first in range(0, len(wavs), BATCH_SIZE):
        batch = wavs[first : first + BATCH_SIZE]
        encoder.model(pad_sequence(batch, batch_first=True).to(device))
    return {"bare forward pass": now(device) - start}


def run_loop(encoder, head, dataset, device):
    """Trains the head for an epoch, and encodes in it."""
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    start = now(device)
    encoder.train()
    for batch in make_dataloader(dataset, batch_size=BATCH_SIZE, shuffle=True):
        batch = batch.to(device)
        logits = head(encoder(batch.sig.data).mean(dim=1))
        loss = torch.nn.functional.cross_entropy(logits, batch.emotion_encoded)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    epoch = now(device) - start
    return {"loop, 1 epoch": epoch, "loop, 1 epoch x 20": EPOCHS * epoch}


def train(arguments, work, number, name):
    """Trains the head as train.py does, with a store for each round."""
    device, store = arguments.device, str(work / f"{number}.sqlite")
    folder = f"{number} {name}"
    hparams = load("train", arguments, work, folder, embedding_store=store)
    start = now(device)
    brain = make_brain(hparams, {"device": device})
    datasets = {"train": dataio_prep(hparams)["train"]}
    before = now(device)
    dataset = hparams["store_embeddings"](datasets)["train"]
    encoding = now(device) - before
    brain.fit_standardiser(dataset)
    options = loader_options(dataset, hparams["train_dataloader_opts"])
    brain.fit(range(EPOCHS), dataset, None, False, options)
    return {
        f"20 epochs, {name} store": now(device) - start,
        f"encoding, {name} store": encoding,
    }


def main(arguments, work):
    """Measures and prints."""
    device = arguments.device
    hparams = set_up(arguments, work)
    dataset = dataio_prep(hparams)["train"]
    wavs = sorted((clip["sig"] for clip in dataset), key=len, reverse=True)
    encoder = Wav2Vec2(arguments.encoder, save_path="", freeze=True).to(device)
    size = encoder.model.config.hidden_size
    head = torch.nn.Linear(size, len(hparams["classes"])).to(device)
    run_bare(encoder, wavs[-BATCH_SIZE:], device)  # warms up
    seconds = sum(map(len, wavs)) / 16000
    compare(
        f"Frozen encoder, {len(wavs)} clips ({seconds:.0f} s of audio), in s.",
        [
            lambda _: run_bare(encoder, wavs, device),
            lambda _: run_loop(encoder, head, dataset, device),
            lambda number: train(arguments, work, number, "empty"),
            lambda number: train(arguments, work, number, "filled"),
        ],
        {
            "encoding, empty store": ("bare forward pass", 0.9),
            "20 epochs, empty store": ("loop, 1 epoch x 20", 40),
            "20 epochs, filled store": ("loop, 1 epoch x 20", 500),
        },
        arguments.rounds,
        device,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=96, **OPTIONS)
