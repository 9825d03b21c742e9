#!/usr/bin/env python3
"""Recipe for training a speech emotion recogniser: a wav2vec 2.0 encoder,
pooling over time, weighted layers and averaged MLPs.

> python train.py hparams/train.yaml --data_folder=/path/to/corpus

A frozen encoder (hparams/train.yaml) encodes each clip once, for a head that is
trained on the stored embeddings; hparams/finetune.yaml trains the encoder too.
"""

import sys

from ser.usage import print_usage

if __name__ == "__main__":
    print_usage(__doc__)

import logging
import time
from functools import partial
from pathlib import Path

import torch
from ser.audio import read_audio
from ser.batches import batches_by_length, loader_options
from ser.embeddings import EmbeddingBatch
from ser.epochs import best_first, find_best, is_end_of_epoch, keep_fresh, refit
from ser.errors import RecipeError, check_finite, refused_options
from ser.head import fit_temperature, inverse_frequency, share_of, tabulate
from ser.speakers import check_normalise, normalise_speakers
from sklearn.metrics import recall_score

import speechbrain as sb
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.nnet.schedulers import update_learning_rate
from speechbrain.utils.checkpoints import torch_recovery
from speechbrain.utils.distributed import ddp_broadcast, run_on_main
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


class EmotionBrain(sb.Brain):
    """Trains, calibrates and tests an emotion classifier."""

    temperature = 1.0  # of the probabilities, until they are calibrated
    errors = ()  # of each epoch, if an earlier training validated for this one

    def compute_forward(self, batch, stage):
        """Computes logits [batch, class] from waveforms or embeddings."""
        embeddings = self.compute_embeddings(batch, stage)
        if self.hparams.normalise == "speaker":
            embeddings = normalise_speakers(
                embeddings, batch.own, self.hparams.standardiser
            )
        return self.modules.head(embeddings)

    def compute_embeddings(self, batch, stage):
        """Computes embeddings [batch, layer + 1, channel], unless they are
        stored."""
        batch = batch.to(self.device)
        if isinstance(batch, EmbeddingBatch):
            return batch.embedding
        wavs, lens = batch.sig
        if stage == sb.Stage.TRAIN and getattr(self.hparams, "augment", False):
            wavs, lens = self.hparams.wav_augment(wavs, lens)
        embeddings = self.modules.pool(*self.modules.wav2vec2(wavs, lens))
        names = [f"the embedding of {clip}" for clip in batch.id]
        check_finite(embeddings.detach(), names)
        return embeddings

    def compute_objectives(self, predictions, batch, stage):
        """Computes the loss, and collects logits outside training."""
        predictions = predictions.float()
        target = batch.emotion_encoded.data.to(self.device)
        if stage != sb.Stage.TRAIN:
            self.outputs += zip(batch.id, target.tolist(), predictions.cpu())
        # In training each head has logits of its own; votes are [batch, class].
        each = target.shape[1:]
        target = target.expand(*predictions.shape[:-1], *each)
        target, logits = target.reshape(-1, *each), predictions.flatten(0, -2)
        weights = self.class_weights
        return self.hparams.compute_cost(logits, target, weight=weights)

    def on_stage_start(self, stage, epoch=None):
        """Empties what the stage collects."""
        self.outputs = []

    def on_fit_batch_start(self, batch, should_step):
        """Warms up the encoder's learning rate."""
        if should_step and "wav2vec2" in self.optimizers_dict:
            self.hparams.lr_annealing_wav2vec2(self.optimizers_dict["wav2vec2"])

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Anneals, logs and saves after validation."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = float(stage_loss)
            if self.errors:
                # As after validation: a checkpoint holds them too.
                self.avg_train_loss, self.step = 0.0, 0
                self.end_epoch(epoch, self.errors[epoch - 1])
            return
        table = tabulate(self.outputs, self.hparams.classes, self.temperature)
        self.predictions = table
        if stage == sb.Stage.TEST:
            return
        truth, prediction = table["truth"], table["prediction"]
        occurring = [c for c in self.hparams.classes if c in set(truth)]
        uar = recall_score(truth, prediction, labels=occurring, average="macro")
        wa = float((truth == prediction).mean())
        stats = {"loss": float(stage_loss), "uar": float(uar), "wa": wa}
        # Processes must not disagree on when to stop, not even by rounding.
        stats = ddp_broadcast(stats, src=0)
        self.hparams.epoch_counter.update_metric(1 - stats["uar"])
        self.end_epoch(epoch, 1 - stats["uar"], stats)

    def end_epoch(self, epoch, error, stats=None):
        """Anneals by the error in validation, logs and saves; there are no
        scores of validation if it was of an earlier training."""
        optimizer = self.optimizers_dict["head"]
        lr = float(optimizer.param_groups[0]["lr"])
        _, new_lr = self.hparams.lr_annealing(error)
        update_learning_rate(optimizer, new_lr)
        number = {"epoch" if stats else "refit epoch": epoch}
        self.hparams.train_logger.log_stats(
            number | {"lr": lr}, {"loss": self.train_loss}, stats
        )
        scores = {
            f"valid_{name}": score for name, score in (stats or {}).items()
        }
        self.checkpointer.save_and_keep_only(
            meta={"epoch": epoch} | scores,
            importance_keys=[best_first],  # and the most recent
            ckpt_predicate=is_end_of_epoch,
            verbosity=logging.DEBUG,
        )

    def calibrate(self):
        """Fits the temperature to the set that was evaluated last."""
        _, truth, logits = zip(*self.outputs)
        self.temperature = fit_temperature(
            torch.stack(logits), torch.tensor(truth)
        )

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Loads the weights of the best checkpoint."""
        if self.test_only:  # nothing is loaded yet, such as the history
            self.checkpointer.recover_if_possible()
        epochs = getattr(self.hparams.train_logger, "epochs", [])
        best = find_best(self.checkpointer, epochs)
        self.best_epoch = best.meta["epoch"]
        for name in ("model", "wav2vec2"):
            if name in best.paramfiles:
                module = self.checkpointer.recoverables[name]
                torch_recovery(module, best.paramfiles[name], True)

    def check_loss_isfinite(self, loss):
        """Ends a run that diverges at once: the stock one waits for as many
        batches of an epoch as a small corpus does not have."""
        check_finite(loss.detach()[None], ["the loss of a batch"])

    def init_optimizers(self):
        """Makes an optimizer for the head, and one for the encoder if it is
        trained: gradients are clipped for each optimizer by itself."""
        # Not through self.modules, which would count a frozen encoder in.
        parts = {"head": (self.opt_class, self.hparams.model)}
        if not self.hparams.freeze_wav2vec2:
            if not hasattr(self.hparams, "wav2vec2_opt_class"):
                raise RecipeError(
                    "freeze_wav2vec2 is False in a recipe for a frozen "
                    "encoder: use hparams/finetune.yaml to train it."
                )
            parts["wav2vec2"] = (
                self.hparams.wav2vec2_opt_class,
                self.hparams.wav2vec2,
            )
        self.optimizers_dict = {
            name: opt_class([p for p in part.parameters() if p.requires_grad])
            for name, (opt_class, part) in parts.items()
        }
        for name, optimizer in self.optimizers_dict.items():
            self.checkpointer.add_recoverable(f"optimizer_{name}", optimizer)

    @torch.no_grad()
    def fit_standardiser(self, dataset):
        """Takes the statistics of the training set's embeddings."""
        self.modules.eval()
        if isinstance(dataset, DynamicItemDataset):
            # Longest first, so that batches hold little padding.
            dataset = dataset.filtered_sorted(sort_key="duration", reverse=True)
        options = loader_options(dataset, self.hparams.valid_dataloader_opts)
        # A generator of its own leaves the other random numbers alone.
        loader = make_dataloader(
            dataset, generator=torch.Generator(), **options
        )
        self.hparams.standardiser.fit(
            self.compute_embeddings(batch, sb.Stage.VALID) for batch in loader
        )


