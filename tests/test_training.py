"""Class weights, early stopping, and testing with the best epoch."""

import copy
import json
import re
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT
from ser.audio import read_audio
from ser.checkpoint import AtomicCheckpointer
from ser.epochs import best_first, is_end_of_epoch
from ser.head import inverse_frequency
from ser.settings import load_settings

from speechbrain.core import INTRA_EPOCH_CKPT_FLAG

LIMIT, PATIENCE = 60, 6  # epochs
LOGGED = re.compile(
    r"^epoch: \d+,.*valid loss: (\S+), valid uar: (\S+),", flags=re.MULTILINE
)


@pytest.fixture(scope="module")
def run(small_corpus, run_train, tmp_path_factory):
    """Trains on classes of unequal size, past the best epoch: the folder, the
    settings, and each epoch's validation UAR and negative loss."""
    folder = tmp_path_factory.mktemp("training")
    corpus = shutil.copytree(
        small_corpus,
        folder / "corpus",
        # Half the clips of four emotions.
        ignore=shutil.ignore_patterns("03-01-0[5678]-01-02-*"),
    )
    overrides = {
        "data_folder": str(corpus),
        "cache_folder": str(folder / "cache"),
        "output_folder": str(folder / "out"),
        "number_of_epochs": LIMIT,
        "patience": PATIENCE,
        "class_weights": True,
        "label_smoothing": 0.0,
        "num_heads": 1,
        "refit": False,
        "seed": 3,  # a tie for the best UAR, and worse epochs after it
    }
    args = [f"--{key}={value}" for key, value in overrides.items()]
    done = run_train("hparams/train.yaml", *args)
    assert done.returncode == 0, done.stderr
    log = (folder / "out/train_log.txt").read_text("utf-8")
    return SimpleNamespace(
        folder=folder / "out",
        hparams=load_settings(ROOT / "hparams/train.yaml", overrides),
        scores=[(float(u), -float(loss)) for loss, u in LOGGED.findall(log)],
    )


@pytest.fixture(scope="module")
def best_and_last(run):
    """The only two checkpoints kept: of the best epoch and of the last."""
    scores = run.scores
    best = scores.index(max(scores)) + 1
    saved = {}
    for meta in run.folder.glob("save/CKPT*/CKPT.yaml"):
        epoch = yaml.safe_load(meta.read_text("utf-8"))["epoch"]
        saved[epoch] = meta.parent
    assert sorted(saved) == [best, len(scores)]
    assert best < len(scores), "the best epoch is the last: change the seed"
    return saved[best], saved[len(scores)]


@torch.no_grad()
def logits(run, checkpoint, manifest):
    """Runs a manifest's clips one by one through a checkpoint's weights."""
    hparams = run.hparams
    hparams["model"].load_state_dict(torch.load(checkpoint / "model.ckpt"))
    head = hparams["head"].eval()
    encode, pool = hparams["wav2vec2"], hparams["pool"]
    root = hparams["data_folder"]
    wavs = [read_audio(f"{root}/{clip}.wav") for clip in manifest["ID"]]
    embeddings = [pool(*encode(wav[None], torch.ones(1))) for wav in wavs]
    return head(torch.cat(embeddings))


def test_the_best_epoch_is_tested(run, best_and_last):
    """predictions.csv comes from the best checkpoint's weights, with the
    temperature that metrics.json has."""
    table = pd.read_csv(run.folder / "predictions.csv")
    probabilities = torch.tensor(
        table[list(run.hparams["corpora"].classes)].to_numpy(),
        dtype=torch.float32,
    )
    metrics = json.loads((run.folder / "metrics.json").read_text("utf-8"))
    temperature = metrics["temperature"]
    best, last = (
        (logits(run, checkpoint, table) / temperature).softmax(dim=-1)
        for checkpoint in best_and_last
    )
    assert (probabilities - best).abs().max() < 1e-5
    assert (probabilities - last).abs().max() > 1e-2


def test_probabilities_are_calibrated(run, best_and_last):
    """By the temperature with the least loss on the validation set."""
    classes = list(run.hparams["corpora"].classes)
    valid = pd.read_csv(run.folder / "manifests/valid.csv")
    outputs = logits(run, best_and_last[0], valid).double()
    truth = torch.tensor([classes.index(c) for c in valid["emotion"]])
    metrics = json.loads((run.folder / "metrics.json").read_text("utf-8"))
    at, *others = (
        torch.nn.functional.cross_entropy(
            outputs / (metrics["temperature"] * change), truth
        )
        for change in (1, 0.99, 1.01)
    )
    assert metrics["temperature"] != 1 and at < min(others)


def test_the_best_epoch_has_the_highest_uar_then_the_lowest_loss(run):
    """metrics.json names the one with the lower loss among equal UARs."""
    uars = [uar for uar, _ in run.scores]
    assert uars.count(max(uars)) > 1, "no tie: change the seed"
    metrics = json.loads((run.folder / "metrics.json").read_text("utf-8"))
    assert metrics["best_epoch"] == run.scores.index(max(run.scores)) + 1


