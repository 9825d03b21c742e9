"""The built-in corpus: synthesised, with RAVDESS's file names, made where it
is not there yet. A score on it says nothing of real speech.
"""

import os
import shutil
from itertools import product

import soundfile
from tqdm import tqdm

from data_prep.corpus import Corpus
from data_prep.demo_synthesis import (
    EMOTIONS,
    SAMPLE_RATE,
    SPEAKERS,
    synthesise,
)
from data_prep.ravdess_prepare import describe

SEED = 0  # of the corpus; the seed of a run does not change it


def make(data_folder):
    """Synthesises 10 speakers x 8 emotions x 2 sentences x 2 takes, unless
    the folder is there.

    Arguments
    ---------
    data_folder : pathlib.Path
        Where the corpus goes.
    """
    if data_folder.exists():
        return
    # Made beside and moved, so that a killed run leaves no half of it.
    unfinished = data_folder.with_name(f"{data_folder.name}.{os.getpid()}")
    clips = list(
        product(SPEAKERS, enumerate(EMOTIONS, start=1), (1, 2), (1, 2))
    )
    for clip in tqdm(clips, "synthesising the demo corpus", disable=None):
        speaker, (number, emotion), statement, take = clip
        wav = synthesise(speaker, emotion, 1, statement, take, SEED)
        folder = unfinished / f"Actor_{speaker.id}"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"03-01-{number:02}-01-{statement:02}-{take:02}-{speaker.id}.wav"
        soundfile.write(folder / name, wav, SAMPLE_RATE)
    try:
        os.replace(unfinished, data_folder)
    except OSError:  # another process was first
        shutil.rmtree(unfinished)


CORPUS = Corpus(
    name="the built-in synthetic corpus",
    classes=EMOTIONS,
    describe=describe,
    protocol="kfold",
    speakers=tuple(speaker.id for speaker in SPEAKERS),
    clips=dict.fromkeys(EMOTIONS, 40),
    language="none",
    licence="Apache-2.0, as this repository",
    make=make,
    notice="The built-in corpus is synthetic: its score says nothing of real "
    "speech.",
)
