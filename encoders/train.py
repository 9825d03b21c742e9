#!/usr/bin/env python3
"""Recipe for training a small wav2vec 2.0 encoder on emotional speech alone.

For example on CREMA-D, as the one that ships with this repository was:
> python encoders/train.py hparams/encoder.yaml --data_folder /path/to/crema_d

From a distorted crop the encoder predicts the emotion (by the mean and standard
deviation of its last layer) and, of the undistorted crop, log-mel bands and
periodicity. The result is the moving average of its weights.
"""

import sys
from pathlib import Path

# A script finds the modules of its own folder only, and these are the root's.
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ser.usage import print_usage

if __name__ == "__main__":
    print_usage(__doc__, ROOT / "hparams/encoder.yaml")

import functools
import logging
import shutil
import time

import numpy as np
import pandas as pd
import torch
from data_prep.manifest import SPLITS, check_splits, read_manifest
from data_prep.votes import read_votes
from encoders.random_encoder import save_encoder
from matplotlib.figure import Figure
from ser.audio import read_audio
from ser.errors import user_errors
from ser.files import written_whole
from ser.lock import locked
from ser.metrics import uar, wa
from ser.settings import parse_arguments, start_run
from sklearn.metrics import confusion_matrix
from torch.nn.functional import cross_entropy, l1_loss, one_hot
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import speechbrain as sb
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import BalancingDataSampler
from speechbrain.utils.distributed import ddp_broadcast, run_on_main
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