def dataio_prep(hparams):
    """Makes the datasets from the manifests: from "train", "valid", "test" and,
    for the clips of the first two, "refit", to a DynamicItemDataset that gives
    `id`, `sig` and `emotion_encoded`."""
    label_encoder = CategoricalEncoder()
    label_encoder.expect_len(len(hparams["classes"]))
    label_encoder.update_from_iterable(hparams["classes"])
    label_file = Path(hparams["save_folder"]) / "label_encoder.txt"
    run_on_main(label_encoder.save, (label_file,))
    votes = hparams["read_labels"]() if "read_labels" in hparams else {}
    # Functions of modules, not of this function: spawned workers pickle them.
    audio = {"func": read_audio, "takes": "wav", "provides": "sig"}
    label = {
        "func": label_encoder.encode_label,
        "takes": "emotion",
        "provides": "emotion_encoded",
    }
    target, output_keys = label, ["id", "sig", "emotion_encoded"]
    if votes:
        func = partial(share_of, classes=hparams["classes"], votes=votes)
        target = label | {"func": func, "takes": ["emotion", "id"]}
    datasets = {
        name: DynamicItemDataset.from_csv(
            hparams[f"{name}_annotation"],
            replacements=hparams["data_roots"],
            dynamic_items=[audio, target if name == "train" else label],
            output_keys=output_keys,
        )
        for name in ("train", "valid", "test")
    }
    if hparams["refit"]:
        clips = datasets["train"].data | datasets["valid"].data
        datasets["refit"] = DynamicItemDataset(
            clips, [audio, target], output_keys
        )
    # Longest first, so that validation and test batches hold little padding.
    for name in ("valid", "test"):
        datasets[name] = datasets[name].filtered_sorted(
            sort_key="duration", reverse=True
        )
    return datasets


