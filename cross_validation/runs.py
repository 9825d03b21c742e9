"""The runs of a cross-validation: a fold and a seed each."""

import dataclasses
import logging
from pathlib import Path

import train
from ser.errors import RecipeError
from ser.lock import locked
from ser.report.summary import read_metrics
from ser.settings import start_run
from ser.speakers import check_normalise

import speechbrain as sb


def start_first(hparams_file, overrides, only):
    """Starts the first run; returns its settings."""
    first = overrides | {"fold": only[0] if only else 1, "seed": 1}
    if "output_folder" in first:
        first["output_folder"] = name_folder(**first)
    return start_run(hparams_file, first)


def name_folder(output_folder, fold, seed, **_):
    """Names the folder of a run, as the YAML does."""
    return (Path(output_folder) / f"fold{fold}" / str(seed)).as_posix()


def prepare_first(hparams):
    """Prepares the data of the first run; returns how many folds there are."""
    sb.create_experiment_directory(hparams["output_folder"])
    hparams["prepare"]()
    return hparams["report"].split["num_folds"]


def list_runs(root, overrides, num_folds, seeds, only):
    """Lists the overriding values of all runs: the folds of the first seed,
    or only some of them, then those of the next."""
    folds = only or range(1, num_folds + 1)
    if not set(folds) <= set(range(1, num_folds + 1)):
        raise RecipeError(
            f"--folds {' '.join(map(str, only))} was given, and there are "
            f"folds 1 to {num_folds}."
        )
    return [
        overrides
        | {"fold": fold, "seed": seed}
        | {"output_folder": name_folder(root, fold, seed)}
        for seed in range(1, seeds + 1)
        for fold in folds
    ]


def is_finished(run):
    """Tells whether a run has ended, whole."""
    return read_metrics(run["output_folder"]) is not None


def encode_once(hparams_file, run_opts, hparams, other_folds):
    """Encodes the clips before there are many processes, if the runs read
    stored embeddings: they then write nothing to the store. A fold holds all
    clips, unless sentences are left out."""
    check_normalise(hparams)
    if not (hparams["freeze_wav2vec2"] and hparams["encode_once"]):
        return
    learned = hparams["pooling"] == "attention"  # nothing is stored
    left_out = hparams["text_independent"] and not learned
    others = other_folds if left_out else []
    for overrides in (None, *others):
        if overrides:
            logging.disable(logging.WARNING)  # as logged for the first fold
            hparams = start_run(hparams_file, overrides)
            hparams["prepare"]()
            logging.disable(logging.NOTSET)
        hparams["wav2vec2"].to(run_opts["device"])
        hparams["store_embeddings"](train.dataio_prep(hparams))
        hparams["wav2vec2"].to("cpu")  # the runs need the GPU's memory


def make_run(hparams_file, run_opts, overrides, device):
    """Makes one run in this process, or what is left of it.

    Arguments
    ---------
    hparams_file : str
        The HyperPyYAML file.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain.
    overrides : dict
        Overriding values, as `list_runs` lists them.
    device : str
        Such as "cuda:0".

    Raises
    ------
    RecipeError
        If it cannot be made; the message names the fold and the seed.
    """
    try:
        hparams = start_run(hparams_file, overrides)
        folder = hparams["output_folder"]
        hparams["report"].with_page = False
        with locked(folder):
            sb.create_experiment_directory(folder, save_env_desc=False)
            train.run(hparams, dataclasses.replace(run_opts, device=device))
    except RecipeError as error:
        raise RecipeError(
            f"fold {overrides['fold']}, seed {overrides['seed']}: {error}"
        ) from error
