"""Anyone's data: a folder with a directory for each emotion.

my_data/angry/anna_01.wav
my_data/happy/bob_02.wav
"""

import os
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from speechbrain.utils.logger import get_logger

from data_prep.corpus import AUDIO_ENDINGS, Corpus, looks_like
from ser.errors import RecipeError

logger = get_logger(__name__)


def describe(path, pattern):
    """Reads the emotion from the directory, the speaker from the path.

    Arguments
    ---------
    path : pathlib.PurePath
        Such as angry/anna_01.wav, with any directories below the emotion.
    pattern : re.Pattern or None
        Finds the speaker; its first group, or all that it matches.

    Returns
    -------
    dict
        `ID`, `spk_id`, `gender`, `emotion` and `sentence`.
    """
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


def holds_audio(folder):
    """Says whether there is an audio file in a folder or below."""
    return any(
        Path(name).suffix.lower() in AUDIO_ENDINGS
        for *_, names in os.walk(folder, followlinks=True)
        for name in names
    )


def open_folder(corpus, data_folder, options):
    """Takes the directories for the classes.

    Arguments
    ---------
    corpus : Corpus
        That of this script.
    data_folder : pathlib.Path
        With a directory for each emotion.
    options : dict
        With `speaker_pattern`, a regular expression, or "".

    Returns
    -------
    Corpus
    """
    try:
        pattern = re.compile(options["speaker_pattern"] or "(?!)")
    except re.error as error:
        raise RecipeError(
            f"speaker_pattern is '{options['speaker_pattern']}', no regular "
            f"expression ({error}): expected one such as '([a-z]+)_[0-9]+'."
        ) from error
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
    known = pattern if options["speaker_pattern"] else None
    return replace(
        corpus,
        classes=classes,
        describe=partial(describe, pattern=known),
        protocol="kfold" if known else "random",
    )


CORPUS = Corpus(
    name="a folder of one directory per emotion",
    classes=(),
    describe=None,
    protocol="random",  # kfold where a pattern says who speaks
    open=open_folder,
)
