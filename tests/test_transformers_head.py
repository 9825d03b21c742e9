"""A linear head in transformers' own classes: its pipeline, in a process that
cannot import this repository, gives the same probabilities.
"""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ENVIRONMENT
from ser import load_model
from sharing.transformers_head import add_classifier, is_alone_only
from test_encoder import FAMILIES, noise
from tiny_models import CLASSES, make_model_folder

LINEAR = dict(pooling="mean", layers="last", hidden_sizes=())
STOCK = """
import importlib.util, json, sys
import numpy
from transformers import AutoModel, pipeline

assert importlib.util.find_spec("ser") is None
clips = list(numpy.load("clips.npz").values())
found = {}
for folder in sys.argv[1:]:
    classify = pipeline("audio-classification", model=folder, device="cpu")
    alone = [classify(clip, top_k=None) for clip in clips]
    batch = classify(clips, top_k=None, batch_size=len(clips))
    _, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    kind = type(classify.model).__name__
    found[folder] = kind, alone, batch, sorted(info["missing_keys"])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder with a linear head of each family; its config names the two
    classes of another task, as a fine-tuned encoder's may."""
    root = tmp_path_factory.mktemp("linear")
    for family in FAMILIES:
        folder = root / family
        make_model_folder(folder, family, **LINEAR, id2label={0: "a", 1: "b"})
        assert add_classifier(folder) == ""
    return root


@pytest.fixture(scope="module")
def stock(folders):
    """What transformers alone says of the clips, from each family's name."""
    np.savez(folders / "clips.npz", *[clip.numpy() for clip in noise()])
    done = subprocess.run(
        [sys.executable, "-c", STOCK, *FAMILIES],
        cwd=folders,
        env=ENVIRONMENT | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_order(answers):
    """Turns the pipeline's lists of labels and scores into an array [clip,
    class]."""
    rows = [{row["label"]: row["score"] for row in rows} for rows in answers]
    assert all(row.keys() == set(CLASSES) for row in rows)
    return np.array([[row[name] for name in CLASSES] for row in rows])


@pytest.mark.parametrize("family", FAMILIES)
def test_pipeline_gives_the_same_probabilities(family, folders, stock):
    """For a clip alone, within 1e-5; in a padded batch too, but for the
    encoders that are said to need one clip at a time."""
    kind, alone, batch, missing = stock[family]
    assert kind.endswith("ForSequenceClassification") and not missing
    clips = [clip.numpy() for clip in noise()]
    expected = load_model(folders / family).classify(clips)
    assert np.ptp(expected, axis=0).max() > 0.2
    assert np.abs(in_order(alone) - expected).max() <= 1e-5
    config = json.loads((folders / family / "config.json").read_text("utf-8"))
    differs = np.abs(in_order(batch) - expected).max() > 1e-5
    assert differs == is_alone_only(config)


@pytest.mark.parametrize(
    "setting, reason",
    [
        (dict(pooling="mean_std"), "mean_std"),
        (dict(pooling="attention"), "attention"),
        (dict(layers="weighted"), "standardises each layer"),
        (dict(hidden_sizes=(16, 8)), "hidden layers .* has 2"),
    ],
    ids=str,
)
def test_other_heads_do_not_fit(setting, reason, tmp_path):
    """The reason is given, and the folder stays as it was."""
    family = "wav2vec2 group norm"
    folder = make_model_folder(tmp_path / "model", family, **LINEAR | setting)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert re.search(reason, add_classifier(folder))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_encoder_loads_without_a_classifier(tmp_path):
    """As transformers' AutoModel, with every weight."""
    from transformers import AutoModel

    folder = make_model_folder(tmp_path / "model", "hubert")
    _, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
