"""How fast an epoch of fine-tuning is.

Two epochs take turns, on the same clips and from the same weights:
- one of SpeechBrain's IEMOCAP recipe (train_with_wav2vec2.yaml): its Wav2Vec2
  with frozen convolutions, batches of 4 in the order of the files,
  StatisticsPooling, a linear head and Adam;
- one of hparams/finetune.yaml: batches of clips of similar length.
Both train the whole transformer and read the clips from files.
"""

from measuring import run, timed
from recipe import OPTIONS, load, make_brain, set_up, train_stock
from train import batches_by_length, dataio_prep


def train(arguments, work, number, run_opts):
    """Times an epoch of hparams/finetune.yaml."""
    hparams = load("finetune", arguments, work, number)
    brain = make_brain(hparams, run_opts)
    dataset = dataio_prep(hparams)["train"]
    options = hparams["dynamic_batch_sampler"]
    sampler = batches_by_length(dataset, hparams["seed"], **options)
    options = {**hparams["train_dataloader_opts"], "batch_sampler": sampler}
    fit = brain.fit, [1], dataset, None, False, options
    return timed(*fit, device=brain.device)


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    opts = {"device": arguments.device, "precision": arguments.precision}
    stock = set_up(arguments, work), opts, False, 4
    return {
        "IEMOCAP recipe": lambda _: train_stock(*stock),
        "finetune.yaml": lambda n: train(arguments, work, n, opts),
    }, {"finetune.yaml, s": ("IEMOCAP recipe, s", 1.3)}


if __name__ == "__main__":
    run(main, __doc__, clips=48, precision="fp32", **OPTIONS)
