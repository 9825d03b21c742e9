"""This recipe, and SpeechBrain's for IEMOCAP, on some clips of a corpus."""

import pandas as pd
import torch
from data_prep.manifest import read_manifest
from encoders.random_encoder import save_encoder
from measuring import ROOT, timed
from ser.files import write_csv
from ser.settings import load_settings
from train import EmotionBrain, dataio_prep
from transformers import Wav2Vec2Config, Wav2Vec2Model

import speechbrain as sb
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.nnet.losses import nll_loss
from speechbrain.nnet.pooling import StatisticsPooling

# Of the command line; data_folder is required, and without an encoder one of
# wav2vec2-base's size is made.
OPTIONS = dict(data_folder=None, corpus="emodb", encoder="", device="cpu")


def set_up(arguments, work):
    """Makes an encoder unless one was given, and the manifests of fold 1 with
    a random choice of the training clips; returns the settings of train.yaml."""
    if not arguments.encoder:
        arguments.encoder = str(work / "encoder")
        # Random weights: they do not change how fast it is.
        model = Wav2Vec2Model(Wav2Vec2Config(randomly_initialised=True))
        save_encoder(model, work / "encoder")
    hparams = load("train", arguments, work, "set_up")
    hparams["prepare"]()
    table = choose(hparams, arguments.clips, "train")
    write_csv(table, hparams["train_annotation"])
    return hparams


def choose(hparams, number, *splits):
    """Reads the manifests of splits, and chooses so many clips at random."""
    paths = [hparams[f"{split}_annotation"] for split in splits]
    table = pd.concat(map(read_manifest, paths), ignore_index=True)
    return table.sample(min(number, len(table)), random_state=0).sort_index()


def load(name, arguments, work, number, run="", **changes):
    """Loads the settings hparams/<name>.yaml, and with them the encoder, for a
    run with a folder of its own in `work`, and a store for each number."""
    overrides = {
        "corpus": arguments.corpus,
        "data_folder": arguments.data_folder,
        "cache_folder": str(work / "cache"),
        "embedding_store": str(work / f"{number}.sqlite"),
        "output_folder": str(work / f"{number}{run}"),
        "manifest_folder": str(work / "manifests"),
        "wav2vec2_hub": arguments.encoder,
    }
    return load_settings(ROOT / f"hparams/{name}.yaml", overrides | changes)


def make_brain(hparams, run_opts):
    """Makes the Brain of train.py."""
    parts = hparams["modules"], hparams["opt_class"], hparams, run_opts
    brain = EmotionBrain(*parts, hparams["checkpointer"])
    brain.class_weights = None
    return brain


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


def train_stock(hparams, run_opts, freeze, batch_size):
    """Times an epoch of training as the IEMOCAP recipe does it."""
    parts = hparams["wav2vec2_hub"], "", True, freeze  # normalises its output
    encoder = Wav2Vec2(*parts, freeze_feature_extractor=True)
    size = encoder.model.config.hidden_size
    head = torch.nn.Linear(size, len(hparams["classes"]), bias=False)
    modules = {"wav2vec2": encoder, "output_mlp": head}
    pool = {"avg_pool": StatisticsPooling(return_std=False)}
    brain = StockBrain(modules, torch.optim.Adam, pool, run_opts)
    dataset = dataio_prep(hparams)["train"]
    fit = brain.fit, [1], dataset, None, False, {"batch_size": batch_size}
    return timed(*fit, device=brain.device)
