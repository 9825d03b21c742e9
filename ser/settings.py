"""The settings of a run: HyperPyYAML files and the command line."""

import logging
import re
from pathlib import Path

from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAMLError
from ser.arguments import parse_overrides
from ser.errors import RecipeError
from ser.files import write_text
from ser.settings_file import read_settings, values

import speechbrain as sb
from speechbrain.utils.distributed import if_main_process, run_on_main

# What a number must be at least, which PyTorch says late and otherwise
LEAST = {
    **dict.fromkeys(("batch_size", "max_batch_ex", "num_buckets"), 1),
    **dict.fromkeys(("number_of_epochs", "patience", "warmup_steps"), 0),
    **dict.fromkeys(("num_workers", "encode_workers"), 0),
    **dict.fromkeys(("lr", "lr_wav2vec2"), 0.0),
    **dict.fromkeys(("encode_batch_length", "max_batch_length"), 0.1),  # s
}


def parse_arguments(argv):
    """Reads the command line as `speechbrain.parse_arguments` does, but
    keeps values whole that hold "=", "#" or ":", which that one mangles, and
    checks them against the file.

    Arguments
    ---------
    argv : list of str
        Without the name of the program.

    Returns
    -------
    hparams_file : str
        The HyperPyYAML file.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain, such as the device.
    overrides : dict
        From keys of the file to overriding values.

    Raises
    ------
    RecipeError
        If there is no such file or key, or a value does not fit.

    Example
    -------
    >>> argv = ["hparams/train.yaml", "--lr=1e-4", "--data_folder", "a=b #c"]
    >>> parse_arguments(argv)[2]
    {'lr': 0.0001, 'data_folder': 'a=b #c'}
    """
    hparams_file, run_opts, _ = sb.parse_arguments(argv)
    return hparams_file, run_opts, parse_overrides(argv, hparams_file, run_opts)


def load_settings(hparams_file, overrides):
    """Loads a settings file and makes its objects.

    Arguments
    ---------
    hparams_file : str or pathlib.Path
        The HyperPyYAML file.
    overrides : dict
        From keys of the file to overriding values.

    Returns
    -------
    dict
        The settings.

    Raises
    ------
    RecipeError
        If the file cannot be read, or its objects cannot be made.
    """
    if not if_main_process():  # it gives the same warnings
        logging.getLogger("data_prep").setLevel(logging.ERROR)
    try:
        hparams = load_hyperpyyaml(read_settings(hparams_file), overrides)
    except (
        *(TypeError, ValueError, RuntimeError, ImportError, AttributeError),
        YAMLError,
    ) as error:
        # HyperPyYAML's message has the object that failed and its values.
        raise RecipeError(
            f"{hparams_file} with {overrides} cannot be loaded "
            f"({type(error).__name__}: {error}): check these values."
        ) from error
    for key, least in LEAST.items():
        value = hparams.get(key, least)
        whole = isinstance(value, int) or isinstance(least, float)
        if not isinstance(value, (int, float)) or value < least or not whole:
            kind = "a number" if isinstance(least, float) else "a whole number"
            raise RecipeError(
                f"{key} is {value}: expected {kind}, {least:g} or more."
            )
    return hparams


def save_settings(output_folder, hparams_file, overrides):
    """Saves the resolved settings with a run, once; a folder that holds a run
    with others is refused, since it would be resumed as if it were this one."""
    saved = Path(output_folder) / "hyperparams.yaml"
    if not saved.is_file() and any(Path(output_folder).glob("save/**/CKPT*")):
        raise RecipeError(
            f"{output_folder} holds checkpoints of a run whose settings "
            "(hyperparams.yaml) are gone: put that file back, delete the folder, "
            "or choose another --output_folder."
        )
    text = read_settings(hparams_file)
    resolved = resolve_references(text, overrides).getvalue()
    if not saved.is_file():
        write_text(
            f"# Resolved from {hparams_file}\n# yamllint disable\n{resolved}",
            saved,
        )
    try:
        before = without_anchors(values(saved.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{saved} cannot be read ({error}): delete {output_folder}, or choose "
            "another --output_folder."
        ) from error
    now = without_anchors(values(resolved))
    differ = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    if differ:
        # An object made of a changed number differs too: name the number alone.
        plain = [key for key in differ if "!" not in now.get(key, "!")]
        changes = [f"{k} {before.get(k)} -> {now.get(k)}" for k in plain]
        raise RecipeError(
            f"{output_folder} holds a run with other settings "
            f"({'; '.join(changes) or ', '.join(differ)}): choose another "
            "--output_folder, or delete that one."
        )


def without_anchors(values):
    """Puts the value that an anchor of YAML marks (&id001 VALUE) in place of what
    refers to it (*id001); takes and returns a dict of str."""
    marked, found = {}, {}
    for key, value in values.items():
        if match := re.match(r"&(\w+) (.*)", value):
            marked[match[1]] = value = match[2]
        found[key] = value
    return {
        key: re.sub(r"\*(\w+)", lambda m: marked.get(m[1], m[0]), value)
        for key, value in found.items()
    }


def start_run(hparams_file, overrides):
    """Loads settings as `load_settings`, and saves them in the folder of the
    run or, if it is there already, checks that they are the same.

    Arguments
    ---------
    hparams_file, overrides
        As for `load_settings`.

    Returns
    -------
    dict
        The settings.

    Raises
    ------
    RecipeError
        As from `load_settings`, or if the folder has a run with others.
    """
    hparams = load_settings(hparams_file, overrides)
    if corpus := overrides.get("corpus"):
        # By any of its names it has the same results.
        key = ",".join(corpus.key for corpus in hparams["corpora"].train)
        if key != corpus:
            return start_run(hparams_file, overrides | {"corpus": key})
    folder = hparams["output_folder"]
    # Or a typo would be taken for another run.
    if "corpora" in hparams:
        hparams["corpora"].check(hparams.get("protocol", "default"))
    run_on_main(save_settings, (folder, hparams_file, overrides))
    return hparams
