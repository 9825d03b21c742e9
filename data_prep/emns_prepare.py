"""EMNS, the Emotive Narrative Storytelling corpus: its recordings, which must
be there as WAV or FLAC files with the names of the WebM files."""

from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from data_prep.corpus import Corpus
from data_prep.label_tables import read_tables

EMOTIONS = {
    "Angry": "angry",
    "Disgust": "disgust",
    "Excited": "excited",
    "Happy": "happy",
    "Neutral": "neutral",
    "Sad": "sad",
    "Sarcastic": "sarcastic",
    "Surprised": "surprise",
}
CLIPS = (126, 162, 150, 157, 149, 147, 139, 151)
COLUMNS = ("audio_recording", "emotion", "utterance")


def describe(path, rows):
    """Looks a file such as cleaned_webm/recorded_audio_RF6OuQ4.wav up."""
    if path.stem not in rows:
        raise ValueError("not in metadata.csv")
    row = rows[path.stem]
    return {
        "spk_id": "3",
        "gender": "female",
        "emotion": EMOTIONS.get(row["emotion"], row["emotion"]),
        "sentence": row["utterance"],
    }


def open_table(corpus, data_folder, options):
    """Reads metadata.csv, which is in the data folder or below."""
    name = "metadata.csv"
    tables = read_tables(corpus, data_folder, name, COLUMNS, delimiter="|")
    rows = {Path(row["audio_recording"]).stem: row for row in chain(*tables)}
    return replace(corpus, describe=partial(describe, rows=rows))


CORPUS = Corpus(
    name="EMNS",
    classes=tuple(EMOTIONS.values()),
    describe=None,
    protocol="random",  # a single speaker cannot train, validate and test
    speakers=("3",),
    clips=dict(zip(EMOTIONS.values(), CLIPS)),
    language="English",
    licence="Apache-2.0",
    address="https://www.openslr.org/136/",
    citation="Noriy et al. (2023), https://doi.org/10.48550/arXiv.2305.13137",
    names=r"recorded_audio_\w{7}",
    open=open_table,
    notice="EMNS has only one speaker.",
)