class EncoderBrain(sb.Brain):
    """Trains an encoder and its moving average, which is validated."""

    def compute_forward(self, batch, stage):
        """Returns logits [batch, class] and, in training, pairs of what is
        predicted for each frame and what it should be."""
        wavs, lens = batch.to(self.device).sig
        average = self.hparams.average.module
        if stage != sb.Stage.TRAIN:
            hidden, lens = average["wav2vec2"](wavs, lens)
            return self.classify(average["classifier"], hidden, lens), []
        # Waveforms need more digits than bf16 has.
        with torch.autocast(wavs.device.type, enabled=False):
            wavs = self.hparams.speed(wavs)
            distorted = self.hparams.channel(wavs)
            targets = self.modules.frame_targets(wavs)
        hidden, lens = self.modules.wav2vec2(distorted, lens)
        logits = self.classify(self.modules.classifier, hidden, lens)
        return logits, [
            (self.modules.front_decoder(hidden[0]), targets),
            (self.modules.decoder(hidden[-1]), targets),
        ]

    def classify(self, classifier, hidden, lens):
        """Pools the last of the hidden states and returns logits."""
        pooled = self.hparams.pool(hidden[-1:], lens)
        return classifier(pooled[:, 0]).float()

    def compute_objectives(self, predictions, batch, stage):
        """Returns the loss: of the emotion alone, except in training."""
        logits, frames = predictions
        acted = batch.acted.to(self.device)
        if stage != sb.Stage.TRAIN:
            self.truth += acted.tolist()
            self.predicted += logits.argmax(dim=-1).tolist()
            return cross_entropy(logits, acted)
        loss = cross_entropy(logits, batch.target.data.to(self.device))
        return loss + self.hparams.frame_weight * sum(
            l1_loss(predicted.float(), target) for predicted, target in frames
        )

    def on_stage_start(self, stage, epoch=None):
        """Empties what a stage collects."""
        self.truth, self.predicted = [], []

    def on_fit_batch_start(self, batch, should_step):
        """Sets the learning rate."""
        self.hparams.lr_schedule(self.optimizer, self.optimizer_step + 1)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Updates the moving average."""
        if should_step:
            self.hparams.average.update_parameters(self.hparams.model)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs the scores, and saves a checkpoint after validation."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = float(stage_loss)
            return
        confusion = confusion_matrix(
            self.truth, self.predicted, labels=range(self.hparams.out_n_neurons)
        )
        stats = {
            "loss": float(stage_loss),
            "uar": float(uar(confusion)),
            "wa": float(wa(confusion)),
        }
        if stage == sb.Stage.TEST:
            self.test_stats = stats
            self.hparams.train_logger.log_stats({}, test_stats=stats)
            return
        stats = ddp_broadcast(stats, src=0)
        self.hparams.train_logger.log_stats(
            {"epoch": epoch, "lr": self.optimizer.param_groups[0]["lr"]},
            train_stats={"loss": self.train_loss},
            valid_stats=stats,
        )
        # The last is the one to test: an average needs no choice of epoch.
        self.checkpointer.save_and_keep_only(
            meta={f"valid_{name}": value for name, value in stats.items()},
            verbosity=logging.DEBUG,
        )


def dataio_prep(hparams):
    """Makes the datasets from the manifests: from "train", "valid" and "test"
    to a DynamicItemDataset that gives `id`, `sig`, `acted` and `target`."""
    corpora = hparams["corpora"]
    paths = {name: hparams[f"{name}_annotation"] for name in SPLITS}
    # Stricter than the preparation: whatever the protocol, no shared speakers.
    check_splits({name: read_manifest(path) for name, path in paths.items()})
    targets = {
        "func": functools.partial(
            mix_target,
            classes=corpora.classes,
            votes=read_votes(corpora),
            weight=hparams["votes_weight"],
        ),
        "takes": ["emotion", "id"],
        "provides": ["acted", "target"],
    }
    datasets = {}
    for name, path in paths.items():
        read = hparams["crops"] if name == "train" else read_audio
        audio = {"func": read, "takes": "wav", "provides": "sig"}
        datasets[name] = DynamicItemDataset.from_csv(
            path,
            replacements=corpora.roots,
            dynamic_items=[audio, targets],
            output_keys=["id", "sig", "acted", "target"],
        )
        if name != "train":
            datasets[name] = datasets[name].filtered_sorted(
                sort_key="duration", reverse=True
            )
    return datasets


def mix_target(emotion, clip, classes, votes, weight):
    """Returns the index of the acted class, and the probabilities [class] to
    learn: the acted class mixed with the votes of listeners, if there are."""
    acted = classes.index(emotion)
    target = one_hot(torch.tensor(acted), len(classes)).float()
    if clip in votes:
        target = torch.lerp(target, torch.tensor(votes[clip]), weight)
    return acted, target


def write_encoder(hparams):
    """Writes the averaged encoder in half precision, and with it the log and
    the learning curve."""
    model = hparams["average"].module["wav2vec2"].model
    model.config.apply_spec_augment = False
    # A score on these speakers will come with a notice.
    paths = hparams["train_annotation"], hparams["valid_annotation"]
    speakers = pd.concat(map(read_manifest, paths))["spk_id"]
    speakers = hparams["corpora"].full_names(speakers)
    model.config.training_speakers = sorted(speakers)
    # Half the size; the config asks for fp32 when it is loaded.
    weights = {name: w.half() for name, w in model.state_dict().items()}
    with written_whole(hparams["encoder_folder"]) as unfinished:
        save_encoder(model, unfinished, weights)
        shutil.copy(hparams["train_log"], unfinished)
        curve = draw_learning_curve(
            hparams["train_logger"].epochs, 1 / hparams["out_n_neurons"]
        )
        curve.savefig(unfinished / "learning_curve.svg")
        if Path(hparams["encoder_folder"]).is_dir():
            shutil.rmtree(hparams["encoder_folder"])


def draw_learning_curve(epochs, chance):
    """Draws the validation UAR and the losses of each epoch."""
    epochs = pd.DataFrame(epochs).set_index("epoch")
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs["valid_uar"], label="validation speakers")
    left.axhline(chance, color="gray", linestyle=":", label="chance")
    left.set(xlabel="epoch", ylabel="UAR", ylim=(0, 1))
    right.plot(epochs["train_loss"], label="training, all targets")
    right.plot(epochs["valid_loss"], label="validation, emotion")
    right.set(xlabel="epoch", ylabel="loss")
    for axes in (left, right):
        axes.legend(frameon=False)
    return figure


def fit_and_test(hparams, run_opts):
    """Trains on the training speakers, tests the average on the test speakers,
    and returns the brain."""
    datasets = dataio_prep(hparams)
    # The Hugging Face model draws its masks from numpy.
    np.random.seed(hparams["seed"])
    hparams["wav2vec2"].model.config.apply_spec_augment = True
    if run_opts["device"] == "cpu":
        # Faster there than the fused kernel for crops of two seconds.
        hparams["wav2vec2"].model.set_attn_implementation("eager")
    average = get_ema_multi_avg_fn(hparams["average_decay"])
    average = AveragedModel(hparams["model"], multi_avg_fn=average)
    hparams["average"] = average
    hparams["checkpointer"].add_recoverable("average", average)
    brain = EncoderBrain(
        hparams["modules"],
        hparams["opt_class"],
        hparams,
        run_opts,
        hparams["checkpointer"],
    )
    average.to(brain.device).eval()
    sampler = BalancingDataSampler(
        datasets["train"],
        key="emotion",
        num_samples=hparams["epoch_clips"],
        seed=hparams["seed"],
    )
    # Or a single process would repeat the first epoch's clips.
    brain.train_sampler = sampler
    progressbar = sys.stderr.isatty() and not brain.noprogressbar
    brain.fit(
        hparams["epoch_counter"],
        datasets["train"],
        datasets["valid"],
        progressbar,
        {**hparams["train_dataloader_opts"], "sampler": sampler},
        hparams["valid_dataloader_opts"],
    )
    brain.evaluate(
        datasets["test"],
        progressbar=progressbar,
        # A copy, since it is changed there.
        test_loader_kwargs=dict(hparams["valid_dataloader_opts"]),
    )
    return brain


def run(hparams, run_opts):
    """Prepares, trains, tests and writes the encoder."""
    run_on_main(hparams["prepare"])
    brain = fit_and_test(hparams, run_opts)
    if brain.debug:
        logger.info(
            "Debug mode: a few batches train nothing, so no encoder is written."
        )
        return
    run_on_main(write_encoder, (hparams,))
    result = (
        f"The encoder: {hparams['encoder_folder']}\n"
        f"Unseen speakers: UAR {100 * brain.test_stats['uar']:.1f} %"
    )
    run_on_main(print, (result,))


if __name__ == "__main__":
    with user_errors():
        hparams_file, run_opts, overrides = parse_arguments(sys.argv[1:])
        sb.utils.distributed.ddp_init_group(run_opts)
        hparams = start_run(hparams_file, overrides)
        with locked(hparams["output_folder"]):
            sb.create_experiment_directory(hparams["output_folder"])
            run(hparams, run_opts)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
            # Gloo's thread drops its last tensor, for which Python must still run.
            time.sleep(1)  # s
