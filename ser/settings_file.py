"""Settings files as text: their bases, keys and comments."""

import functools
import re
from pathlib import Path

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import MappingNode
from ser.errors import RecipeError


def read_settings(path, above=()):
    """Reads a settings file. Where it has a key `base`, it is laid over the
    file that this key names: a block (a top-level key with its indented lines)
    replaces the one of the same key, and a new block follows the one before it.

    HyperPyYAML's `!include:` cannot do this: it nests the keys, and at the
    root `resolve_references` discards them.

    Arguments
    ---------
    path : str or pathlib.Path
        Such as recipes/RAVDESS/hparams/train.yaml.
    above : tuple of pathlib.Path
        The files that this one is the base of.

    Returns
    -------
    str
        The whole text.

    Raises
    ------
    RecipeError
        If a file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        check_syntax(text)
    except (OSError, ValueError, YAMLError) as error:
        reason = getattr(error, "strerror", None) or error
        if mark := getattr(error, "problem_mark", None):
            place = f"line {mark.line + 1}, column {mark.column + 1}"
            reason = f"{place}: {error.problem}"
        raise RecipeError(
            f"the settings file '{path}' cannot be read ({reason}): pass a YAML "
            "file such as hparams/train.yaml."
        ) from error
    if not text.endswith("\n"):  # or the next block would go on its last line
        text += "\n"
    header, blocks = split_blocks(text)
    if "base" not in blocks:
        return text
    base = YAML(typ="safe").load(values(text)["base"])
    if not base:
        raise RecipeError(f"the base of '{path}' is empty: name a file.")
    base, above = Path(path).parent / str(base), (*above, Path(path).resolve())
    if base.resolve() in above:
        raise RecipeError(
            f"the base of '{path}' is the file itself, or one that it is the "
            "base of: name another file."
        )
    base_header, merged = split_blocks(read_settings(base, above))
    keys, before = list(merged), None
    for key, (lead, body) in blocks.items():
        if key == "base":
            continue
        if key not in merged:
            keys.insert(keys.index(before) + 1 if before else 0, key)
        elif "#" not in lead:
            lead = merged[key][0]
        merged[key] = lead, body
        before = key
    return (header or base_header) + "".join(
        lead + body for lead, body in map(merged.get, keys)
    )


@functools.cache  # a run reads the same file several times
def check_syntax(text):
    """Raises ValueError or YAMLError unless a text is YAML with keys."""
    if not isinstance(YAML().compose(text), MappingNode):
        raise ValueError("it has no keys")


def split_blocks(text):
    """Splits a YAML text into the comment at its top and a dict from each
    top-level key to the lines above it and its own lines."""
    header = re.match(r"(#.*\n)*", text)[0]
    blocks, lead, key = {}, "", None
    for line in text[len(header) :].splitlines(keepends=True):
        if found := re.match(r"(\w+):", line):
            key = found[1]
            blocks[key], lead = (lead, line), ""
        elif key and not re.match(r"\s*$|#", line):
            above, body = blocks[key]
            blocks[key], lead = (above, body + lead + line), ""
        else:
            lead += line
    return header, blocks


def values(text):
    """Splits a YAML text into its top-level values, as text, no comments."""
    text = re.sub(r"(^|\s)#.*$", "", text, flags=re.MULTILINE)
    blocks = re.split(r"^(?=\w+:)", text, flags=re.MULTILINE)
    pairs = [block.split(":", 1) for block in blocks if ":" in block]
    return {key: " ".join(value.split()) for key, value in pairs}
