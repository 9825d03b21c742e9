"""The recipe that trains an encoder, and what follows from its training data."""

import json
import signal
import sys
from functools import partial

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from conftest import ROOT, fork_program
from data_prep.corpora import Corpora
from data_prep.demo_synthesis import SPEAKERS, synthesise
from data_prep.manifest import read_manifest
from data_prep.votes import read_votes
from encoders.augment import Crops, RandomChannel
from encoders.train import mix_target
from ser.encoder import Encoder

CODES = ("ANG", "HAP", "NEU", "SAD")


@pytest.fixture(scope="module")
def crema_d(tmp_path_factory):
    """A folder of synthetic clips with names and votes like CREMA-D's."""
    folder = tmp_path_factory.mktemp("crema_d")
    rows = ['"",A,D,F,H,N,S,fileName']
    for voice, actor in zip(SPEAKERS, range(1001, 1007)):
        for number, code in enumerate(CODES):
            wav = synthesise(voice, "happy", 1, 1, 1 + number % 2, seed=number)
            name = f"{actor}_DFA_{code}_XX"
            soundfile.write(folder / f"{name}.wav", wav, 16000)
            rows.append(f"{100001 + len(rows)},4,0,0,2,2,0,{name}")
    (folder / "tabulatedVotes.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def trained(crema_d, tmp_path_factory):
    """The folder of a training of seconds that was killed after the first
    epoch and resumed, in a folder other than the root, and its messages."""
    folder = tmp_path_factory.mktemp("encoder")
    options = {
        "--data_folder": crema_d,
        "--output_folder": folder / "out",
        "--number_of_epochs": 2,
        "--epoch_clips": 8,
        "--batch_size": 4,
        "--device": "cpu",
    }
    train = partial(
        fork_program,
        *(ROOT / "encoders/train.py", ROOT / "hparams/encoder.yaml"),
        *(word for option in options.items() for word in option),
        cwd=folder,
    )
    if sys.platform != "win32":  # has no SIGKILL
        killed = train(kill_when=lambda: any(folder.glob("out/save/CKPT*")))
        assert killed.returncode == -signal.SIGKILL, "it ended too early"
    done = train()
    assert done.returncode == 0, done.stderr
    return folder / "out", done.stdout + done.stderr


def test_training_writes_an_encoder(trained):
    """It loads, is trained, and comes with its log and learning curve."""
    folder, messages = trained
    assert "Unseen speakers: UAR" in messages
    untrained = Encoder(str(folder / "untrained"), save_path="")
    written = Encoder(str(folder / "encoder"), save_path="")
    assert written.fingerprint() != untrained.fingerprint()
    weights = safetensors.torch.load_file(folder / "encoder/model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    log = (folder / "encoder/train_log.txt").read_text("utf-8")
    assert "epoch: 2" in log and "test uar" in log
    assert "<svg" in (folder / "encoder/learning_curve.svg").read_text("utf-8")


def test_encoder_names_its_training_speakers(trained):
    """Those of training and validation, and not the test speakers, 1005 and
    1006."""
    folder, _ = trained
    config = json.loads((folder / "encoder/config.json").read_text("utf-8"))
    assert config["training_speakers"] == [
        f"crema_d-{actor}" for actor in (1001, 1002, 1003, 1004)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_training_resumes(trained):
    """Killed after the first epoch, the same command does only the second."""
    _, messages = trained
    assert "Going into epoch 1" not in messages
    assert "Going into epoch 2" in messages


def test_target_mixes_acted_emotion_and_votes(crema_d):
    """60 % angry as acted and 40 % the votes, 4 angry, 2 happy, 2 neutral."""
    classes = ("anger", "disgust", "fear", "happy", "neutral", "sad")
    found = Corpora("crema_d", crema_d, "own", "", "", "", "")
    votes = read_votes(found)
    acted, target = mix_target("sad", "1001_DFA_SAD_XX", classes, votes, 0.4)
    assert acted == 5
    assert target.tolist() == pytest.approx([0.2, 0, 0, 0.1, 0.1, 0.6])
    _, target = mix_target("sad", "without votes", classes, votes, 0.4)
    assert target.tolist() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("length", [0.2, 3.0])  # s
def test_crop_is_a_stretch_of_the_clip(tmp_path, length):
    """In order, with at most 0.1 s of silence past the ends, unless the clip
    of 1 s is shorter than the crop."""
    ramp = np.arange(1, 16001, dtype=np.int16)  # each sample is its position
    soundfile.write(tmp_path / "ramp.wav", ramp, 16000)
    starts = set()
    for _ in range(50):
        crop = Crops(length, 0.1)(str(tmp_path / "ramp.wav"))
        crop = (crop * 32767).round().int().numpy()
        inside = int(crop.nonzero()[0][0])
        start = crop[inside] - 1 - inside
        positions = np.arange(start, start + round(16000 * length)) + 1
        positions[(positions < 1) | (positions > 16000)] = 0
        assert crop.tolist() == positions.tolist()
        starts.add(start)
    spare = 16000 - len(crop)
    assert len(starts) > 10
    assert min(spare, 0) - 1600 <= min(starts)
    assert max(starts) <= max(spare, 0) + 1600


def test_training_speakers_in_the_test_set_are_reported(
    crema_d, run_train, tmp_path
):
    """Of the test speakers, 1001 and 1003, the second trained the built-in
    encoder: a notice is printed and on the page."""
    done = run_train(
        *("hparams/train.yaml", "--corpus", "crema_d"),
        *("--data_folder", crema_d, "--protocol", "kfold"),
        *("--num_folds", 3, "--fold", 2, "--number_of_epochs", 1),
        *("--output_folder", tmp_path / "out"),
        *("--cache_folder", tmp_path / "cache"),
    )
    assert done.returncode == 0, done.stderr
    test = read_manifest(tmp_path / "out/manifests/test.csv")
    assert set(test["spk_id"]) == {"1001", "1003"}
    page = (tmp_path / "out/report.html").read_text("utf-8")
    for text in (done.stdout, page):
        assert "labels of 1 of the test speakers" in text


def test_distortion_is_drawn_on_the_device_of_the_waveforms():
    """Whether or not transformers has loaded a model before."""
    Encoder(str(ROOT / "encoders/crema_d_small"), save_path="")
    with torch.device("meta"):
        gains = RandomChannel()._draw_gains(2, 100, slope=True)
    assert gains.is_meta
