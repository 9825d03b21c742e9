#!/usr/bin/env python
"""Makes what the recipe tests of MyCorpus run on: noises under its labels,
their CSV files, and a small encoder with random weights.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import transformers

sys.path.insert(0, "recipes/MyCorpus/emotion_recognition")
from my_corpus_prepare import CLASSES, COLUMNS

folder = Path("tests/tmp/MyCorpus")
folder.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
for split in ("train", "valid", "test"):
    clips = []
    for emotion in CLASSES:
        path = folder / f"{split}_{emotion}.wav"
        soundfile.write(path, rng.normal(0, 0.1, 8000), 16000)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        labels = [f"$data_root/{path.name}", split, "unknown", emotion, ""]
        clips.append([path.stem, 0.5, *labels, 16000, 1, sha256])
    table = pd.DataFrame(clips, columns=COLUMNS)
    table.to_csv(folder / f"{split}.csv", index=False)
config = transformers.Wav2Vec2Config(
    hidden_size=48, num_hidden_layers=2, conv_dim=[32] * 7
)
transformers.Wav2Vec2Model(config).save_pretrained(folder / "encoder")
transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder / "encoder")