def test_training_stops_when_patience_runs_out(run):
    """An epoch that only ties with the best does not extend training."""
    uars = [uar for uar, _ in run.scores]
    assert len(uars) == uars.index(max(uars)) + 1 + PATIENCE < LIMIT


def test_classes_are_weighted_in_the_loss(run, best_and_last):
    """The validation loss is weighted by the counts of the training set."""
    classes = list(run.hparams["corpora"].classes)
    train, valid = (
        pd.read_csv(run.folder / f"manifests/{name}.csv")
        for name in ("train", "valid")
    )
    counts = torch.tensor([(train["emotion"] == c).sum() for c in classes])
    assert counts.min() < counts.max()
    outputs = logits(run, best_and_last[0], valid)
    truth = torch.tensor([classes.index(c) for c in valid["emotion"]])
    by_hand = torch.nn.functional.cross_entropy(outputs, truth, 1 / counts)
    meta = yaml.safe_load((best_and_last[0] / "CKPT.yaml").read_text("utf-8"))
    assert meta["valid_loss"] == pytest.approx(float(by_hand), abs=1e-4)
    alike = torch.nn.functional.cross_entropy(outputs, truth)
    assert abs(meta["valid_loss"] - float(alike)) > 1e-3


@pytest.mark.parametrize(
    "classes, weights",
    [
        (["sad", "angry"], [2, 2 / 3]),
        (["angry", "sad"], [2 / 3, 2]),
        (["angry", "calm", "sad"], [4 / 9, 0, 4 / 3]),
    ],
)
def test_class_weights_are_inverse_frequencies(classes, weights):
    """Weights follow the order of the classes; a class without clips has 0."""
    emotions = ["angry", "sad", "angry", "angry"]
    found = inverse_frequency(emotions, classes)
    torch.testing.assert_close(found, torch.tensor(weights).float())


@pytest.fixture(scope="module", params=["train", "finetune"])
def counter(request, tmp_path_factory):
    """The epoch counter of each YAML file, of 9 epochs and patience 3."""
    folder = str(tmp_path_factory.mktemp("counter"))
    overrides = {"number_of_epochs": 9, "patience": 3}
    overrides |= {"cache_folder": folder, "output_folder": folder}
    path = ROOT / f"hparams/{request.param}.yaml"
    return load_settings(path, overrides)["epoch_counter"]


@pytest.mark.parametrize(
    "errors, last",
    [
        ([0.9, 0.8, 0.7, 0.75, 0.75, 0.75], 6),
        ([0.9, 0.5, 0.5, 0.5, 0.5], 5),  # a tie is no improvement
        ([0.0, 0.0, 0.0, 0.0], 4),  # not even of a perfect score
        ([0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8], 7),
        ([0.5, 0.499, 0.498, 0.497, 0.496, 0.495, 0.494, 0.493, 0.492], 9),
    ],
)
def test_epoch_counter_stops_early(counter, errors, last):
    """Training ends three epochs after the last improvement, or at nine."""
    counter = copy.deepcopy(counter)
    epochs = []
    for epoch in counter:
        epochs.append(epoch)
        counter.update_metric((errors + [errors[-1]] * 9)[epoch - 1])
    assert epochs == list(range(1, last + 1))


@pytest.mark.parametrize(
    "scores, best",
    [
        ([(0.5, 1.0), (0.6, 2.0), (0.4, 0.1)], 2),
        ([(0.6, 2.0), (0.6, 1.0), (0.6, 3.0)], 2),
        ([(0.6, 1.0), (0.5, 0.5), (0.6, 2.0)], 1),
    ],
)
def test_best_first(scores, best, tmp_path):
    """Ranks by UAR, then by the lower loss; only the first is kept."""
    checkpointer = AtomicCheckpointer(tmp_path, {"x": torch.nn.Linear(1, 1)})
    for epoch, (uar, loss) in enumerate(scores, start=1):
        meta = {"epoch": epoch, "valid_uar": uar, "valid_loss": loss}
        checkpointer.save_checkpoint(meta=meta)
    found = checkpointer.find_checkpoint(importance_key=best_first)
    assert found.meta["epoch"] == best
    checkpointer.delete_checkpoints(importance_keys=[best_first])
    (left,) = checkpointer.list_checkpoints()
    assert left.meta["epoch"] == best


def test_a_checkpoint_within_an_epoch_is_never_the_best(tmp_path):
    """It has no validation scores and carries SpeechBrain's own flag."""
    checkpointer = AtomicCheckpointer(tmp_path, {"x": torch.nn.Linear(1, 1)})
    whole = {"epoch": 1, "valid_uar": 0.5, "valid_loss": 1.0}
    for meta in (
        {INTRA_EPOCH_CKPT_FLAG: True},
        whole,
        {INTRA_EPOCH_CKPT_FLAG: True},
    ):
        checkpointer.save_checkpoint(meta=meta, end_of_epoch="epoch" in meta)
    assert len(checkpointer.list_checkpoints()) == 3
    (only,) = checkpointer.find_checkpoints(ckpt_predicate=is_end_of_epoch)
    assert only.meta["epoch"] == 1
    best = checkpointer.find_checkpoint(
        importance_key=best_first, ckpt_predicate=is_end_of_epoch
    )
    assert best.path == only.path
