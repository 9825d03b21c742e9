"""How fast training is, compared with SpeechBrain's IEMOCAP recipe.

Passes take turns on the same clips, from a loaded encoder, without validation:
- the bare encoder: each clip alone, in memory, no padding, nothing stored;
- an epoch of the IEMOCAP recipe with its encoder frozen, in batches of 16;
- 20 epochs of hparams/train.yaml from an empty store, and their encoding alone;
- the same 20 epochs from the store that is now filled;
- an epoch of the IEMOCAP recipe that trains the transformer, in batches of 4;
- one of finetune.yaml, in batches of similar length, and one of its last layer.
"""

import torch
from measuring import now, run, timed
from recipe import OPTIONS, load, make_brain, set_up, train_stock
from train import batches_by_length, dataio_prep, loader_options
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


def finetune(arguments, work, number, run_opts, layers="weighted"):
    """Trains the encoder as train.py does, for an epoch."""
    parts = arguments, work, number, layers
    hparams = load("finetune", *parts, layers=layers)
    brain = make_brain(hparams, run_opts)
    dataset = dataio_prep(hparams)["train"]
    options = hparams["dynamic_batch_sampler"]
    sampler = batches_by_length(dataset, hparams["seed"], **options)
    options = {**hparams["train_dataloader_opts"], "batch_sampler": sampler}
    fit = brain.fit, [1], dataset, None, False, options
    return timed(*fit, device=brain.device)


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    device, hparams = arguments.device, set_up(arguments, work)
    wavs = [clip["sig"] for clip in dataio_prep(hparams)["train"]]
    encoder = AutoModel.from_pretrained(arguments.encoder).to(device).eval()
    encode(encoder, wavs[:16])  # warms up
    opts = {"device": device, "precision": arguments.precision}
    return {
        "bare encoder": lambda _: timed(encode, encoder, wavs, device=device),
        "frozen": lambda _: train_stock(hparams, {"device": device}, True, 16),
        "empty store": lambda n: train(arguments, work, n, "empty"),
        "filled store": lambda n: train(arguments, work, n, "filled"),
        "trained": lambda _: train_stock(hparams, opts, False, 4),
        "finetune.yaml": lambda n: finetune(arguments, work, n, opts),
        "last layer": lambda n: finetune(arguments, work, n, opts, "last"),
    }, {
        "empty store, encoding, s": ("bare encoder, s", 0.93),
        "empty store, s an epoch": ("frozen, s", 40),
        "filled store, s an epoch": ("frozen, s", 500),
        "finetune.yaml, s": ("trained, s", 1.4),
        "last layer, s": ("trained, s", 1.5),
    }


if __name__ == "__main__":
    run(main, __doc__, clips=96, precision="fp32", **OPTIONS)
