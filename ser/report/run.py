"""What a run came to: predictions, metrics, facts, a page and a few lines."""

import functools
import json
from datetime import date
from pathlib import Path

import torch
from data_prep.manifest import (
    SPLITS,
    manifest_sha256,
    read_manifest,
    read_split,
)
from data_prep.prepare import shorten
from encoders import built_in_encoder
from ser.files import write_csv, write_text
from ser.metrics import METRICS, compute_metrics
from ser.report.pages import write_report

import speechbrain as sb

BETTER_ENCODER = "--wav2vec2_hub facebook/wav2vec2-base"


class RunReport:
    """Writes what a run came to, and prints it.

    With `with_page` set to False, as crossval.py does, neither the page is
    written nor intervals are computed: they take longer than to train a head.

    Arguments
    ---------
    output_folder : str
        Where predictions.csv, report.html and metrics.json go.
    manifest_folder : str
        Where the preparation wrote split.json.
    annotations : list of str
        The manifests of the training, validation and test set.
    corpora : data_prep.corpora.Corpora
        What was trained and tested on.
    encoder : ser.encoder.Encoder
        For its name and the speakers that it was trained on.
    pooling : str
        Kind of pooling.
    layers : str
        "weighted" or "last".
    layer_weights : ser.head.LayerWeights
        Holds the learned weights.
    fold : int
        Which fold was tested, from 1.
    seed : int
        What random numbers started from.
    train_logger : ser.history.TrainingHistory
        Holds the epochs, and logs the scores of the test set.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> RunReport(folder, folder, [], *[None] * 8).is_written()
    False
    """

    def __init__(
        self,
        output_folder,
        manifest_folder,
        annotations,
        corpora,
        encoder,
        pooling,
        layers,
        layer_weights,
        fold,
        seed,
        train_logger,
    ):
        self.folder = Path(output_folder)
        self.manifest_folder = manifest_folder
        self.annotations = annotations
        self.corpora = corpora
        self.encoder = encoder
        self.pooling, self.layers = pooling, layers
        self.layer_weights = layer_weights
        self.fold, self.seed = fold, seed
        self.train_logger = train_logger
        self.with_page = True

    @functools.cached_property
    def split(self):
        """What split.json holds, read once the data is prepared."""
        return read_split(self.manifest_folder)

    def is_written(self):
        """Tells whether the run has ended, here or in an earlier process."""
        return read_metrics(self.folder) is not None

    def write(self, predictions, best_epoch):
        """Writes predictions.csv, report.html and, last, metrics.json, whose
        presence marks the end of the run.

        Arguments
        ---------
        predictions : pandas.DataFrame
            ID, spk_id, truth, prediction and one probability a class, by ID.
        best_epoch : int
            The one that was tested.
        """
        protocol = self.split["protocol"]
        # So that a table that is passed on tells where it comes from.
        predictions = predictions.assign(protocol=protocol)
        speakers = predictions["spk_id"]
        names = self.corpora.full_names(set(speakers))
        metrics = compute_metrics(
            predictions, self.corpora.classes, speakers, self.with_page
        ) | {
            "corpus": ",".join(corpus.key for corpus in self.corpora.train),
            "protocol": protocol,
            "fold": self.fold,
            "seed": self.seed,
            "encoder": self.encoder.source,
            "encoder_is_random": self.encoder.is_random,
            "best_epoch": best_epoch,
            "manifest_sha256": manifest_sha256(self.annotations),
            "test_speakers_in_encoder_training": len(
                names & self.encoder.training_speakers
            ),
        }
        write_csv(predictions, self.folder / "predictions.csv")
        if self.with_page:
            weights = self.layer_weights.weights()
            write_report(
                self.folder / "report.html",
                metrics,
                predictions,
                self.train_logger.epochs,
                None if weights is None else weights.tolist(),
                self.page_facts(metrics),
            )
        self.train_logger.log_stats(
            {"best epoch": best_epoch, "protocol": protocol},
            test_stats={name: metrics[name] for name in METRICS},
        )
        write_text(json.dumps(metrics, indent=2), self.folder / "metrics.json")

    def page_facts(self, metrics):
        """Adds to the facts what only the page of one run shows."""
        facts = self.facts(metrics["test_speakers_in_encoder_training"])
        speakers = [
            f"{name} {shorten(sorted(set(read_manifest(path)['spk_id'])))}"
            for name, path in zip(SPLITS, self.annotations)
        ]
        return facts | {
            "Protocol": f"{facts['Protocol']}; fold {self.fold}",
            "Speakers": "; ".join(speakers),
            "Seed": str(self.seed),
            "Manifests": f"sha256 {metrics['manifest_sha256']}",
        }

    def facts(self, leaked_speakers=0):
        """Describes the run in words, once the data is prepared.

        Arguments
        ---------
        leaked_speakers : int
            Test speakers that the encoder was trained on.

        Returns
        -------
        dict
            From the name of a fact, such as "Corpus", to the fact.
        """
        corpora, encoder = self.corpora, self.encoder
        source = Path(encoder.source)
        facts = {
            "Notice": self.notice(leaked_speakers),
            "Corpus": corpora.name,
            "Licence": "; ".join(
                f"{c.name}: {c.licence}" for c in corpora.all if c.licence
            ),
            "Citation": "; ".join(
                c.citation for c in corpora.all if c.citation
            ),
            "Classes": ", ".join(corpora.classes),
            "Protocol": self.split["protocol"],
            # A folder's path differs from machine to machine.
            "Encoder": (source.name if source.is_dir() else encoder.source)
            + (" (random weights)" if encoder.is_random else ""),
            "Training": ("frozen" if encoder.freeze else "fine-tuned")
            + f" encoder, {self.pooling} pooling, {self.layers} layers",
            "Date": date.today().isoformat(),
            "Versions": f"speechbrain {sb.__version__}, "
            f"torch {torch.__version__}",
        }
        return {name: fact for name, fact in facts.items() if fact}

    def notice(self, leaked_speakers):
        """Joins what must be read with every score, "" for nothing."""
        notices = [self.split["notice"], leakage_notice(leaked_speakers)]
        return " ".join(notice for notice in notices if notice)

    def print_results(self, hparams_file):
        """Prints the score and what to do next, unless the run has not ended.

        Arguments
        ---------
        hparams_file : str
            The YAML file, for the commands.
        """
        metrics = read_metrics(self.folder)
        if metrics is None:  # a run in debug mode
            return
        interval = ""
        if "uar_ci95" in metrics:
            low, high = metrics["uar_ci95"]
            interval = (
                f" (95 % interval {100 * low:.1f} to {100 * high:.1f}, "
                f"resampling {metrics['ci_resamples']})"
            )
        print(
            f"\nTest UAR {100 * metrics['uar']:.1f} %{interval}; "
            f"{metrics['n']} clips, chance "
            f"{100 / self.corpora.num_classes:.1f} %"
        )
        print(f"Protocol: {metrics['protocol']}; fold {metrics['fold']}")
        if interval:
            print(f"Report: {self.folder / 'report.html'}")
        else:
            print(
                "This run is part of a cross-validation, whose summary has "
                "the report."
            )
        notice = self.notice(metrics["test_speakers_in_encoder_training"])
        if notice:
            print(notice)
        self.print_next_commands(hparams_file)

    def print_next_commands(self, hparams_file):
        """Prints how to get further than with what ships."""
        note = ""
        if self.encoder.is_random:
            note = "This encoder has random weights: it was trained on nothing"
        elif self.encoder.source == built_in_encoder():
            note = "The built-in encoder is small and was trained on CREMA-D"
        if note:
            print(
                f"{note}. For one that was trained on 960 hours of speech:\n"
                f"  python train.py {hparams_file} {BETTER_ENCODER}"
                " --output_folder results/wav2vec2-base"
            )
        if self.corpora.all[0].make:
            print(
                "For a corpus of your own:\n"
                f"  python train.py {hparams_file} --corpus emodb"
                f" --data_folder /path/to/emodb {BETTER_ENCODER}"
            )


def leakage_notice(number):
    """Warns of a score on speakers that the encoder was trained on.

    Arguments
    ---------
    number : int
        How many of the test speakers.

    Returns
    -------
    str
        "" for none.

    Example
    -------
    >>> leakage_notice(2)[:47]
    'The encoder was trained with the labels of 2 of'
    """
    if not number:
        return ""
    return (
        f"The encoder was trained with the labels of {number} of the test "
        "speakers: the score says nothing about unseen ones."
    )


def read_metrics(folder):
    """Reads metrics.json, which ends a run.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of the run.

    Returns
    -------
    dict or None
        None for a run that has not ended.
    """
    try:
        return json.loads((Path(folder) / "metrics.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
