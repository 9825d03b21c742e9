#!/usr/bin/env python
"""Makes what the recipe's test runs on: noises under the labels of MyCorpus,
their manifests, and a small encoder with random weights.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

sys.path.insert(0, "recipes/MyCorpus/emotion_recognition")
from encoder import make_random_encoder
from manifest import SCHEMA, write_csv
from my_corpus_prepare import CORPUS

FOLDER = Path("tests/tmp/MyCorpus")
SAMPLE_RATE = 16000  # Hz

FOLDER.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)
for split in ("train", "valid", "test"):
    clips = []
    for emotion in CORPUS.classes:
        name = f"{split}_{emotion}"
        noise = rng.normal(0, 0.1, SAMPLE_RATE // 2)
        soundfile.write(FOLDER / f"{name}.wav", noise, SAMPLE_RATE)
        audio = (FOLDER / f"{name}.wav").read_bytes()
        clips.append(
            {
                "ID": name,
                "duration": 0.5,
                "wav": f"$data_root/{name}.wav",
                "spk_id": split,
                "gender": "unknown",
                "emotion": emotion,
                "sentence": "",
                "sample_rate": SAMPLE_RATE,
                "channels": 1,
                "sha256": hashlib.sha256(audio).hexdigest(),
            }
        )
    clips = SCHEMA.validate(pd.DataFrame(clips))
    write_csv(clips, FOLDER / f"{split}.csv")
make_random_encoder(FOLDER / "encoder", seed=0)
