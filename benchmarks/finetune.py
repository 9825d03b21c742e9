"""How fast an epoch of fine-tuning is.

Two epochs take turns, on the same clips and from the same weights:
- one of SpeechBrain's IEMOCAP recipe (train_with_wav2vec2.yaml): its Wav2Vec2
  with frozen convolutions, batches of 4 in the order of the files,
  StatisticsPooling, a linear head and two Adam optimisers;
- one of hparams/finetune.yaml: batches of clips of similar length.
Both train the whole transformer and read the clips from files. Validation,
checkpoints and the fit of the standardiser are not timed.

To run it (some minutes on two cores):
> python benchmarks/finetune.py --data_folder /path/to/emodb [--encoder DIR]
"""

import torch
from measuring import compare, now, run
from recipe import OPTIONS, load, make_brain, set_up
from train import batches_by_length, dataio_prep

import speechbrain as sb
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.nnet.losses import nll_loss
from speechbrain.nnet.pooling import StatisticsPooling


class StockBrain(sb.Brain):
    """The Brain of SpeechBrain's IEMOCAP recipe."""

    def compute_forward(self, batch, stage):
        """Maps waveforms to log probabilities [batch, class]."""
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
    start = now(brain.device)
    brain.fit([1], dataset, None, False, loader_options)
    return now(brain.device) - start


def train_stock(hparams, run_opts):
    """Trains with the settings of the IEMOCAP recipe."""
    source = hparams["wav2vec2_hub"]
    encoder = Wav2Vec2(source, "", output_norm=True, freeze=False)
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
    clips, precision = arguments.clips, arguments.precision
    compare(
        f"Fine-tuning, an epoch of {clips} clips in {precision}, in s.",
        [
            lambda _: train_stock(stock, run_opts),
            lambda number: train_recipe(arguments, work, number, run_opts),
        ],
        {"finetune.yaml": ("IEMOCAP recipe", 1.3)},
        arguments.rounds,
        arguments.device,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=48, precision="fp32", **OPTIONS)
