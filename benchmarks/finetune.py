"""How fast an epoch of fine-tuning is.

Measured on the same clips and with the same weights, in turns of a batch:
- an epoch of hparams/finetune.yaml: batches of clips of like length;
- an epoch with the settings of SpeechBrain's IEMOCAP recipe
  (train_with_wav2vec2.yaml): its Wav2Vec2 lobe with frozen convolutions,
  fixed batches of 4 in the order of the files, StatisticsPooling, a linear
  head and two Adam optimisers.
Both train the whole transformer and read the clips from files. The clock runs
from the first batch to the last step, an epoch a round, each of models that
were just loaded. Not in it: validation, checkpoints, and the pass without
gradients in which hparams/finetune.yaml takes the statistics of its
standardiser before its first epoch.

To run it (some minutes on two cores):
> python benchmarks/finetune.py --data_folder /path/to/emodb [--encoder DIR]
"""

import gc
import tempfile
from pathlib import Path

import speechbrain as sb
import torch
from common import (
    Turns,
    load,
    now,
    parse_arguments,
    print_table,
    times_faster,
    write_manifests,
)
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.nnet.losses import nll_loss
from speechbrain.nnet.pooling import StatisticsPooling

from train import EmotionBrain, batches_by_length, dataio_prep


class TimedBrain(EmotionBrain):
    """That of train.py; the time of its epoch is its `seconds`."""

    def on_stage_start(self, stage, epoch=None):
        """Starts the clock.

        Arguments
        ---------
        stage : sb.Stage
            TRAIN.
        epoch : int
            From 1.
        """
        super().on_stage_start(stage, epoch)
        self.start = now()

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Stops the clock.

        Arguments
        ---------
        stage : sb.Stage
            TRAIN.
        stage_loss : float
            Mean over the batches.
        epoch : int
            From 1.
        """
        self.seconds = now() - self.start
        super().on_stage_end(stage, stage_loss, epoch)


class StockBrain(sb.Brain):
    """That of the IEMOCAP recipe."""

    def compute_forward(self, batch, stage):
        """From waveforms to log probabilities.

        Arguments
        ---------
        batch : PaddedBatch
            With `sig` [batch, sample].
        stage : sb.Stage
            TRAIN.

        Returns
        -------
        torch.Tensor
            [batch, class]
        """
        wavs, lens = batch.to(self.device).sig
        hidden = self.modules.wav2vec2(wavs, lens)
        pooled = self.hparams.avg_pool(hidden, lens).flatten(start_dim=1)
        return self.modules.output_mlp(pooled).log_softmax(dim=-1)

    def compute_objectives(self, predictions, batch, stage):
        """From log probabilities to the loss.

        Arguments
        ---------
        predictions : torch.Tensor
            [batch, class]
        batch : PaddedBatch
            With `emotion_encoded` [batch].
        stage : sb.Stage
            TRAIN.

        Returns
        -------
        torch.Tensor
            A scalar.
        """
        return nll_loss(predictions, batch.emotion_encoded.to(self.device))

    def init_optimizers(self):
        """Makes one for the encoder and one for the head."""
        encoder, head = self.modules.wav2vec2, self.modules.output_mlp
        self.optimizers_dict = {
            "wav2vec2": torch.optim.Adam(encoder.parameters(), lr=1e-5),
            "head": torch.optim.Adam(head.parameters(), lr=1e-4),
        }


def stock_epoch(arguments, dataset, num_classes, run_opts):
    """Trains for an epoch as the IEMOCAP recipe does; the first `next` only
    loads the encoder.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    dataset : DynamicItemDataset
        The training set.
    num_classes : int
        How many emotions there are.
    run_opts : dict
        Of the Brain.

    Yields
    ------
    float
        After each batch, its share of the clips.
    """
    lobe = Wav2Vec2(
        arguments.encoder,
        "",
        output_norm=True,
        freeze=False,
        freeze_feature_extractor=True,
    )
    lobe.model.feature_extractor._freeze_parameters()
    head = torch.nn.Linear(
        lobe.model.config.hidden_size, num_classes, bias=False
    )
    brain = StockBrain(
        modules={"wav2vec2": lobe, "output_mlp": head},
        opt_class=torch.optim.Adam,
        hparams={"avg_pool": StatisticsPooling(return_std=False)},
        run_opts=run_opts,
    )
    loader = brain.make_dataloader(dataset, sb.Stage.TRAIN, batch_size=4)
    # What Brain.fit does with each batch.
    brain.on_fit_start()
    brain.modules.train()
    yield 0.0
    for batch in loader:
        brain.step += 1
        brain.fit_batch(batch)
        yield len(batch) / len(dataset)


def measure(arguments, manifests, folder):
    """Trains for an epoch as train.py does, while the IEMOCAP recipe's
    settings take their turns.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    manifests : pathlib.Path
        Where they are.
    folder : pathlib.Path
        Where the run writes.

    Returns
    -------
    ours : numpy.ndarray
        How long it took, as a difference of `now`.
    stock : numpy.ndarray
        The same.
    """
    settings = load(
        "hparams/finetune.yaml",
        arguments,
        manifests,
        output_folder=str(folder),
        number_of_epochs=1,
    )
    run_opts = {"device": arguments.device, "precision": arguments.precision}
    datasets, tables, label_encoder = dataio_prep(settings)
    training_set = datasets["train"]
    sampler = batches_by_length(
        training_set, settings["seed"], settings["dynamic_batch_sampler"]
    )
    brain = TimedBrain(
        modules=settings["modules"],
        opt_class=settings["opt_class"],
        hparams=settings,
        run_opts=run_opts,
        checkpointer=settings["checkpointer"],
    )
    brain.class_weights = None
    brain.train_sampler = sampler
    stock = stock_epoch(arguments, training_set, len(label_encoder), run_opts)
    next(stock)
    turns = Turns(
        settings["wav2vec2"],
        tables["train"]["duration"].sum(),
        {"stock": stock},
    )
    brain.fit(
        settings["epoch_counter"],
        training_set,
        train_loader_kwargs={
            **settings["train_dataloader_opts"],
            "batch_sampler": sampler,
        },
        progressbar=False,
    )
    ours = brain.seconds - turns.total()
    return ours, turns.finish()["stock"]


def main(arguments, work):
    """Measures and prints.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    work : pathlib.Path
        A folder for what the runs write.
    """
    clips = write_manifests(arguments, work / "manifests")
    ours, stock = [], []
    for number in range(arguments.rounds):
        times = measure(arguments, work / "manifests", work / str(number))
        ours.append(times[0])
        stock.append(times[1])
        gc.collect()  # a Brain is a circle of references, and holds gigabytes
    print_table(
        f"Fine-tuning, {len(clips)} clips ({clips['duration'].sum():.0f} s of "
        f"audio), 1 epoch, {arguments.precision}. Ratio: times faster than "
        "the settings of SpeechBrain's IEMOCAP recipe.",
        [
            ("IEMOCAP recipe's settings", stock, None, None),
            ("hparams/finetune.yaml", ours, times_faster(stock, ours), 1.3),
        ],
        arguments.device,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(parse_arguments(__doc__, clips=48, rounds=2), Path(folder))
