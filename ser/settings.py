"""The settings of a run: a HyperPyYAML file and the command line."""

import difflib
import os
import re
from pathlib import Path

import speechbrain as sb
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML, YAMLError

from ser.errors import RecipeError


def parse_arguments(argv):
    """Reads the command line as `speechbrain.parse_arguments` does, but
    keeps values whole that hold "=", "#" or ":", which that one tears, and
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
        From keys of the file to what is to stand there.

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
    defaults = values(read(hparams_file))
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
    # Those that are keys too, such as the precision, are kept with the run.
    words = {
        k: w for k, w in words.items() if k in defaults or k not in run_opts
    }
    overrides = {}
    for key, word in words.items():
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see its keys."
            raise RecipeError(f"{hparams_file} has no key '{key}': {hint}")
        overrides[key] = fit(key, word, defaults[key])
    for key, default in defaults.items():
        if default.startswith("!PLACEHOLDER") and key not in overrides:
            raise RecipeError(
                f"{hparams_file} leaves {key} to you: pass --{key}."
            )
    return hparams_file, run_opts, overrides


def fit(key, word, default):
    """Reads a word of the command line as what a key holds.

    Arguments
    ---------
    key : str
        Of the file.
    word : str or True
        What was given for it, True for a bare `--key`.
    default : str
        What the file gives, as text.

    Returns
    -------
    object
        Text where the file has text or a reference, else a YAML scalar.
    """
    # Of which a number or a folder comes.
    made = bool(re.match(r"!apply|!ref <\w+\.\w+>$", default))
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
    if word is not True and (made or types is not str):
        try:
            number = YAML(typ="safe").load(word)
            if isinstance(number, (int, float)):
                value = number
        except YAMLError:
            pass
    is_bool = isinstance(value, bool)
    if (
        value is True
        and made
        or not made
        and (not isinstance(value, types) or (is_bool and types is not bool))
    ):
        raise RecipeError(
            f"{key} is '{value}': expected {expected}, such as {default}."
        )
    return value


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
        If an object cannot be made of its values.
    """
    try:
        return load_hyperpyyaml(read(hparams_file), overrides)
    except (TypeError, ValueError) as error:
        # HyperPyYAML says which object could not be made, and of what.
        raise RecipeError(
            f"{hparams_file} with {overrides} cannot be loaded "
            f"({type(error).__name__}: {error}): check these values."
        ) from error


def keep_settings(output_folder, hparams_file, overrides):
    """Keeps the resolved settings with a run, and raises where the folder
    holds a run with others, which would be resumed as if it were this one.

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
    resolved = resolve_references(read(hparams_file), overrides).getvalue()
    if not saved.is_file():
        saved.parent.mkdir(parents=True, exist_ok=True)
        # In one step, and never again: a kill must not leave half of it.
        unfinished = saved.with_suffix(".unfinished")
        unfinished.write_text(
            f"# Resolved from {hparams_file}\n# yamllint disable\n{resolved}",
            encoding="utf-8",
        )
        os.replace(unfinished, saved)
    now, before = values(resolved), values(saved.read_text(encoding="utf-8"))
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
