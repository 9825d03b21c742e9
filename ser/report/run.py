"""The results of a run: predictions, metrics, facts, a page and a few lines."""

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import torch
from data_prep.corpora import Corpora
from data_prep.manifest import (
    SPLITS,
    manifest_sha256,
    read_manifest,
    read_split,
)
from data_prep.prepare import shorten
from data_prep.votes import read_labels
from encoders import built_in_encoder
from ser.encoder import Encoder
from ser.files import to_csv, write_text
from ser.head import LayerWeights
from ser.history import TrainingHistory
from ser.metrics import METRICS, compute_metrics
from ser.report.listeners import compare_listeners, describe_listeners
from ser.report.pages import write_report
from ser.report.summary import interval, percent, read_metrics, seal
from ser.speakers import MIN_CLIPS, RULE, has_statistics
from ser.usage import join_words, own_command

import speechbrain as sb
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

BETTER_ENCODER = {
    "wav2vec2_hub": "facebook/wav2vec2-base",
    "output_folder": "results/wav2vec2-base",
}


@dataclass
class RunReport:
    """Writes and prints the results of a run.

    Arguments
    ---------
    output_folder, manifest_folder : str
        Where the results go, and where the preparation wrote split.json.
    annotations : list of str
        The manifests of the training, validation and test set.
    corpora : data_prep.corpora.Corpora
        What was trained and tested on.
    encoder : ser.encoder.Encoder
        For its name and the speakers that it was trained on.
    pooling, layers : str
        Kind of pooling; "weighted" or "last".
    layer_weights : ser.head.LayerWeights
        Holds the learned weights.
    num_heads : int
        How many MLPs are averaged.
    refit : bool
        Whether it was trained again on training and validation clips.
    fold, seed : int
        Which fold was tested, from 1, and what random numbers started from.
    train_logger : ser.history.TrainingHistory
        Holds the epochs, and logs the scores of the test set.
    normalise, labels : str
        "none" or "speaker"; "emotion" or "votes".
    with_page : bool
        Whether to write the page and compute intervals, which takes longer
        than to train a head; crossval.py sets it to False.
    """

    output_folder: str
    manifest_folder: str
    annotations: list
    corpora: Corpora
    encoder: Encoder
    pooling: str
    layers: str
    layer_weights: LayerWeights
    num_heads: int
    refit: bool
    fold: int
    seed: int
    train_logger: TrainingHistory
    normalise: str = "none"
    labels: str = "emotion"
    with_page: bool = True

    @cached_property
    def split(self):
        """What split.json holds, as `read_split` returns it, read once the data
        is prepared."""
        return read_split(self.manifest_folder)

    @property
    def protocol(self):
        """The protocol in words, and what else a score depends on."""
        used = "; speakers normalised by their own clips, tested ones too"
        return self.split["protocol"] + used * (self.normalise == "speaker")

    def is_written(self):
        """Tells whether the run has ended, here or in an earlier process, and
        its predictions are as they were written."""
        return read_metrics(self.output_folder) is not None

    def write(self, predictions, best_epoch, temperature):
        """Writes predictions.csv, report.html and, last, metrics.json, whose
        presence marks the end of the run.

        Arguments
        ---------
        predictions : pandas.DataFrame
            ID, spk_id, truth, prediction and one calibrated probability a
            class, by ID.
        best_epoch : int
            The one that was tested.
        temperature : float
            What calibrated the probabilities.
        """
        folder, protocol = Path(self.output_folder), self.protocol
        # So that a table that is passed on tells where it comes from.
        predictions = predictions.assign(protocol=protocol)
        speakers = predictions["spk_id"]
        names = self.corpora.full_names(set(speakers))
        leaked = names & self.encoder.training_speakers
        metrics = compute_metrics(
            predictions,
            self.corpora.classes,
            speakers if self.with_page else None,
            temperature,
        ) | {
            "corpus": ",".join(corpus.key for corpus in self.corpora.train),
            "protocol": protocol,
            "fold": self.fold,
            "seed": self.seed,
            "encoder": self.encoder.source,
            "encoder_is_random": self.encoder.is_random,
            "best_epoch": best_epoch,
            "manifest_sha256": manifest_sha256(self.annotations),
            "test_speakers_in_encoder_training": len(leaked),
            "test_speakers": len(names),
            "shares_speakers": self.split["shares_speakers"],
        }
        if self.normalise == "speaker":
            metrics["test_clips_not_normalised"] = sum(
                number
                for speaker, number in speakers.value_counts().items()
                if not has_statistics(speaker, number)
            )
        if self.with_page:
            votes = read_labels(self.corpora, self.labels)
            table = predictions.assign(seed=self.seed)
            metrics |= compare_listeners(table, self.corpora.classes, votes)
        metrics["facts"] = self.facts(
            len(leaked), metrics.get("test_clips_not_normalised", 0)
        )
        metrics["about"] = self.about(metrics)
        content = to_csv(predictions)
        metrics["sha256"] = seal(metrics, content.encode())
        write_text(content, folder / "predictions.csv")
        if self.with_page:
            weights = self.layer_weights.weights()
            write_report(
                folder / "report.html",
                metrics,
                predictions,
                self.train_logger.epochs,
                None if weights is None else weights.tolist(),
                self.page_facts(metrics),
                self.find_audio(),
            )
        self.train_logger.log_stats(
            {"best epoch": best_epoch, "protocol": protocol},
            test_stats={name: metrics[name] for name in METRICS},
        )
        write_text(json.dumps(metrics, indent=2), folder / "metrics.json")

    def find_audio(self):
        """Finds the test clips that are there, as the page may link to them:
        from their IDs to paths relative to it."""
        clips = read_manifest(self.annotations[SPLITS.index("test")])
        found = {}
        for clip, wav in zip(clips["ID"], clips["wav"]):
            root, _, path = wav.removeprefix("$").partition("/")
            path = Path(self.corpora.roots.get(root, ""), path)
            # None on another drive of Windows
            with contextlib.suppress(ValueError):
                if path.is_file():
                    path = os.path.relpath(path, self.output_folder)
                    found[clip] = quote(path.replace(os.sep, "/"))
        return found

    def about(self, metrics):
        """Says in a line what the model is and is not fit for."""
        drawn, facts = "", metrics["facts"]
        if "uar_ci95" in metrics:
            drawn = f" (95 %: {interval(metrics['uar_ci95'])})"
        number = metrics["test_speakers"]
        language = facts.get("Language", "none").replace("none", "")
        return (
            f"{facts['Corpus']}{language and f' ({language})'}, "
            f"{len(metrics['classes'])} emotions: UAR {percent(metrics['uar'])} "
            f"%{drawn} on {number} test speaker{'s' * (number > 1)}; expect less "
            "on other languages, microphones and ways of speaking, and decide "
            f"nothing about a person with it. {facts.get('Notice', '')}"
        ).strip()

    def page_facts(self, metrics):
        """Adds to the facts what only the page of one run shows."""
        speakers = [
            f"{name} {shorten(sorted(set(read_manifest(path)['spk_id'])))}"
            for name, path in zip(SPLITS, self.annotations)
        ]
        facts = metrics["facts"]
        return facts | {
            "Protocol": f"{facts['Protocol']}; fold {self.fold}",
            "Speakers": "; ".join(speakers),
            "Seed": str(self.seed),
            "Command": own_command({}),
            "Manifests": f"sha256 {metrics['manifest_sha256']}",
        }

    def facts(self, leaked_speakers=0, not_normalised=0):
        """Describes the run in words, once the data is prepared.

        Arguments
        ---------
        leaked_speakers : int
            Test speakers that the encoder was trained on.
        not_normalised : int
            Test clips whose speakers have too few for statistics of their own.

        Returns
        -------
        dict
            From the name of a fact, such as "Corpus", to the fact.
        """
        corpora, encoder = self.corpora, self.encoder
        notice = self.split["notice"]
        if self.split["shares_speakers"]:
            notice += (
                " Test speakers are among those trained on: the score says "
                "nothing about unseen ones."
            )
        if self.encoder.is_random:
            notice += " The encoder has random weights: it was never trained."
        if leaked_speakers:
            notice += (
                f" The encoder was trained with the labels of {leaked_speakers}"
                " of the test speakers: the score says nothing about unseen "
                "ones."
            )
        if self.normalise == "speaker":
            notice += (
                " Each speaker's embeddings were normalised by the mean and "
                "deviation of that speaker's clips, for which the unlabelled "
                "clips of the test speakers were used: the score holds where "
                f"{MIN_CLIPS} or more clips of a new speaker are at hand; "
                f"{RULE} ({not_normalised} of the test clips)."
            )
        valid = read_manifest(self.annotations[SPLITS.index("valid")])
        heard = corpora.full_names(set(valid["spk_id"]))
        note = " (random weights)" * encoder.is_random
        if heard & encoder.training_speakers:
            note = " (trained with some of the validation speakers)"
        elif encoder.training_speakers and corpora.nameless:
            note = (
                " (whether it was trained with speakers of "
                f"{' and '.join(corpora.nameless)} cannot be known)"
            )
        source = Path(encoder.source)
        facts = {
            "Notice": notice.strip(),
            "Corpus": corpora.name,
            "Language": "; ".join(
                dict.fromkeys(c.language for c in corpora.all if c.language)
            ),
            "Licence": "; ".join(
                f"{c.name}: {c.licence}" for c in corpora.all if c.licence
            ),
            "Citation": "; ".join(
                c.citation for c in corpora.all if c.citation
            ),
            "Classes": ", ".join(corpora.classes),
            "Protocol": self.protocol,
            # A folder's path differs from machine to machine.
            "Encoder": (source.name if source.is_dir() else encoder.source)
            + note,
            "Training": ("frozen" if encoder.freeze else "fine-tuned")
            + f" encoder, {self.pooling} pooling, {self.layers} layers"
            + f", {self.num_heads} heads averaged" * (self.num_heads > 1)
            + ", speaker normalisation" * (self.normalise == "speaker")
            + ", on the votes of listeners" * (self.labels == "votes")
            + ", trained again with the validation clips" * self.refit,
            "Date": date.today().isoformat(),
            "Versions": f"speechbrain {sb.__version__}, "
            f"torch {torch.__version__}",
        }
        return {name: fact for name, fact in facts.items() if fact}

    def print_results(self, hparams_file):
        """Prints the score and what to do next, unless the run has not ended.

        Arguments
        ---------
        hparams_file : str
            The YAML file, for the commands.
        """
        metrics = read_metrics(self.output_folder)
        if metrics is None:  # a run in debug mode
            return
        if "uar_ci95" in metrics:
            drawn = (
                f" (95 % interval {interval(metrics['uar_ci95'])}, resampling "
                f"{metrics['ci_resamples']})"
            )
            page = f"Report: {Path(self.output_folder) / 'report.html'}"
        else:
            drawn = ""
            page = (
                "This run is part of a cross-validation, whose summary has "
                "the report."
            )
        print(
            f"\nTest UAR {percent(metrics['uar'])} %{drawn}; "
            f"{metrics['n']} clips, chance "
            f"{percent(1 / self.corpora.num_classes)} %\n"
            f"Protocol: {metrics['protocol']}; fold {metrics['fold']}\n{page}"
        )
        for sentence in describe_listeners(metrics):
            print(sentence)
        if "Notice" in metrics["facts"]:
            print(metrics["facts"]["Notice"])
        self.print_next_commands(hparams_file)

    def print_next_commands(self, hparams_file):
        """Prints how to use the model, and to get further than with what
        ships."""
        audio = "my.wav"
        if self.normalise == "speaker":
            audio = "table.csv --speaker_column speaker"
        print(
            "To recognise the emotion of a recording with this model:\n"
            f"  python predict.py {audio} --model "
            f"{join_words([str(self.output_folder)])}"
        )
        note = ""
        if self.encoder.is_random:
            note = "This encoder has random weights: it was trained on nothing"
        elif self.encoder.source == built_in_encoder():
            note = "The built-in encoder is small and was trained on CREMA-D"
        if note:
            print(
                f"{note}. For one that was trained on 960 hours of speech:\n"
                f"  {own_command(BETTER_ENCODER)}"
            )
        if self.corpora.all[0].make:
            print(
                "For real speech, such as EMO-DB:\n"
                f"  python train.py {hparams_file} --corpus emodb"
                " --data_folder /path/to/emodb"
            )
