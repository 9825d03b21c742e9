"""The settings of a run: a HyperPyYAML file and the command line."""

import difflib
import re
from pathlib import Path

import speechbrain as sb
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML, YAMLError

from ser.errors import RecipeError


def parse_arguments(argv):
    """Reads the command line as `speechbrain.parse_arguments` does, but for
    a value with "=" in it, which that one tears, and a bare `--key`, which
    is True here.

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
        From keys of the file to what is to stand there.

    Example
    -------
    >>> parse_arguments(["a.yaml", "--lr", "1e-3", "--x=b=c"])[2]
    {'lr': 0.001, 'x': 'b=c'}
    """
    hparams_file, run_opts, _ = sb.parse_arguments(argv)
    overrides, key = {}, None
    for word in argv:
        if word.startswith("--"):
            key, equals, value = word[2:].partition("=")
            if key in run_opts:
                key = None
            else:
                overrides[key] = scalar(value) if equals else True
                key = None if equals else key
        elif key:
            overrides[key], key = scalar(word), None
    return hparams_file, run_opts, overrides


def scalar(text):
    """Reads a word as YAML does, or else as it stands."""
    try:
        value = YAML(typ="safe").load(text)
    except YAMLError:
        return text
    return text if isinstance(value, dict) else value


def load_settings(hparams_file, overrides):
    """Loads a HyperPyYAML file with what the command line overrides.

    Arguments
    ---------
    hparams_file : str
        The file.
    overrides : dict
        As `parse_arguments` gives them.

    Returns
    -------
    dict
        The settings, objects made.

    Raises
    ------
    RecipeError
        If there is no such file or key, or a value does not fit.
    """
    text = read(hparams_file)
    defaults = values(text)
    for key, value in overrides.items():
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see its keys."
            raise RecipeError(f"{hparams_file} has no key '{key}': {hint}")
        expected = kind(scalar(defaults[key]))
        if expected and kind(value) != expected:
            raise RecipeError(
                f"{key} is '{value}': expected {expected}, such as "
                f"{defaults[key]}."
            )
    for key, default in defaults.items():
        if default.startswith("!PLACEHOLDER") and key not in overrides:
            raise RecipeError(
                f"{hparams_file} leaves {key} to you: pass --{key}."
            )
    try:
        return load_hyperpyyaml(text, overrides)
    except (TypeError, ValueError) as error:
        # HyperPyYAML says which object could not be made, and of what.
        raise RecipeError(
            f"{hparams_file} with {overrides} cannot be loaded "
            f"({type(error).__name__}: {error}): check these values."
        ) from error


def kind(value):
    """Says what a value is, or "" where any text will do."""
    if isinstance(value, bool):
        return "True or False"
    return "a number" if isinstance(value, (int, float)) else ""


def check_same_settings(output_folder, hparams_file, overrides):
    """Raises where a folder holds a run with other settings, which would be
    resumed as if it were this one.

    Arguments
    ---------
    output_folder : str
        Where the run writes.
    hparams_file : str
        The HyperPyYAML file.
    overrides : dict
        As `parse_arguments` gives them.

    Raises
    ------
    RecipeError
        Naming the settings that differ.
    """
    saved = Path(output_folder) / "hyperparams.yaml"
    if not saved.is_file():
        return
    now = values(resolve_references(read(hparams_file), overrides).getvalue())
    before = values(saved.read_text(encoding="utf-8"))
    differ = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    # What is made of a changed number differs too: name the number alone.
    plain = [k for k in differ if not re.match("[!&*]", now.get(k, "!"))]
    if differ:
        changes = [f"{k} {before.get(k)} -> {now.get(k)}" for k in plain]
        raise RecipeError(
            f"{output_folder} holds a run with other settings "
            f"({'; '.join(changes) or ', '.join(differ)}): choose another "
            "--output_folder, or delete that one."
        )


def read(hparams_file):
    """Returns the text of a settings file."""
    try:
        return Path(hparams_file).read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(
            f"the settings file '{hparams_file}' cannot be read "
            f"({error.strerror}): pass one such as hparams/train.yaml."
        ) from error


def values(text):
    """Splits a YAML text into its top-level values, as text, no comments.

    Arguments
    ---------
    text : str
        Of the file.

    Returns
    -------
    dict
        From keys to texts.
    """
    text = re.sub(r"(^|\s)#.*$", "", text, flags=re.MULTILINE)
    blocks = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)
    pairs = [block.split(":", 1) for block in blocks if ":" in block]
    return {key: " ".join(value.split()) for key, value in pairs}
