"""How fast an epoch of fine-tuning is.

Two epochs take turns, on the same clips and from the same weights:
- one with the settings of SpeechBrain's IEMOCAP recipe
  (train_with_wav2vec2.yaml): its Wav2Vec2 with frozen convolutions, batches of
  4 in the order of the files, StatisticsPooling, a linear head and two Adam
  optimisers;
- one of hparams/finetune.yaml: batches of clips of like length.
Both train the whole transformer and read the clips from files. The clock runs
from the first batch to the last step: no validation, no checkpoint, and not
the pass in which hparams/finetune.yaml fits its standardiser before it trains.

To run it (some minutes on two cores):
> python benchmarks/finetune.py --data_folder /path/to/emodb [--encoder DIR]
"""

import torch
from measuring import make_parser, now, print_table, run, take_turns
from recipe import add_options, load, make_brain, set_up
from train import batches_by_length, dataio_prep

import speechbrain as sb
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.nnet.losses import nll_loss
from speechbrain.nnet.pooling import StatisticsPooling


class StockBrain(sb.Brain):
    """The Brain of SpeechBrain's IEMOCAP recipe."""

    def compute_forward(self, batch, stage):
        """Maps waveforms [batch, sample] to log probabilities [batch, class]."""
        wavs, lens = batch.to(self.device).sig
        hidden = self.modules.wav2vec2(wavs, lens)
        pooled = self.hparams.avg_pool(hidden, lens).flatten(start_dim=1)
        return self.modules.output_mlp(pooled).log_softmax(dim=-1)

    def compute_objectives(self, predictions, batch, stage):
        """Computes the negative log likelihood."""
        return nll_loss(predictions, batch.emotion_encoded)

    def init_optimizers(self):
        """Makes one for the encoder and one for the head."""
        encoder, head = self.modules.wav2vec2, self.modules.output_mlp
        self.optimizers_dict = {
            "wav2vec2": torch.optim.Adam(encoder.parameters(), lr=1e-5),
            "head": torch.optim.Adam(head.parameters(), lr=1e-4),
        }


def train_epoch(brain, dataset, loader_options):
    """Trains for an epoch and returns its seconds."""
    times = []

    def epochs():
        """Counts to 1, and notes the time before and after it."""
        times.append(now(brain.device))
        yield 1
        times.append(now(brain.device))

    brain.fit(epochs(), dataset, None, False, loader_options)
    return times[1] - times[0]


def train_stock(hparams, run_opts):
    """Trains with the settings of the IEMOCAP recipe."""
    encoder = Wav2Vec2(
        hparams["wav2vec2_hub"],
        save_path="",
        output_norm=True,
        freeze=False,
        freeze_feature_extractor=True,
    )
    encoder.model.feature_extractor._freeze_parameters()
    size = encoder.model.config.hidden_size
    head = torch.nn.Linear(size, len(hparams["classes"]), bias=False)
    brain = StockBrain(
        {"wav2vec2": encoder, "output_mlp": head},
        hparams={"avg_pool": StatisticsPooling(return_std=False)},
        run_opts=run_opts,
    )
    dataset = dataio_prep(hparams)["train"]
    return {"IEMOCAP recipe": train_epoch(brain, dataset, {"batch_size": 4})}


def train_recipe(arguments, work, number, run_opts):
    """Trains with hparams/finetune.yaml."""
    hparams = load("finetune", arguments, work, str(number))
    brain = make_brain(hparams, run_opts)
    dataset = dataio_prep(hparams)["train"]
    options = hparams["dynamic_batch_sampler"]
    sampler = batches_by_length(dataset, hparams["seed"], **options)
    options = {**hparams["train_dataloader_opts"], "batch_sampler": sampler}
    return {"finetune.yaml": train_epoch(brain, dataset, options)}


def main(arguments, work):
    """Measures and prints."""
    run_opts = {"device": arguments.device, "precision": arguments.precision}
    stock = set_up(arguments, work)
    figures = take_turns(
        [
            lambda _: train_stock(stock, run_opts),
            lambda number: train_recipe(arguments, work, number, run_opts),
        ],
        arguments.rounds,
    )
    clips, precision = arguments.clips, arguments.precision
    print_table(
        f"Fine-tuning, an epoch of {clips} clips in {precision}, in s.",
        figures,
        [
            ("IEMOCAP recipe", None, None),
            ("finetune.yaml", "IEMOCAP recipe", 1.3),
        ],
        arguments.device,
    )


if __name__ == "__main__":
    parser = make_parser(__doc__, clips=48)
    add_options(parser)
    parser.add_argument("--precision", default="fp32", help="fp32, bf16")
    run(main, parser)
