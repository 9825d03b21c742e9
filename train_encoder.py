#!/usr/bin/env python3
"""Recipe for training a small wav2vec 2.0 encoder on emotional speech alone.

To train the one that ships with this repository, or one on other speech:
> python train_encoder.py hparams/encoder.yaml --data_folder /path/to/crema_d
> python train_encoder.py hparams/encoder.yaml --corpus ravdess --data_folder /path/to/ravdess

The encoder is asked for the emotion of a distorted crop, from the mean and
standard deviation of its last layer, and for the log-mel bands of the crop as
it was before the distortion. The encoder that is written is a moving average
of the weights.
"""

import functools
import logging
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import speechbrain as sb
import torch
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import BalancingDataSampler
from speechbrain.utils.distributed import (
    ddp_broadcast,
    if_main_process,
    main_process_only,
    run_on_main,
)
from speechbrain.utils.logger import get_logger
from torch.nn.functional import cross_entropy, l1_loss, one_hot
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import Wav2Vec2FeatureExtractor

from data_prep.crema_d_prepare import read_votes
from data_prep.manifest import prepare, read_manifest
from data_prep.protocol import check_splits
from ser.audio import SAMPLE_RATE, read_audio
from ser.checkpoint import is_end_of_epoch
from ser.encoder import normalise
from ser.errors import one_sentence_errors
from ser.filterbank import WINDOW as FILTER_WINDOW
from ser.metrics import uar, wa
from ser.settings import keep_settings, load_settings, parse_arguments

logger = get_logger(__name__)