def fit_and_test(hparams, run_opts):
    """Trains a recogniser on prepared data and tests its best epoch; returns
    the Brain, with `predictions`, `best_epoch` and `temperature`."""
    check_normalise(hparams)
    fresh = keep_fresh(hparams)
    datasets = dataio_prep(hparams)
    emotions = [clip["emotion"] for clip in datasets["train"].data.values()]
    speakers = {i: c["spk_id"] for i, c in datasets["test"].data.items()}
    parts = hparams["modules"], hparams["opt_class"], hparams, run_opts
    with refused_options():
        brain = EmotionBrain(*parts, hparams["checkpointer"])
    weights = inverse_frequency(emotions, hparams["classes"]).to(brain.device)
    brain.class_weights = weights if hparams["class_weights"] else None
    if hparams["freeze_wav2vec2"] and hparams["encode_once"]:
        datasets = hparams["store_embeddings"](datasets)
    if brain.checkpointer.find_checkpoint() is None:
        brain.fit_standardiser(datasets["train"])
    loaders = {
        name: loader_options(datasets[name], hparams[f"{name}_dataloader_opts"])
        for name in ("train", "valid", "test")
    }
    if "dynamic_batch_sampler" in hparams:
        # Set here too, or one process would repeat the first epoch's batches.
        brain.train_sampler = batches_by_length(
            datasets["train"],
            hparams["seed"],
            **hparams["dynamic_batch_sampler"],
        )
        loaders["train"]["batch_sampler"] = brain.train_sampler
    # A log file has no use for bars.
    progressbar = sys.stderr.isatty() and not brain.noprogressbar
    options = {
        "progressbar": progressbar,
        "train_loader_kwargs": loaders["train"],
        "valid_loader_kwargs": loaders["valid"],
    }
    brain.fit(
        hparams["epoch_counter"],
        datasets["train"],
        datasets["valid"],
        **options,
    )
    for name in ("valid", "test"):  # the best epoch's, for both
        brain.evaluate(
            datasets[name],
            progressbar=progressbar,
            test_loader_kwargs=loaders[name],
        )
        if name == "valid":
            brain.calibrate()
            if hparams["refit"]:
                parts = hparams["refit_checkpointer"], fresh, datasets["refit"]
                brain = refit(brain, *parts, run_opts, **options)
    table = brain.predictions
    table.insert(1, "spk_id", table["ID"].map(speakers))
    return brain


# RECIPE BEGINS!
def run(hparams, run_opts):
    """Prepares, trains, tests and reports, or what is left of it to do.

    Arguments
    ---------
    hparams : dict
        The settings, from `ser.settings.start_run`.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain, such as the device.
    """
    run_on_main(hparams["prepare"])
    report = hparams["report"]
    if report.is_written():
        logger.info("This run is finished: nothing is trained or tested again.")
        return
    brain = fit_and_test(hparams, run_opts)
    if brain.debug:
        logger.info("Debug mode: a few batches are not a result.")
        return
    calibrated = {"temperature": brain.temperature}
    run_on_main(hparams["save_model"], kwargs=calibrated)
    run_on_main(report.write, (brain.predictions, brain.best_epoch), calibrated)


if __name__ == "__main__":
    from ser.errors import user_errors
    from ser.lock import locked
    from ser.settings import parse_arguments, start_run

    with user_errors():
        hparams_file, run_opts, overrides = parse_arguments(sys.argv[1:])
        sb.utils.distributed.ddp_init_group(run_opts)
        hparams = start_run(hparams_file, overrides)
        with locked(hparams["output_folder"]):
            sb.create_experiment_directory(hparams["output_folder"])
            run(hparams, run_opts)
        run_on_main(hparams["report"].print_results, (hparams_file,))
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
            # Gloo's thread drops its last tensor, for which Python must still run.
            time.sleep(1)  # s
