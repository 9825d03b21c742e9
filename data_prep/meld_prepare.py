"""MELD, the Multimodal EmotionLines Dataset: utterances from Friends."""

import contextlib
import csv
import io
import os
import re
import shutil
import subprocess
import wave
from dataclasses import replace
from functools import partial
from glob import iglob
from pathlib import Path, PurePath

from data_prep.corpus import Corpus
from data_prep.listing import list_files
from ser.errors import RecipeError
from ser.files import written_whole
from ser.names import UNKNOWN
from tqdm.contrib.concurrent import thread_map

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
CLIPS = (1607, 361, 358, 2308, 6436, 1002, 1636)  # two are broken
SPLITS = {"train": "train", "dev": "valid", "test": "test"}
BROKEN = dict.fromkeys(
    ("train_dia125_utt3", "dev_dia110_utt7"), "its MP4 is broken"
)
GENDERS = dict.fromkeys(("monica", "phoebe", "rachel"), "female")
GENDERS |= dict.fromkeys(("chandler", "joey", "ross"), "male")
MANY = r"all|both|the guys|.*(/| and ).*"  # who speak at once
# Such as train_splits/dia0_utt0.mp4, dev_splits_complete/dia0_utt0.mp4 or
# output_repeated_splits_test/final_videos_testdia0_utt0.mp4
NAME = r"(?:final_videos_)?(train|dev|test)?_?dia([0-9]+)_utt([0-9]+)"
COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
SAMPLE_RATE = 16000  # Hz, of the audio that is taken from clips
FFMPEG = "ffmpeg -nostdin -v error -threads 1 -i".split()
TO_PCM = f"-vn -ac 1 -ar {SAMPLE_RATE} -f s16le -".split()


def name_clip(path):
    """Reads split, dialogue and utterance, such as train_dia0_utt0: the numbers
    recur in other splits."""
    name = re.fullmatch(NAME, path.stem)
    if not name:
        raise ValueError("name does not parse as dialogue and utterance")
    split, dialogue, utterance = name.groups()
    folders = "/".join(path.parts[:-1][::-1]).lower()
    found = re.search(r"(?<![a-z])(train|dev|test)(?![a-z])", folders)
    if not split and not found:
        raise ValueError("neither its name nor its folders name a split")
    return f"{split or found[1]}_dia{int(dialogue)}_utt{int(utterance)}"


def describe(path, rows):
    """Looks a clip up in the rows of the tables."""
    name = name_clip(path)
    if name not in rows:
        raise ValueError("not in the CSV file of its split")
    row = rows[name]
    # Copies differ in the bytes of an apostrophe.
    speaker = re.sub(r"[^ -~]+", "'", row["Speaker"].strip().lower())
    many = re.fullmatch(MANY, speaker)
    return {
        "ID": name,
        "spk_id": UNKNOWN if many else speaker,
        "gender": GENDERS.get(speaker, "unknown"),
        "emotion": row["Emotion"].strip().lower(),
        "sentence": " ".join(re.findall("[a-z0-9]+", row["Utterance"].lower())),
        "split": SPLITS[name.split("_")[0]],
    }


def open_tables(corpus, data_folder, options):
    """Reads the tables, and takes the audio from clips that have none."""
    rows = {}
    for split in SPLITS:
        pattern = f"**/{split}_sent_emo.csv"
        for name in iglob(pattern, root_dir=data_folder, recursive=True):
            # Some copies are in Windows-1252.
            text = (data_folder / name).read_text("utf-8-sig", "replace")
            reader = csv.DictReader(io.StringIO(text))
            if not set(COLUMNS) <= set(reader.fieldnames or []):
                continue
            for row in reader:
                clip = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
                rows[f"{split}_{clip}"] = row
    if not rows:
        raise RecipeError(
            f"no table of MELD in '{data_folder}': expected train_sent_emo.csv, "
            "dev_sent_emo.csv and test_sent_emo.csv, in it or below, with the "
            f"columns {', '.join(COLUMNS)}; pass the folder that holds them "
            "and the clips as --data_folder."
        )
    refused = extract(data_folder, rows)
    paths, _, others = list_files(data_folder)
    others = [row for row in others if not row[0].endswith(".mp4")]
    return replace(
        corpus,
        describe=partial(describe, rows=rows),
        files=tuple(paths),
        refused=(*refused, *others),
    )


def extract(data_folder, rows):
    """Takes the audio from the clips that have none, each WAV beside its MP4,
    and returns the clips for which it cannot, with the reason."""
    have = set()
    for path in list_files(data_folder)[0]:
        with contextlib.suppress(ValueError):
            have.add(name_clip(PurePath(path)))
    videos, refused = [], []
    for name in sorted(iglob("**/*.mp4", root_dir=data_folder, recursive=True)):
        try:
            clip = name_clip(PurePath(name))
            if clip not in rows:
                raise ValueError("not in the CSV file of its split")
            if clip in BROKEN and clip not in have:
                raise ValueError(BROKEN[clip])
            if clip not in have:
                videos.append(name)
                have.add(clip)
        except ValueError as error:
            refused.append((Path(name).as_posix(), str(error)))
    if videos and not shutil.which("ffmpeg"):
        raise RecipeError(
            f"{len(videos)} clips of MELD in '{data_folder}' have no WAV file, "
            "and ffmpeg, which extracts the audio from a clip, is not installed: "
            "install it, or make each WAV elsewhere with 'ffmpeg -i "
            "dia0_utt0.mp4 -vn -ac 1 -ar 16000 dia0_utt0.wav'."
        )
    reasons = thread_map(
        extract_one,
        [data_folder / name for name in videos],
        max_workers=os.cpu_count(),
        desc="extracting the audio of MELD",
        unit="clip",
        disable=None if videos else True,
    )
    return refused + [
        (Path(name).as_posix(), reason)
        for name, reason in zip(videos, reasons)
        if reason
    ]


def extract_one(video):
    """Takes the audio from a clip, or returns the reason why it cannot."""
    done = subprocess.run([*FFMPEG, video, *TO_PCM], capture_output=True)
    if done.returncode or not done.stdout:
        words = done.stderr.decode(errors="replace").split()
        return f"ffmpeg cannot extract its audio: {' '.join(words)}"
    with written_whole(video.with_suffix(".wav")) as unfinished:
        with wave.open(str(unfinished), "wb") as f:
            f.setparams((1, 2, SAMPLE_RATE, 0, "NONE", "NONE"))  # 16 bits, mono
            f.writeframes(done.stdout)
    return None


CORPUS = Corpus(
    name="MELD",
    classes=EMOTIONS,
    describe=None,
    protocol="official",
    clips=dict(zip(EMOTIONS, CLIPS)),
    defects=BROKEN,
    language="English",
    licence="GPL-3.0",
    address="https://affective-meld.github.io/",
    citation="Poria et al. (2019), https://doi.org/10.18653/v1/P19-1050",
    names=NAME,
    open=open_tables,
)