class EncoderBrain(sb.Brain):
    """Trains an encoder, and keeps a moving average of it."""

    def compute_forward(self, batch, stage):
        """From waveforms to emotions and log-mel bands.

        Arguments
        ---------
        batch : PaddedBatch
            With `sig` [batch, sample].
        stage : sb.Stage
            TRAIN, VALID or TEST.

        Returns
        -------
        logits : torch.Tensor
            [batch, class]
        bands : list of torch.Tensor
            What the front end and the last layer say of the log-mel bands, and
            the bands [batch, frame, band]; None except for TRAIN.
        """
        wavs, lens = batch.to(self.device).sig
        if stage != sb.Stage.TRAIN:
            parts = self.hparams.average.module
            hidden, lens = parts["wav2vec2"](wavs, lens)
            return self.classify(parts, hidden, lens), None
        wavs = self.hparams.speed(wavs)
        hidden, lens = self.modules.wav2vec2(self.hparams.channel(wavs), lens)
        logits = self.classify(self.modules, hidden, lens)
        bands = [
            self.modules.front_decoder(hidden[0]),
            self.modules.decoder(hidden[-1]),
            self.log_mel(wavs),
        ]
        return logits, bands

    def classify(self, parts, hidden, lens):
        """From the last layer to logits.

        Arguments
        ---------
        parts : dict of torch.nn.Module
            With `classifier`.
        hidden : torch.Tensor
            Hidden states [layer + 1, batch, frame, channel].
        lens : torch.Tensor
            Relative lengths in frames [batch].

        Returns
        -------
        torch.Tensor
            Logits [batch, class].
        """
        pooled = self.hparams.pool(hidden[-1:], lens)
        return parts["classifier"](pooled[:, 0]).float()

    def log_mel(self, wavs):
        """Computes what the decoders are to say.

        Arguments
        ---------
        wavs : torch.Tensor
            Undistorted waveforms [batch, sample].

        Returns
        -------
        torch.Tensor
            Log-mel bands [batch, frame, band], of about zero mean and unit
            variance.
        """
        with torch.no_grad():
            wavs = normalise(wavs, torch.ones_like(wavs, dtype=torch.bool))
            # Its windows are this much longer than the encoder's.
            spare = self.hparams.mel.n_fft - FILTER_WINDOW
            wavs = torch.nn.functional.pad(wavs, (spare // 2, spare // 2))
            # 1 is about 30 dB below the mean, what is weaker is silence.
            bands = self.modules.mel(wavs).log1p().transpose(1, 2)
            return bands / 2.5 - 1

    def compute_objectives(self, predictions, batch, stage):
        """From logits and bands to the loss.

        Arguments
        ---------
        predictions : tuple
            As `compute_forward` gives them.
        batch : PaddedBatch
            With `acted` [batch] and `target` [batch, class].
        stage : sb.Stage
            TRAIN, VALID or TEST.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        logits, bands = predictions
        acted = batch.acted.to(self.device)
        if stage != sb.Stage.TRAIN:
            self.truth += acted.tolist()
            self.answers += logits.argmax(dim=-1).tolist()
            return cross_entropy(logits, acted)
        loss = cross_entropy(logits, batch.target.data.to(self.device))
        *said, wanted = bands
        return loss + self.hparams.mel_weight * sum(
            l1_loss(s.float(), wanted) for s in said
        )

    def on_stage_start(self, stage, epoch=None):
        """Empties what the stage collects.

        Arguments
        ---------
        stage : sb.Stage
            TRAIN, VALID or TEST.
        epoch : int
            From 1, None for TEST.
        """
        self.truth, self.answers = [], []

    def on_fit_batch_start(self, batch, should_step):
        """Sets the learning rate.

        Arguments
        ---------
        batch : PaddedBatch
            Not used.
        should_step : bool
            Whether the optimizer steps after this batch.
        """
        self.hparams.lr_schedule(self.optimizer, self.optimizer_step + 1)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Updates the moving average.

        Arguments
        ---------
        batch : PaddedBatch
            Not used.
        outputs : tuple
            Not used.
        loss : torch.Tensor
            Not used.
        should_step : bool
            Whether the optimizer stepped.
        """
        if should_step:
            self.hparams.average.update_parameters(self.hparams.model)

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs, and saves after validation.

        Arguments
        ---------
        stage : sb.Stage
            TRAIN, VALID or TEST.
        stage_loss : float
            Mean over the batches.
        epoch : int
            From 1, None for TEST.
        """
        if stage == sb.Stage.TRAIN:
            self.train_loss = float(stage_loss)
            return
        confusion = confusion_matrix(
            self.truth, self.answers, labels=range(self.hparams.out_n_neurons)
        )
        stats = {
            "loss": float(stage_loss),
            "uar": uar(confusion),
            "wa": wa(confusion),
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
        self.checkpointer.save_and_keep_only(
            meta={f"valid_{name}": value for name, value in stats.items()},
            ckpt_predicate=is_end_of_epoch,
            verbosity=logging.DEBUG,
        )

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Loads the last checkpoint: an average needs no picking of epochs.

        Arguments
        ---------
        max_key : str
            Not used.
        min_key : str
            Not used.
        """
        self.checkpointer.recover_if_possible()

    def init_optimizers(self):
        """Makes one optimizer for all that is trained."""
        self.optimizer = self.opt_class(self.hparams.model.parameters())
        self.optimizers_dict = {"all": self.optimizer}
        self.checkpointer.add_recoverable("optimizer", self.optimizer)


class Crops:
    """Cuts a random stretch out of each clip, and keeps the corpus in memory.

    Arguments
    ---------
    length : float
        Of a crop, in seconds.
    margin : float
        How far it may reach beyond either end of the clip, in seconds;
        there it is silent.
    """

    def __init__(self, length, margin):
        self.length = round(length * SAMPLE_RATE)
        self.margin = round(margin * SAMPLE_RATE)

    def __call__(self, wav):
        """Cuts one crop.

        Arguments
        ---------
        wav : str
            The file.

        Returns
        -------
        torch.Tensor
            Waveform [sample], always of the same length.
        """
        kept = read_once(wav).float() / 32767
        spare = len(kept) - self.length
        start = int(
            torch.randint(
                min(spare, 0) - self.margin,
                max(spare, 0) + self.margin + 1,
                (1,),
            )
        )
        # Negative padding cuts.
        return torch.nn.functional.pad(
            kept, (-start, start + self.length - len(kept))
        )


@functools.cache
def read_once(wav):
    """Reads a file, and keeps it: 115 MB of memory for an hour of speech.

    Arguments
    ---------
    wav : str
        The file.

    Returns
    -------
    torch.Tensor
        Waveform at 16 kHz, int16 [sample].
    """
    return (read_audio(wav).clamp(-1, 1) * 32767).round().short()


class Targets:
    """What the classifier is to say: what was acted, mixed with what listeners
    heard, where their votes are there.

    Arguments
    ---------
    classes : tuple of str
        The emotions.
    votes : dict
        From ID to the share of votes for each class.
    weight : float
        Of the votes, 0 to 1.
    """

    def __init__(self, classes, votes, weight):
        self.classes, self.votes, self.weight = classes, votes, weight

    def __call__(self, emotion, clip):
        """Mixes one target.

        Arguments
        ---------
        emotion : str
            What was acted.
        clip : str
            ID.

        Yields
        ------
        acted : int
            Number of the class.
        target : torch.Tensor
            Probabilities [class].
        """
        acted = self.classes.index(emotion)
        yield acted
        target = one_hot(torch.tensor(acted), len(self.classes)).float()
        if clip in self.votes:
            target = torch.lerp(
                target, torch.tensor(self.votes[clip]), self.weight
            )
        yield target


def dataio_prep(hparams):
    """Makes the datasets from the manifests.

    Arguments
    ---------
    hparams : dict
        The settings.

    Returns
    -------
    dict
        From "train", "valid" and "test" to a DynamicItemDataset that gives
        `id`, `sig`, `acted` and `target`.
    """
    paths = {
        "train": hparams["train_annotation"],
        "valid": hparams["valid_annotation"],
        "test": hparams["test_annotation"],
    }
    check_splits({name: read_manifest(path) for name, path in paths.items()})
    corpora = hparams["corpora"]
    votes = {}
    for corpus in corpora.train:
        if corpus.key == "crema_d":
            votes = read_votes(corpus.folder / "tabulatedVotes.csv")
    targets = Targets(corpora.classes, votes, hparams["votes_weight"])
    datasets = {}
    for name, path in paths.items():
        read = hparams["crops"] if name == "train" else read_audio
        datasets[name] = DynamicItemDataset.from_csv(
            path,
            replacements=corpora.roots,
            dynamic_items=[
                {"func": read, "takes": "wav", "provides": "sig"},
                {
                    "func": targets,
                    "takes": ["emotion", "id"],
                    "provides": ["acted", "target"],
                },
            ],
            output_keys=["id", "sig", "acted", "target"],
        )
    for name in ("valid", "test"):
        datasets[name] = datasets[name].filtered_sorted(
            sort_key="duration", reverse=True
        )
    return datasets


@main_process_only
def write_encoder(hparams, brain):
    """Writes the averaged encoder in the Hugging Face format, in half
    precision, and beside it the log and the learning curve.

    Arguments
    ---------
    hparams : dict
        The settings.
    brain : EncoderBrain
        After `evaluate`.
    """
    folder = Path(hparams["encoder_folder"])
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    model = hparams["average"].module["wav2vec2"].model
    model.config.apply_spec_augment = False
    # Whoever tests on these speakers is told.
    model.config.heard_speakers = sorted(
        speaker
        for name in ("train", "valid")
        for speaker in hparams["corpora"].full_names(
            read_manifest(hparams[f"{name}_annotation"])["spk_id"]
        )
    )
    # Half the size; the config asks for fp32 when it is loaded.
    weights = {name: w.half() for name, w in model.state_dict().items()}
    model.save_pretrained(unfinished, state_dict=weights)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(
        unfinished
    )
    shutil.copy(hparams["train_log"], unfinished)
    draw_learning_curve(
        Path(hparams["train_log"]).read_text("utf-8"),
        1 / hparams["out_n_neurons"],
        unfinished / "learning_curve.svg",
    )
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)


def draw_learning_curve(log, chance, path):
    """Draws the validation UAR and the losses of a training.

    Arguments
    ---------
    log : str
        As the train logger writes it.
    chance : float
        UAR of a guess.
    path : pathlib.Path
        An SVG file.
    """
    epochs = [
        re.findall(r"(?:epoch|loss|uar): ([-+.e\d]+)", line)
        for line in log.splitlines()
        if "valid uar" in line
    ]
    epoch, train_loss, valid_loss, uars = np.array(epochs, dtype=float).T
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epoch, uars, label="speakers that validate")
    left.axhline(chance, color="gray", linestyle=":", label="chance")
    left.set(xlabel="epoch", ylabel="UAR", ylim=(0, 1))
    right.plot(epoch, train_loss, label="training, all targets")
    right.plot(epoch, valid_loss, label="validation, emotion")
    right.set(xlabel="epoch", ylabel="loss")
    for axes in (left, right):
        axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main():
    """Runs the recipe."""
    hparams_file, run_opts, overrides = parse_arguments(sys.argv[1:])
    sb.utils.distributed.ddp_init_group(run_opts)
    hparams = load_settings(hparams_file, overrides)
    run_on_main(
        keep_settings, (hparams["output_folder"], hparams_file, overrides)
    )
    sb.create_experiment_directory(hparams["output_folder"])
    if not hparams["skip_prep"]:
        run_on_main(
            prepare,
            kwargs={
                "corpora": hparams["corpora"],
                "save_folder": hparams["manifest_folder"],
                "protocol": hparams["protocol"],
                "fold": hparams["fold"],
                "num_folds": hparams["num_folds"],
                "text_independent": False,
                "valid_ratio": hparams["valid_ratio"],
                "min_duration": hparams["min_duration"],
                "audio_index": hparams["audio_index"],
            },
        )
    datasets = dataio_prep(hparams)
    # The Hugging Face model draws its masks from numpy.
    np.random.seed(hparams["seed"])
    hparams["wav2vec2"].model.config.apply_spec_augment = True
    # For crops of two seconds faster on a CPU than the fused kernel.
    hparams["wav2vec2"].model.set_attn_implementation("eager")
    hparams["average"] = AveragedModel(
        hparams["model"],
        multi_avg_fn=get_ema_multi_avg_fn(hparams["average_decay"]),
    )
    hparams["checkpointer"].add_recoverable("average", hparams["average"])
    brain = EncoderBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    hparams["average"].to(brain.device).eval()
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
        train_loader_kwargs={
            **hparams["train_dataloader_opts"],
            "sampler": sampler,
        },
        valid_loader_kwargs=hparams["valid_dataloader_opts"],
        progressbar=progressbar,
    )
    brain.evaluate(
        datasets["test"],
        progressbar=progressbar,
        # A copy, since it is changed there.
        test_loader_kwargs=dict(hparams["valid_dataloader_opts"]),
    )
    if brain.debug:
        logger.info("Debug mode: a few batches train nothing, none is kept.")
        return
    write_encoder(hparams, brain)
    if if_main_process():
        print(
            f"The encoder: {hparams['encoder_folder']}\n"
            f"Unseen speakers: UAR {100 * brain.test_stats['uar']:.1f} %"
        )


# RECIPE BEGINS!
if __name__ == "__main__":
    with one_sentence_errors():
        main()
