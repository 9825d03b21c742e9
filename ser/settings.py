"""The settings of a run: a HyperPyYAML file and the command line."""

import difflib
import re
from pathlib import Path

import yaml
from hyperpyyaml import load_hyperpyyaml, resolve_references

from ser.errors import RecipeError


def load_settings(hparams_file, overrides):
    """Loads a HyperPyYAML file with what the command line overrides.

    Arguments
    ---------
    hparams_file : str
        The file.
    overrides : str
        A YAML text, as `speechbrain.parse_arguments` gives it.

    Returns
    -------
    dict
        The settings, objects made.

    Raises
    ------
    RecipeError
        If there is no such file or key, or a needed value is not given.
    """
    text = read(hparams_file)
    keys = re.findall(r"^(\w+):", text, flags=re.MULTILINE)
    given = yaml.safe_load(overrides) or {}
    for key in given:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see its keys."
            raise RecipeError(f"{hparams_file} has no key '{key}': {hint}")
    for key in re.findall(r"^(\w+): *!PLACEHOLDER", text, flags=re.MULTILINE):
        if given.get(key) is None:
            raise RecipeError(
                f"{hparams_file} leaves {key} to you: pass --{key}."
            )
    try:
        return load_hyperpyyaml(text, overrides)
    except TypeError as error:
        # HyperPyYAML hides the errors of what it makes in a TypeError.
        if isinstance(error.__cause__, (RecipeError, OSError)):
            raise error.__cause__
        raise


def check_same_settings(output_folder, hparams_file, overrides):
    """Raises where a folder holds a run with other settings, which would be
    resumed as if it were this one.

    Arguments
    ---------
    output_folder : str
        Where the run writes.
    hparams_file : str
        The HyperPyYAML file.
    overrides : str
        What the command line overrides.

    Raises
    ------
    RecipeError
        Naming the settings that differ.
    """
    saved = Path(output_folder) / "hyperparams.yaml"
    if not saved.is_file():
        return
    now = resolve_references(read(hparams_file), overrides).getvalue()
    now, before = values(now), values(saved.read_text(encoding="utf-8"))
    differ = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    if differ:
        changes = [f"{k} {before.get(k)} -> {now.get(k)}" for k in differ]
        raise RecipeError(
            f"{output_folder} holds a run with other settings "
            f"({'; '.join(changes)}): choose another --output_folder, or "
            "delete that one."
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
    """Splits a resolved YAML text into its top-level values, as text."""
    blocks = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)
    pairs = [block.split(":", 1) for block in blocks if ":" in block]
    return {
        key: " ".join(value.split())
        for key, value in pairs
        if not key.startswith("#")
    }
