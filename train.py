#!/usr/bin/env python3
"""Recipe for speech emotion recognition with wav2vec 2.0, pooling and an MLP.

To run it on the built-in synthetic corpus, and on a corpus of your own:
> python train.py hparams/train.yaml
> python train.py hparams/train.yaml --corpus emodb --data_folder /path/to/emodb

With a frozen encoder (hparams/train.yaml) each clip is encoded once and the
head is trained on the kept embeddings; hparams/finetune.yaml trains the
encoder too.
"""

import json
import logging
import shutil
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import speechbrain as sb
import torch
import yaml
from sklearn.metrics import confusion_matrix
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.nnet.schedulers import update_learning_rate
from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import (
    ddp_broadcast,
    if_main_process,
    main_process_only,
    run_on_main,
)
from speechbrain.utils.logger import get_logger

from data_prep.manifest import (
    manifest_sha256,
    prepare,
    read_manifest,
    read_split,
    shorten,
    write_csv,
    write_text,
)
from data_prep.protocol import check_splits
from ser.audio import read_audio
from ser.checkpoint import best_first, is_end_of_epoch
from ser.encoder import built_in_encoder
from ser.errors import RecipeError, one_sentence_errors
from ser.metrics import compute_metrics, uar, wa
from ser.report import write_report
from ser.settings import (
    keep_settings,
    load_settings,
    parse_arguments,
)
from ser.store import (
    EmbeddingBatch,
    EmbeddingStore,
    KeptEmbeddings,
    as_it_is,
)

logger = get_logger(__name__)


