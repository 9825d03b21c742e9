"""How fast training with a frozen encoder is.

Passes take turns on the same clips, from a loaded encoder to the last epoch,
without validation:
- the bare encoder: each clip alone, in memory, no padding, nothing stored;
- an epoch of SpeechBrain's IEMOCAP recipe with its encoder frozen: it encodes in
  every epoch, in batches of 16;
- 20 epochs of hparams/train.yaml from an empty store, and their encoding alone;
- the same 20 epochs from the store that is now filled.
"""

import torch
from measuring import now, run, timed
from recipe import OPTIONS, load, make_brain, set_up, train_stock
from train import dataio_prep, loader_options
from transformers import AutoModel


@torch.inference_mode()
def encode(encoder, wavs):
    """Encodes each clip alone, and does nothing else."""
    for wav in wavs:
        encoder(wav[None].to(encoder.device))


def train(arguments, work, number, name):
    """Trains the head as train.py does, for 20 epochs."""
    hparams = load("train", arguments, work, number, name)
    device, start = arguments.device, now(arguments.device)
    brain = make_brain(hparams, {"device": device})
    datasets = {"train": dataio_prep(hparams)["train"]}
    before = now(device)
    dataset = hparams["store_embeddings"](datasets)["train"]
    encoding = now(device) - before
    brain.fit_standardiser(dataset)
    options = loader_options(dataset, hparams["train_dataloader_opts"])
    brain.fit(range(20), dataset, None, False, options)
    return {"s an epoch": (now(device) - start) / 20, "encoding, s": encoding}


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    device, hparams = arguments.device, set_up(arguments, work)
    wavs = [clip["sig"] for clip in dataio_prep(hparams)["train"]]
    encoder = AutoModel.from_pretrained(arguments.encoder).to(device).eval()
    encode(encoder, wavs[:16])  # warms up
    stock = hparams, {"device": device}, True, 16
    return {
        "bare encoder": lambda _: timed(encode, encoder, wavs, device=device),
        "IEMOCAP recipe": lambda _: train_stock(*stock),
        "empty store": lambda n: train(arguments, work, n, "empty"),
        "filled store": lambda n: train(arguments, work, n, "filled"),
    }, {
        "empty store, encoding, s": ("bare encoder, s", 0.93),
        "empty store, s an epoch": ("IEMOCAP recipe, s", 40),
        "filled store, s an epoch": ("IEMOCAP recipe, s", 500),
    }


if __name__ == "__main__":
    run(main, __doc__, clips=96, **OPTIONS)
