"""The built-in corpus: synthesised, with RAVDESS's file names, made if it
is not there yet. A score on it says nothing about real speech.
"""

from itertools import product

import soundfile
from data_prep.corpus import Corpus
from data_prep.demo_synthesis import EMOTIONS, SAMPLE_RATE, SPEAKERS, synthesise
from data_prep.ravdess_prepare import CORPUS as RAVDESS
from ser.files import written_whole
from tqdm import tqdm

SEED = 0  # of the corpus; the seed of a run does not change it


def make(data_folder):
    """Synthesises 10 speakers x 8 emotions x 2 sentences x 2 takes, unless
    the folder is there."""
    if data_folder.exists():
        return
    emotions = enumerate(EMOTIONS, start=1)
    clips = list(product(SPEAKERS, emotions, (1, 2), (1, 2)))
    with written_whole(data_folder) as unfinished:
        for clip in tqdm(clips, "synthesising the demo corpus", disable=None):
            speaker, (number, emotion), statement, take = clip
            wav = synthesise(speaker, emotion, 1, statement, take, SEED)
            folder = unfinished / f"Actor_{speaker.id}"
            folder.mkdir(parents=True, exist_ok=True)
            code = f"{number:02}-01-{statement:02}-{take:02}-{speaker.id}"
            soundfile.write(folder / f"03-01-{code}.wav", wav, SAMPLE_RATE)


CORPUS = Corpus(
    name="the built-in synthetic corpus",
    classes=EMOTIONS,
    describe=RAVDESS.describe,
    protocol="kfold",
    speakers=tuple(speaker.id for speaker in SPEAKERS),
    clips=dict.fromkeys(EMOTIONS, 40),
    language="none",
    licence="Apache-2.0, as this repository",
    make=make,
    notice="The built-in corpus is synthetic: its score says nothing about real "
    "speech.",
)