@register_checkpoint_hooks
class EmotionBrain(sb.Brain):
    """Trains and tests an emotion classifier."""

    def compute_forward(self, batch, stage):
        """From waveforms, or kept embeddings, to logits.

        Arguments
        ---------
        batch : PaddedBatch
            With `embedding` [batch, layer + 1, channel] or `sig`
            [batch, sample].
        stage : sb.Stage
            TRAIN, VALID or TEST.

        Returns
        -------
        torch.Tensor
            Logits [batch, class].
        """
        embeddings = self.compute_embeddings(batch, stage)
        embeddings = self.modules.standardiser(embeddings)
        embedding = self.modules.layer_weights(embeddings)
        return self.modules.classifier(embedding)

    def compute_embeddings(self, batch, stage):
        """From waveforms to pooled embeddings, unless they are kept.

        Arguments
        ---------
        batch : PaddedBatch
            As that of `compute_forward`.
        stage : sb.Stage
            TRAIN, VALID or TEST.

        Returns
        -------
        torch.Tensor
            Embeddings [batch, layer + 1, channel].
        """
        batch = batch.to(self.device)
        if isinstance(batch, EmbeddingBatch):
            return batch.embedding
        wavs, lens = batch.sig
        if stage == sb.Stage.TRAIN and getattr(self.hparams, "augment", False):
            wavs, lens = self.hparams.wav_augment(wavs, lens)
        return self.modules.pool(*self.modules.wav2vec2(wavs, lens))

    def compute_objectives(self, predictions, batch, stage):
        """From logits to the loss.

        Arguments
        ---------
        predictions : torch.Tensor
            Logits [batch, class].
        batch : PaddedBatch
            With `emotion_encoded` [batch].
        stage : sb.Stage
            TRAIN, VALID or TEST.

        Returns
        -------
        torch.Tensor
            The loss, a scalar.
        """
        predictions = predictions.float()
        target = batch.emotion_encoded.to(self.device)
        if stage != sb.Stage.TRAIN:
            self.outputs += zip(
                batch.id,
                target.tolist(),
                predictions.softmax(dim=-1).cpu().numpy(),
            )
        return self.hparams.compute_cost(
            predictions, target, weight=self.class_weights
        )

    def on_fit_start(self):
        """Resumes from the last checkpoint and writes the logs anew up to
        it, since a killed run may have logged an epoch that it lost."""
        self.history = []
        super().on_fit_start()
        if if_main_process():
            Path(self.hparams.train_log).unlink(missing_ok=True)
            shutil.rmtree(
                self.hparams.tensorboard_logger.keywords["save_dir"],
                ignore_errors=True,
            )
        self.tensorboard = self.hparams.tensorboard_logger()
        for epoch in self.history:
            self.log_epoch(epoch)

    def on_stage_start(self, stage, epoch=None):
        """Empties what the stage collects.

        Arguments
        ---------
        stage : sb.Stage
            TRAIN, VALID or TEST.
        epoch : int
            From 1, None for TEST.
        """
        if stage != sb.Stage.TRAIN:
            self.outputs = []

    def on_fit_batch_start(self, batch, should_step):
        """Warms up the encoder's learning rate.

        Arguments
        ---------
        batch : PaddedBatch
            Not used.
        should_step : bool
            Whether the optimizers step after this batch.
        """
        if should_step and "wav2vec2" in self.optimizers_dict:
            self.hparams.lr_annealing_wav2vec2(self.optimizers_dict["wav2vec2"])

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Anneals, logs and saves after validation; reports after the test.

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
            self.train_loss = stage_loss
        elif stage == sb.Stage.VALID:
            self.on_valid_end(stage_loss, epoch)
        else:
            self.predictions = self.collect_predictions()

    def on_valid_end(self, valid_loss, epoch):
        """Anneals, logs, saves, and decides whether to go on.

        Arguments
        ---------
        valid_loss : float
            Mean over the batches.
        epoch : int
            From 1.
        """
        predictions = self.collect_predictions()
        confusion = confusion_matrix(
            predictions["truth"], predictions["prediction"], labels=self.classes
        )
        stats = {
            "epoch": epoch,
            "train_loss": float(self.train_loss),
            "valid_loss": float(valid_loss),
            "valid_uar": uar(confusion),
            "valid_wa": wa(confusion),
            "lr": float(self.optimizers_dict["head"].param_groups[0]["lr"]),
        }
        # Processes must not disagree on when to stop, not even by rounding.
        stats = ddp_broadcast(stats, src=0)
        error = 1 - stats["valid_uar"]
        _, new_lr = self.hparams.lr_annealing(error)
        update_learning_rate(self.optimizers_dict["head"], new_lr)
        self.hparams.epoch_counter.update_metric(error)
        self.history.append(stats)
        self.log_epoch(stats)
        self.checkpointer.save_and_keep_only(
            meta=stats,
            importance_keys=[best_first],  # and the most recent
            ckpt_predicate=is_end_of_epoch,
            verbosity=logging.DEBUG,
        )

    def log_epoch(self, stats):
        """Writes one epoch to the log and to TensorBoard.

        Arguments
        ---------
        stats : dict
            As `history` holds them.
        """
        for log in (self.hparams.train_logger, self.tensorboard):
            log.log_stats(
                {"epoch": stats["epoch"], "lr": stats["lr"]},
                train_stats={"loss": stats["train_loss"]},
                valid_stats={
                    "loss": stats["valid_loss"],
                    "uar": stats["valid_uar"],
                    "wa": stats["valid_wa"],
                },
            )

    def collect_predictions(self):
        """Makes a table of what the stage put out.

        Returns
        -------
        pandas.DataFrame
            ID, truth, prediction and a probability for each class, by ID.
        """
        ids, truth, probabilities = zip(*self.outputs)
        probabilities = np.array(probabilities)
        classes = np.array(self.classes)
        table = pd.DataFrame(
            {
                "ID": ids,
                "truth": classes[list(truth)],
                "prediction": classes[probabilities.argmax(axis=1)],
            }
        )
        table[self.classes] = probabilities
        return table.sort_values("ID", ignore_index=True)

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Loads the best checkpoint.

        Arguments
        ---------
        max_key : str
            Not used: `best_first` decides.
        min_key : str
            Not used.
        """
        history = self.history  # the checkpoint's ends with its own epoch
        self.checkpointer.recover_if_possible(
            importance_key=best_first, ckpt_predicate=is_end_of_epoch
        )
        self.history = history

    def check_loss_isfinite(self, loss):
        """Ends a run that diverges with what to do about it.

        Arguments
        ---------
        loss : torch.Tensor
            A scalar.
        """
        try:
            super().check_loss_isfinite(loss)
        except ValueError as error:
            raise RecipeError(
                "the loss is not finite any more: lower --lr or "
                "--lr_wav2vec2, or use --precision fp32; what was saved is kept."
            ) from error

    def init_optimizers(self):
        """Makes an optimizer for the head, and one for the encoder if it is
        trained: gradients are clipped for each optimizer by itself."""
        # Not through self.modules, whose frozen encoder would be counted in.
        encoder, head = self.hparams.wav2vec2, self.hparams.model
        parameters = {"head": (self.opt_class, head)}
        if not self.hparams.freeze_wav2vec2:
            if not hasattr(self.hparams, "wav2vec2_opt_class"):
                raise RecipeError(
                    "freeze_wav2vec2 is False in a recipe for a frozen "
                    "encoder: use hparams/finetune.yaml to train it."
                )
            parameters["wav2vec2"] = (self.hparams.wav2vec2_opt_class, encoder)
        self.optimizers_dict = {
            name: opt_class([p for p in module.parameters() if p.requires_grad])
            for name, (opt_class, module) in parameters.items()
        }
        for name, optimizer in self.optimizers_dict.items():
            self.checkpointer.add_recoverable(f"optimizer_{name}", optimizer)

    @torch.no_grad()
    def fit_standardiser(self, dataset):
        """Takes the statistics of the training set's embeddings, before the
        first epoch.

        Arguments
        ---------
        dataset : DynamicItemDataset or KeptEmbeddings
            The training set.
        """
        self.modules.eval()
        if isinstance(dataset, DynamicItemDataset):
            # Longest first, so that batches hold little padding.
            dataset = dataset.filtered_sorted(sort_key="duration", reverse=True)
        loader = make_dataloader(
            dataset,
            generator=torch.Generator(),
            **loader_options(dataset, self.hparams.valid_dataloader_opts),
        )
        self.hparams.standardiser.fit(
            self.compute_embeddings(batch, sb.Stage.VALID) for batch in loader
        )

    @mark_as_saver
    def _save(self, path):
        """Saves the counters and the history."""
        super()._save(path)
        saved = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        saved["history"] = self.history
        # JSON is YAML too, and a tenth of the time to write.
        Path(path).write_text(json.dumps(saved), encoding="utf-8")

    @mark_as_loader
    def _recover(self, path, end_of_epoch):
        """Loads the counters and the history."""
        super()._recover(path, end_of_epoch)
        saved = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        self.history = saved["history"]


def dataio_prep(hparams):
    """Makes the datasets from the manifests.

    Arguments
    ---------
    hparams : dict
        The settings.

    Returns
    -------
    datasets : dict
        From "train", "valid" and "test" to a DynamicItemDataset that gives
        `id`, `sig` and `emotion_encoded`.
    manifests : dict
        From the same to the manifest, a pandas.DataFrame.
    label_encoder : CategoricalEncoder
        From emotions to outputs of the classifier.
    """
    paths = {
        "train": hparams["train_annotation"],
        "valid": hparams["valid_annotation"],
        "test": hparams["test_annotation"],
    }
    manifests = {name: read_manifest(path) for name, path in paths.items()}
    facts = read_split(hparams["manifest_folder"])
    check_splits(manifests, facts["shares_speakers"])

    classes = hparams["corpora"].classes
    if hparams["out_n_neurons"] != len(classes):
        raise RecipeError(
            f"out_n_neurons is {hparams['out_n_neurons']} and "
            f"{hparams['corpus']} has {len(classes)} classes "
            f"({', '.join(classes)}): leave it out, or give {len(classes)}."
        )
    for name, manifest in manifests.items():
        strange = sorted(set(manifest["emotion"]) - set(classes))
        if strange:
            raise RecipeError(
                f"{paths[name]} holds {', '.join(strange)}, and the classes of "
                f"{hparams['corpus']} are {', '.join(classes)}: prepare again."
            )
    label_encoder = CategoricalEncoder()
    label_encoder.expect_len(len(classes))
    label_encoder.update_from_iterable(classes)
    label_file = Path(hparams["save_folder"]) / "label_encoder.txt"
    run_on_main(label_encoder.save, (label_file,))
    # Functions of modules, not of this function: spawned workers pickle them.
    datasets = {
        name: DynamicItemDataset.from_csv(
            path,
            replacements=hparams["corpora"].roots,
            dynamic_items=[
                {"func": read_audio, "takes": "wav", "provides": "sig"},
                {
                    "func": label_encoder.encode_label,
                    "takes": "emotion",
                    "provides": "emotion_encoded",
                },
            ],
            output_keys=["id", "sig", "emotion_encoded"],
        )
        for name, path in paths.items()
    }
    # Longest first, so that validation and test batches hold little padding.
    for name in ("valid", "test"):
        datasets[name] = datasets[name].filtered_sorted(
            sort_key="duration", reverse=True
        )
    return datasets, manifests, label_encoder


def keep_embeddings(hparams, datasets):
    """Encodes what the store lacks, and has the datasets read from it.

    Arguments
    ---------
    hparams : dict
        The settings.
    datasets : dict
        As `dataio_prep` makes them.

    Returns
    -------
    dict
        From the same names to KeptEmbeddings, in the same order of clips.
    """
    store = EmbeddingStore(
        hparams["embedding_store"], hparams["wav2vec2"], hparams["pool"]
    )
    clips = {
        clip["sha256"]: (clip["wav"], clip["duration"])
        for dataset in datasets.values()
        for clip in dataset.data.values()
    }
    run_on_main(
        store.fill,
        kwargs={
            "clips": clips,
            "encoder": hparams["wav2vec2"],
            "pooling": hparams["pool"],
            "max_batch_length": hparams["encode_batch_length"],
            "num_workers": hparams["encode_workers"],
        },
    )
    kept = {}
    for name, dataset in datasets.items():
        with dataset.output_keys_as(["id", "sha256", "emotion_encoded"]):
            rows = [tuple(clip.values()) for clip in dataset]
        kept[name] = KeptEmbeddings(store, *map(list, zip(*rows)))
    return kept


def loader_options(dataset, options):
    """Adds to the options of a loader what its dataset needs.

    Arguments
    ---------
    dataset : DynamicItemDataset or KeptEmbeddings
        What is loaded.
    options : dict
        Of the settings.

    Returns
    -------
    dict
        Always another one, since SpeechBrain changes those for the test.
    """
    if isinstance(dataset, KeptEmbeddings):
        return {**options, "collate_fn": as_it_is}
    return dict(options)


def inverse_frequency(manifest, classes):
    """Weighs each class by the inverse of its frequency.

    Arguments
    ---------
    manifest : pandas.DataFrame
        The training set.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    torch.Tensor
        Weights [class] whose mean over the clips is 1.
    """
    counts = manifest["emotion"].value_counts().reindex(classes).to_numpy()
    weights = len(manifest) / (len(classes) * counts)
    return torch.tensor(np.nan_to_num(weights), dtype=torch.float32)


def batches_by_length(dataset, seed, options):
    """Makes SpeechBrain's sampler of batches of clips of like length.

    Arguments
    ---------
    dataset : DynamicItemDataset
        The training set.
    seed : int
        Of the order.
    options : dict
        Those of DynamicBatchSampler; `num_buckets` buckets hold a like
        number of clips each.

    Returns
    -------
    DynamicBatchSampler
    """
    options = dict(options)
    durations = [clip["duration"] for clip in dataset.data.values()]
    # Its own buckets are quantiles of a log-normal law, not of these clips.
    quantiles = np.linspace(0, 1, options.pop("num_buckets") + 1)[1:]
    bounds = np.unique(np.quantile(durations, quantiles)).tolist()
    return DynamicBatchSampler(
        dataset, bucket_boundaries=bounds, seed=seed, **options
    )


@main_process_only
def write_results(hparams, brain, manifests, with_report):
    """Writes predictions.csv, report.html and, last, metrics.json, whose
    presence says that the run is over.

    Arguments
    ---------
    hparams : dict
        The settings.
    brain : EmotionBrain
        After `evaluate`.
    manifests : dict
        As `dataio_prep` reads them.
    with_report : bool
        Whether to write the report, and intervals into the metrics.
    """
    encoder = hparams["wav2vec2"]
    folder = Path(hparams["output_folder"])
    facts = describe_run(hparams)
    protocol = facts["Protocol"]
    speakers = manifests["test"].set_index("ID")["spk_id"]
    predictions = brain.predictions
    predictions.insert(1, "spk_id", predictions["ID"].map(speakers))
    # So that a table that is passed on says where it comes from.
    predictions["protocol"] = protocol
    metrics = compute_metrics(
        predictions, brain.classes, predictions["spk_id"], with_report
    )
    best = brain.checkpointer.find_checkpoint(
        importance_key=best_first, ckpt_predicate=is_end_of_epoch
    ).meta["epoch"]
    metrics |= {
        "corpus": hparams["corpus"],
        "protocol": protocol,
        "fold": hparams["fold"],
        "seed": hparams["seed"],
        "encoder": encoder.source,
        "encoder_is_random": encoder.is_random,
        "best_epoch": best,
        "manifest_sha256": manifest_sha256(
            [
                hparams["train_annotation"],
                hparams["valid_annotation"],
                hparams["test_annotation"],
            ]
        ),
    }
    names = hparams["corpora"].full_names(set(speakers))
    heard = len(names & encoder.heard_speakers)
    metrics["heard_test_speakers"] = heard
    if heard:
        facts["Notice"] = say_heard(heard, facts.get("Notice", ""))
    write_csv(predictions, folder / "predictions.csv")
    if with_report:
        weights = hparams["layer_weights"].weights()
        facts["Protocol"] += f"; fold {hparams['fold']}"
        facts |= {
            "Speakers": "; ".join(
                f"{name} {shorten(sorted(manifest['spk_id'].unique()))}"
                for name, manifest in manifests.items()
            ),
            "Seed": str(hparams["seed"]),
            "Manifests": f"sha256 {metrics['manifest_sha256']}",
        }
        write_report(
            folder / "report.html",
            metrics,
            predictions,
            [row | {"best": row["epoch"] == best} for row in brain.history],
            None if weights is None else weights.tolist(),
            facts,
        )
    hparams["train_logger"].log_stats(
        {"best epoch": best, "protocol": protocol},
        test_stats={name: metrics[name] for name in ("uar", "wa", "macro_f1")},
    )
    write_text(json.dumps(metrics, indent=2), folder / "metrics.json")


def say_heard(heard, notice):
    """Says that an encoder was trained on test speakers.

    Arguments
    ---------
    heard : int
        How many.
    notice : str
        What else must be said with the score.

    Returns
    -------
    str
    """
    return (
        f"{notice} The encoder was trained with the labels of {heard} of the "
        "test speakers: the score says nothing of unseen ones."
    ).strip()


def describe_run(hparams):
    """Says in words what a run is, for reports.

    Arguments
    ---------
    hparams : dict
        The settings, the data prepared.

    Returns
    -------
    dict
        From what a fact is to the fact.
    """
    corpora, encoder = hparams["corpora"], hparams["wav2vec2"]
    split = read_split(hparams["manifest_folder"])
    source = Path(encoder.source)  # where it lies is the machine's affair
    facts = {
        "Notice": split["notice"],
        "Corpus": corpora.name,
        "Licence": "; ".join(
            f"{c.name}: {c.licence}" for c in corpora.all if c.licence
        ),
        "Citation": "; ".join(c.citation for c in corpora.all if c.citation),
        "Classes": ", ".join(corpora.classes),
        "Protocol": split["protocol"],
        "Encoder": (source.name if source.is_dir() else encoder.source)
        + (" (random weights)" if encoder.is_random else ""),
        "Training": ("frozen" if encoder.freeze else "fine-tuned")
        + f" encoder, {hparams['pooling']} pooling, {hparams['layers']} layers",
        "Date": date.today().isoformat(),
        "Versions": f"speechbrain {sb.__version__}, torch {torch.__version__}",
    }
    return {name: fact for name, fact in facts.items() if fact}


@main_process_only
def say_results(hparams, hparams_file):
    """Prints what a run came to, and what to do next.

    Arguments
    ---------
    hparams : dict
        The settings.
    hparams_file : str
        Where they came from.
    """
    corpora = hparams["corpora"]
    folder = Path(hparams["output_folder"])
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    interval = ""
    if "uar_ci95" in metrics:  # not where crossval.py made the run
        low, high = metrics["uar_ci95"]
        interval = (
            f" (95 % interval {100 * low:.1f} to {100 * high:.1f}, "
            f"resampling {metrics['ci_resamples']})"
        )
    print(
        f"\nTest UAR {100 * metrics['uar']:.1f} %{interval}; "
        f"{metrics['n']} clips, chance {100 / corpora.num_classes:.1f} %"
    )
    print(f"Protocol: {metrics['protocol']}; fold {metrics['fold']}")
    if interval:
        print(f"Report: {folder / 'report.html'}")
    else:
        print("This run is one of crossval.py's, whose summary has the report.")
    notice = read_split(hparams["manifest_folder"])["notice"]
    if metrics["heard_test_speakers"]:
        notice = say_heard(metrics["heard_test_speakers"], notice)
    if notice:
        print(notice)
    note = None
    if metrics["encoder_is_random"]:
        note = "This encoder has random weights: it has never heard speech"
    elif metrics["encoder"] == built_in_encoder():
        note = "The built-in encoder is small and heard CREMA-D alone"
    if note:
        print(
            f"{note}. For one that heard 960 hours:\n"
            f"  python train.py {hparams_file} "
            "--wav2vec2_hub facebook/wav2vec2-base"
            " --output_folder results/wav2vec2-base"
        )
    if corpora.all[0].make:
        print(
            "On a corpus of your own:\n"
            f"  python train.py {hparams_file} --corpus emodb"
            " --data_folder /path/to/emodb"
            " --wav2vec2_hub facebook/wav2vec2-base"
        )


def run(hparams_file, run_opts, overrides, with_report=True):
    """Prepares the data, trains, tests and writes the results, or what is
    left of it to do.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain, such as the device.
    overrides : dict
        From keys of the file to what is to stand there.
    with_report : bool
        Whether to write a report and the machine's environment, which takes
        longer than to train a head.

    Returns
    -------
    hparams : dict
        The settings.
    """
    hparams = prepare_run(hparams_file, overrides, with_report)
    datasets, manifests, label_encoder = dataio_prep(hparams)
    if (Path(hparams["output_folder"]) / "metrics.json").is_file():
        logger.info("This run is over: nothing is trained or tested again.")
        return hparams

    try:
        brain = EmotionBrain(
            modules=hparams["modules"],
            opt_class=hparams["opt_class"],
            hparams=hparams,
            run_opts=run_opts,
            checkpointer=hparams["checkpointer"],
        )
    # Such as fp16 on a CPU, or a GPU that is not there.
    except (ValueError, AssertionError, RuntimeError) as error:
        raise RecipeError(
            f"SpeechBrain refuses these options: {error}"
        ) from error
    brain.classes = label_encoder.decode_ndim(range(len(label_encoder)))
    if hparams["freeze_wav2vec2"] and hparams.get("encode_once"):
        if hparams["pooling"] == "attention":
            logger.warning(
                "attention pooling is learned, so its embeddings cannot be "
                "kept: every epoch encodes every clip again"
            )
        else:
            datasets = keep_embeddings(hparams, datasets)
    # A log file has no use for bars.
    progressbar = sys.stderr.isatty() and not brain.noprogressbar
    test_set = datasets.pop("test")
    fit(hparams, brain, datasets, manifests["train"], progressbar)
    brain.evaluate(
        test_set,
        progressbar=progressbar,
        test_loader_kwargs=loader_options(
            test_set, hparams["test_dataloader_opts"]
        ),
    )
    if brain.debug:
        logger.info("Debug mode: a few batches are no result, none is kept.")
    else:
        write_results(hparams, brain, manifests, with_report)
    return hparams


def prepare_run(hparams_file, overrides, with_env=False):
    """Loads the settings, keeps them with the run, and prepares the data.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    overrides : dict
        From keys of the file to what is to stand there.
    with_env : bool
        Whether to write down the machine's environment.

    Returns
    -------
    hparams : dict
        The settings.
    """
    hparams = load_settings(hparams_file, overrides)
    run_on_main(
        keep_settings, (hparams["output_folder"], hparams_file, overrides)
    )
    sb.create_experiment_directory(
        hparams["output_folder"], save_env_desc=with_env
    )
    if not hparams["skip_prep"]:
        run_on_main(
            prepare,
            kwargs={
                "corpora": hparams["corpora"],
                "save_folder": hparams["manifest_folder"],
                "protocol": hparams["protocol"],
                "fold": hparams["fold"],
                "num_folds": hparams["num_folds"],
                "text_independent": hparams["text_independent"],
                "valid_ratio": hparams["valid_ratio"],
                "min_duration": hparams["min_duration"],
                "audio_index": hparams["audio_index"],
            },
        )
    return hparams


def fit(hparams, brain, datasets, train_manifest, progressbar):
    """Trains, and is not given the test set.

    Arguments
    ---------
    hparams : dict
        The settings.
    brain : EmotionBrain
        What is trained.
    datasets : dict
        "train" and "valid".
    train_manifest : pandas.DataFrame
        Whose classes are counted.
    progressbar : bool
        Whether to show one.
    """
    brain.class_weights = None
    if hparams["class_weights"]:
        brain.class_weights = inverse_frequency(
            train_manifest, brain.classes
        ).to(brain.device)
    if brain.checkpointer.find_checkpoint() is None:
        brain.fit_standardiser(datasets["train"])
    train_loader_kwargs = loader_options(
        datasets["train"], hparams["train_dataloader_opts"]
    )
    if "dynamic_batch_sampler" in hparams:
        sampler = batches_by_length(
            datasets["train"], hparams["seed"], hparams["dynamic_batch_sampler"]
        )
        train_loader_kwargs = {**train_loader_kwargs, "batch_sampler": sampler}
        # Or a single process would repeat the first epoch's batches.
        brain.train_sampler = sampler
    brain.fit(
        hparams["epoch_counter"],
        datasets["train"],
        datasets["valid"],
        train_loader_kwargs=train_loader_kwargs,
        valid_loader_kwargs=loader_options(
            datasets["valid"], hparams["valid_dataloader_opts"]
        ),
        progressbar=progressbar,
    )
    if brain.checkpointer.find_checkpoint() is None:
        raise RecipeError(
            "no epoch was trained, so there is nothing to test: raise "
            "--number_of_epochs, or leave out --test_only."
        )


def main():
    """Runs the recipe."""
    hparams_file, run_opts, overrides = parse_arguments(sys.argv[1:])
    sb.utils.distributed.ddp_init_group(run_opts)
    hparams = run(hparams_file, run_opts, overrides)
    if (Path(hparams["output_folder"]) / "metrics.json").is_file():
        say_results(hparams, hparams_file)


# RECIPE BEGINS!
if __name__ == "__main__":
    with one_sentence_errors():
        main()
