"""Any data: a folder with a directory for each emotion.

my_data/angry/anna_01.wav
my_data/happy/bob_02.wav
"""

import logging
from dataclasses import replace
from functools import partial

from data_prep.corpus import Corpus
from data_prep.listing import list_files, looks_like
from ser.errors import RecipeError
from ser.files import as_text
from ser.names import compile_speaker_pattern

logger = logging.getLogger(__name__)  # SpeechBrain's would import PyTorch


def describe(path, pattern):
    """Reads the emotion from the first directory, and the speaker from the
    group of a pattern."""
    if len(path.parts) < 2:
        raise ValueError("in no directory of an emotion")
    speaker = "unknown"
    if pattern:
        found = pattern.search(path.as_posix())
        speaker = found and found[1]
        if not speaker:
            raise ValueError(
                f"no speaker: {pattern.pattern} is not in its path"
            )
    return {
        # Files of one name in two directories are two clips.
        "ID": path.as_posix().removesuffix(path.suffix),
        "spk_id": speaker,
        "gender": "unknown",
        "emotion": path.parts[0],
        "sentence": "",
    }


def open_folder(corpus, data_folder, options):
    """Takes the directories that hold audio for the classes."""
    text = options["speaker_pattern"]
    pattern = compile_speaker_pattern(text) if text else None
    if not data_folder.is_dir():
        raise RecipeError(
            f"the data folder '{data_folder}' is not a folder: pass the one "
            "with a directory for each emotion as --data_folder."
        )
    paths, _, _ = list_files(data_folder)
    classes = {p.split("/")[0].lstrip(" ") for p in paths if "/" in p}
    # Nor is one whose clips `data_prep.scan` refuses for its name
    classes = sorted(
        name
        for name in classes
        if not name.startswith((".", "__"))
        and name == as_text(name)
        and not {"$", "\r"} & set(name)
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
        classes=tuple(classes),
        describe=partial(describe, pattern=pattern),
        protocol="kfold" if pattern else "random",
    )


CORPUS = Corpus(
    name="a folder of one directory per emotion",
    classes=(),
    describe=None,
    protocol="random",  # kfold if a pattern finds the speaker
    counts_once=True,
    open=open_folder,
)
