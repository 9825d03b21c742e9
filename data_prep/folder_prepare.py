"""Any data: a folder with a directory for each emotion.

my_data/angry/anna_01.wav
my_data/happy/bob_02.wav
"""

import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from data_prep.corpus import AUDIO_ENDINGS, Corpus
from data_prep.scan import looks_like
from ser.errors import RecipeError

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


def describe(path, pattern):
    """Reads the emotion from the first directory, and the speaker from the
    first group of a pattern, or all that it matches."""
    if len(path.parts) < 2:
        raise ValueError("in no directory of an emotion")
    speaker = "unknown"
    if pattern:
        found = pattern.search(path.as_posix())
        if not found:
            raise ValueError(
                f"no speaker: {pattern.pattern} is not in its path"
            )
        speaker = found[1] if pattern.groups else found[0]
        if not speaker:
            raise ValueError(f"no speaker: {pattern.pattern} matches nothing")
    return {
        # Files of one name in two directories are two clips.
        "ID": path.with_suffix("").as_posix(),
        "spk_id": speaker,
        "gender": "unknown",
        "emotion": path.parts[0],
        "sentence": "",
    }


def open_folder(corpus, data_folder, options):
    """Takes the directories for the classes.

    Arguments
    ---------
    corpus : Corpus
        That of this script.
    data_folder : pathlib.Path
        With a directory for each emotion, and any directories below.
    options : dict
        With `speaker_pattern`, a regular expression, or "".

    Returns
    -------
    Corpus
    """
    pattern = compile_pattern(options["speaker_pattern"])
    if not data_folder.is_dir():
        raise RecipeError(
            f"the data folder '{data_folder}' is not a folder: pass the one "
            "with a directory for each emotion as --data_folder."
        )
    classes = tuple(
        sorted(
            path.name
            for path in data_folder.iterdir()
            if not path.name.startswith((".", "__")) and holds_audio(path)
        )
    )
    if len(classes) < 2:
        raise RecipeError(
            f"'{data_folder}' holds {len(classes)} directories with audio "
            f"({', '.join(classes)}): expected one for each emotion, two or "
            "more."
        )
    if other := looks_like(data_folder, corpus):
        logger.warning("each directory is taken for an emotion%s", other)
    return replace(
        corpus,
        classes=classes,
        describe=partial(describe, pattern=pattern),
        protocol="kfold" if pattern else "random",
    )


def compile_pattern(speaker_pattern):
    """Compiles the pattern that finds the speaker, or returns None."""
    try:
        return re.compile(speaker_pattern) if speaker_pattern else None
    except re.error as error:
        raise RecipeError(
            f"speaker_pattern is '{speaker_pattern}', not a regular "
            f"expression ({error}): expected one such as '([a-z]+)_[0-9]+'."
        ) from error


def holds_audio(folder):
    """Tells whether there is an audio file in a folder or below."""
    return any(
        Path(name).suffix.lower() in AUDIO_ENDINGS
        for *_, names in os.walk(folder, followlinks=True)
        for name in names
    )


CORPUS = Corpus(
    name="a folder of one directory per emotion",
    classes=(),
    describe=None,
    protocol="random",  # kfold where a pattern finds the speaker
    open=open_folder,
)
