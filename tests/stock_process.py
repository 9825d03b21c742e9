"""A process with stock SpeechBrain that knows nothing of this repository."""

import json
import subprocess
import sys

import numpy as np
from conftest import ENVIRONMENT

# Loads models in turn and classifies files, alone and in one padded batch.
SCRIPT = """
import importlib.util, json, sys
for package in ("ser", "sharing", "forking", "data_prep"):
    assert importlib.util.find_spec(package) is None
import torch
from speechbrain.inference.interfaces import foreign_class
from speechbrain.utils.fetching import LocalStrategy

def answer(clips, strategy, options):
    recogniser = foreign_class(
        classname="EmotionRecogniser",
        local_strategy=LocalStrategy[strategy],
        **options,
    )
    files = [recogniser.classify_file(clip) for clip in clips]
    wavs = [recogniser.load_audio(clip) for clip in clips]
    wavs += [wavs[0]] * 2
    samples = torch.tensor([len(wav) for wav in wavs])
    wavs = torch.nn.utils.rnn.pad_sequence(wavs, True, 7.0)
    batch = recogniser.classify_batch(wavs, samples / wavs.shape[1])
    assert all(f[0].shape == batch[0][:1].shape for f in files)
    assert batch[0].shape[:1] == batch[1].shape == batch[2].shape
    parts = (batch, *files)
    return {
        "files": torch.cat([f[0] for f in files]).exp().tolist(),
        "batch": batch[0].exp().tolist(),
        "score": torch.cat([p[1] for p in parts]).exp().tolist(),
        "index": torch.cat([p[2] for p in parts]).tolist(),
        "text_lab": sum((p[3] for p in parts), []),
        "has_gradient": batch[0].requires_grad,
    }

for line in sys.stdin:
    answers = {}
    for name, job in json.loads(line).items():
        try:
            answers[name] = answer(*job)
        except ValueError as error:
            answers[name] = str(error)
    print("answers", json.dumps(answers), flush=True)
"""


class Stock:
    """A fresh process with stock SpeechBrain, in a folder of its own, without
    this repository and offline."""

    def __init__(self, folder):
        environment = {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", SCRIPT],
            cwd=folder,
            env=ENVIRONMENT | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self, jobs):
        """Has clips classified by several models; returns what is answered,
        by name."""
        self.process.stdin.write(json.dumps(jobs) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("answers "):
                return json.loads(line.removeprefix("answers "))
        raise EOFError("the process ended")

    def end(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


def job(folder, clips, strategy="SYMLINK", **options):
    """Describes one loading of a model."""
    (module,) = (p.name for p in folder.glob("emotion_recogniser_*.py"))
    options = {"source": str(folder), "pymodule_file": module} | options
    return [str(clip) for clip in clips], strategy, options


def check(answer, expected, classes):
    """Compares an answer with probabilities [clip, class]."""
    assert isinstance(answer, dict), answer
    files, batch = np.array(answer["files"]), np.array(answer["batch"])
    assert np.abs(files - expected).max() <= 1e-5
    again = expected[[*range(len(expected)), 0, 0]]
    assert np.abs(batch - again).max() <= 1e-5
    rows = np.concatenate([again, expected])
    assert np.abs(np.array(answer["score"]) - rows.max(axis=1)).max() <= 1e-5
    assert answer["index"] == rows.argmax(axis=1).tolist()
    assert answer["text_lab"] == [classes[i] for i in answer["index"]]
