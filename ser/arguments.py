"""The words of a command line, as values for the keys of a settings file."""

import difflib
import importlib.util
import re
from pathlib import Path

from ruamel.yaml import YAML, YAMLError
from ser.errors import RecipeError
from ser.settings_file import read_settings, values


def check_options(argv):
    """Checks a command line before SpeechBrain is imported, which takes seconds.

    Arguments
    ---------
    argv : list of str
        The settings file and options.

    Returns
    -------
    dict
        As from `parse_overrides`.

    Raises
    ------
    RecipeError
        As from `parse_overrides`.
    """
    package = importlib.util.find_spec("speechbrain")
    if package is None:
        raise ModuleNotFoundError("No module named 'speechbrain'")
    # This file of SpeechBrain needs nothing of the others.
    path = Path(package.origin).parent / "utils/run_opts.py"
    spec = importlib.util.spec_from_file_location("run_opts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    hparams_file, options, _ = module.RunOptions.from_command_line_args(argv)
    return parse_overrides(argv, hparams_file, options)


def parse_overrides(argv, hparams_file, run_opts):
    """Finds the values that a command line gives for keys of a settings file.

    Arguments
    ---------
    argv : list of str
        The settings file and options.
    hparams_file : str
        The settings file.
    run_opts : container of str
        What else may be an option.

    Returns
    -------
    dict
        From keys of the file to overriding values.

    Raises
    ------
    RecipeError
        If there is no such file or key, or a value does not fit.
    """
    defaults = values(read_settings(hparams_file))
    words, key = {}, None
    for word in argv:
        if word.startswith("--"):
            key, equals, value = word[2:].partition("=")
            words[key] = value if equals else True
            key = None if equals else key
        elif key and word != hparams_file:
            words[key], key = word, None
        elif word != hparams_file:
            raise RecipeError(
                f"'{word}' follows no option: expected --key value, or quotes "
                "around a value with spaces."
            )
    overrides = {}
    for key, word in words.items():
        # Options that are keys too, such as the precision, stay with the run.
        if key in defaults:
            overrides[key] = _parse_value(key, word, defaults[key])
        elif key not in run_opts:
            near = difflib.get_close_matches(key, defaults, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see its keys."
            raise RecipeError(f"{hparams_file} has no key '{key}': {hint}")
    for key, default in defaults.items():
        if default.startswith("!PLACEHOLDER") and key not in overrides:
            raise RecipeError(
                f"{hparams_file} does not set {key}: pass --{key} VALUE."
            )
    return overrides


def _parse_value(key, word, default):
    """Parses the word that the command line gives for a key (True for a bare
    `--key`): text where the file has text or a reference, else a scalar."""
    if re.match(r"!ref <\w+\.\w+>$", default):
        raise RecipeError(
            f"{key} is '{word}', and it follows from other settings "
            f"({default.removeprefix('!ref ')}): leave it out."
        )
    try:
        held = None if default[:1] == "!" else YAML(typ="safe").load(default)
    except YAMLError:
        held = {}
    if default.startswith(("!new", "!name")) or isinstance(held, (dict, list)):
        raise RecipeError(
            f"{key} is a section of the settings, not a value: edit the file, "
            "or give the keys that it refers to."
        )
    expected, types = "a value", str
    if isinstance(held, bool):
        expected, types = "True or False", bool
    elif isinstance(held, (int, float)):
        expected, types = "a number", (int, float)
    value = word
    if word is not True and types is not str:
        try:
            number = YAML(typ="safe").load(word)
            if isinstance(number, (int, float)):
                value = number
        except YAMLError:
            pass
    fits = isinstance(value, types)
    if not fits or (isinstance(value, bool) and types is not bool):
        raise RecipeError(
            f"{key} is '{value}': expected {expected}, such as {default}."
        )
    return value
