"""Training again on the training and the validation clips together."""

import json
import re
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from conftest import ROOT
from ser.audio import read_audio
from ser.settings import load_settings

VALIDATED = re.compile(r"^epoch: \d+, lr: (\S+) - ", flags=re.MULTILINE)
AGAIN = re.compile(r"^refit epoch: (\d+), lr: (\S+) - ", flags=re.MULTILINE)


@pytest.fixture(scope="module")
def run(small_corpus, run_train, tmp_path_factory):
    """A run of three heads that is trained again, past a change of the rate:
    its folder, settings, log and metrics."""
    folder = tmp_path_factory.mktemp("refit")
    overrides = {
        "data_folder": str(small_corpus),
        "cache_folder": str(folder / "cache"),
        "output_folder": str(folder / "out"),
        "number_of_epochs": 30,
        "lr": 0.0003,
        "num_heads": 3,
        "refit": True,
        "seed": 3,
    }
    args = ["hparams/train.yaml"]
    args += [f"--{key}={value}" for key, value in overrides.items()]
    done = run_train(*args)
    assert done.returncode == 0, done.stderr
    out = folder / "out"
    return SimpleNamespace(
        args=args,
        folder=out,
        hparams=load_settings(ROOT / "hparams/train.yaml", overrides),
        log=(out / "train_log.txt").read_text("utf-8"),
        metrics=json.loads((out / "metrics.json").read_text("utf-8")),
    )


@pytest.fixture(scope="module")
def embed(run):
    """Computes the embeddings [clip, layer + 1, channel] of a manifest."""
    hparams = run.hparams
    encoder, pool = hparams["wav2vec2"].eval(), hparams["pool"]

    @torch.no_grad()
    def embed(*names):
        """Encodes the clips of manifests, one by one."""
        wavs = [
            read_audio(f"{hparams['data_folder']}/{clip}.wav")
            for name in names
            for clip in pd.read_csv(run.folder / f"manifests/{name}.csv")["ID"]
        ]
        one = torch.ones(1)
        return torch.cat([pool(*encoder(wav[None], one)) for wav in wavs])

    return embed


def test_it_takes_the_epochs_and_the_rates_that_validation_chose(run):
    """From the first to the best epoch, and no more."""
    best = run.metrics["best_epoch"]
    rates = VALIDATED.findall(run.log)
    assert len(set(rates[:best])) > 1, rates
    epochs, again = zip(*AGAIN.findall(run.log))
    assert list(map(int, epochs)) == list(range(1, best + 1))
    assert list(again) == rates[:best]


@torch.no_grad()
def test_the_model_that_was_trained_again_is_tested(run, embed):
    """On clips of both sets, whose statistics it has; the logits of its heads
    are averaged, and calibrated by the first training's validation."""
    (checkpoint,) = run.folder.glob("save/refit/CKPT*/model.ckpt")
    model, head = run.hparams["model"], run.hparams["head"].eval()
    model.load_state_dict(torch.load(checkpoint))
    seen = embed("train", "valid")
    standardiser = run.hparams["standardiser"]
    assert torch.allclose(standardiser.mean, seen.mean(dim=0), atol=1e-5)
    assert not torch.allclose(
        standardiser.mean, embed("train").mean(dim=0), atol=1e-5
    )
    one_by_one = torch.stack(
        [h(head[1](head[0](embed("test")))) for h in head[2].heads]
    )
    assert len(one_by_one) == 3 and one_by_one.std(dim=0).min() > 1e-4
    table = pd.read_csv(run.folder / "predictions.csv").set_index("ID")
    order = pd.read_csv(run.folder / "manifests/test.csv")["ID"]
    found = table.loc[order, list(run.hparams["classes"])].to_numpy()
    logits = one_by_one.mean(dim=0) / run.metrics["temperature"]
    expected = logits.softmax(dim=-1)
    assert (torch.tensor(found) - expected).abs().max() < 1e-5


def test_the_facts_say_so(run):
    """So that a report does not hide it."""
    training = run.metrics["facts"]["Training"]
    assert training.endswith(
        ", 3 heads averaged, trained again with the validation clips"
    )


def test_what_is_not_trained_to_the_end_is_not_tested(run, run_train):
    """`--test_only` after a kill in the second training ends in a sentence,
    and leaves the run unfinished."""
    out = shutil.copytree(run.folder, run.folder.with_name("cut"))
    (out / "metrics.json").unlink()
    settings = (out / "hyperparams.yaml").read_text("utf-8")
    settings = settings.replace(str(run.folder), str(out))
    (out / "hyperparams.yaml").write_text(settings, "utf-8")
    shutil.rmtree(out / "save/refit")
    done = run_train(*run.args, f"--output_folder={out}", "--test_only")
    assert done.returncode == 1, done.stdout
    assert "the second training, with the validation clips" in done.stderr
    assert not (out / "metrics.json").exists()


@pytest.mark.parametrize("frozen", ["True", "False"])
def test_an_encoder_is_not_trained_again(
    frozen, small_corpus, run_train, tmp_path
):
    """Nor a head by the settings for one, whose batches hold training clips
    alone; which is said before anything is trained."""
    done = run_train(
        *["hparams/finetune.yaml", "--data_folder", small_corpus],
        *["--refit", "True", "--output_folder", tmp_path / "out"],
        *["--cache_folder", tmp_path, "--freeze_wav2vec2", frozen],
    )
    assert done.returncode == 1
    assert "refit trains a head again, not an encoder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", ["0", "-1", "1.5"])
def test_a_head_is_needed(number, small_corpus, run_train, tmp_path):
    """A number of heads that is none ends in a sentence."""
    done = run_train(
        *["hparams/train.yaml", "--data_folder", small_corpus],
        *["--num_heads", number, "--output_folder", tmp_path / "out"],
        *["--cache_folder", tmp_path],
    )
    assert done.returncode == 1
    assert f"num_heads is {number}: expected 1 or more" in done.stderr
    assert "Traceback" not in done.stderr
