"""Folders of models that are hostile or broken: each is refused in a sentence,
and nothing in it is run.
"""

import contextlib
import os
import re
import shutil
import sys

import numpy as np
import pytest
import soundfile
from conftest import ROOT, fork_program
from hostile_edits import (
    CODE,
    OLD_PICKLE,
    PICKLE,
    about,
    by_name,
    change,
    write,
)
from hostile_folders import CASES
from ser.errors import RecipeError
from ser.inference import load_model
from sharing.speechbrain_interface import write_interface
from tiny_models import make_model_folder

WATCHED = (
    *("pickle.find_class", "subprocess.Popen", "os.system", "os.exec"),
    *("os.posix_spawn", "os.fork", "os.mkdir", "os.remove", "ctypes.dlopen"),
    *("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"),
)
EVENTS = []  # a list for each `seen` that is open


def watch(event, arguments):
    """Notes what reading data has no use for, and each module that is run."""
    if EVENTS and event in WATCHED:
        EVENTS[-1].append((event, *map(repr, arguments)))
    elif EVENTS and event == "exec":
        EVENTS[-1].append((event, arguments[0].co_filename))


sys.addaudithook(watch)


@contextlib.contextmanager
def nothing_run(near):
    """Fails if code near a folder is run, or anything else is done that
    reading data has no use for."""
    EVENTS.append([])
    try:
        yield
    finally:
        events = EVENTS.pop()
    assert not [e for e in events if e[0] != "exec" or str(near) in e[1]]
    assert not (near / "ran").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model that is as it should be, with the class for SpeechBrain."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    make_model_folder(folder, "wav2vec2 group norm")
    write_interface(folder)
    return folder


@pytest.fixture
def folder(whole, tmp_path, monkeypatch):
    """A copy of it in "model", in the current folder; the hub is offline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return shutil.copytree(whole, tmp_path / "model")


@pytest.mark.parametrize("case", CASES.values(), ids=map(ascii, CASES))
def test_a_hostile_folder_is_refused(folder, case, recwarn):
    """In one sentence that names it, whatever is wrong with it."""
    case(folder)
    with nothing_run(folder.parent), pytest.raises(RecipeError) as caught:
        load_model(folder)
    message = str(caught.value)
    assert f"'{folder}'" in message
    assert message.isprintable() and len(message) < 700
    assert not re.search(r"[a-z]Error|Exception|Traceback", message)
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("case", CASES.values(), ids=map(ascii, CASES))
def test_a_hostile_results_folder_runs_nothing(folder, case):
    """It may name an encoder anywhere; what fails fails in a sentence."""
    (folder.parent / "metrics.json").write_text("{}", "utf-8")
    case(folder)
    with contextlib.suppress(RecipeError):
        load_model(folder.parent)
    assert not (folder.parent / "ran").exists()


def test_there_are_enough():
    """A hundred are asked for."""
    assert len(CASES) > 400


def put(name, content):
    """Makes a file below a folder that may not be there yet."""

    def make(folder):
        (folder / name).parent.mkdir(exist_ok=True)
        write(name, content)(folder)

    return make


HARMLESS = {
    "as it was": lambda folder: None,
    "a page with code": write("README.md", b"<script>run()</script>" + CODE),
    "a preprocessor of code": write(
        "preprocessor_config.json", b'{"auto_map": {"AutoProcessor": "a.B"}}'
    ),
    "other settings": write("tokenizer_config.json", b'{"auto_map": 1}'),
    "a history of commits": put(".git/config", CODE),
    "a cache": put(".cache/model.pkl", PICKLE),
    "Windows' line ends": lambda folder: write(
        "hyperparams.yaml",
        (folder / "hyperparams.yaml").read_bytes().replace(b"\n", b"\r\n"),
    )(folder),
    "escapes in its line": about("about", "\033[2J"),
    "an encoder by name": by_name("hub/encoder"),
    "a commit": by_name("hub/encoder", revision="0" * 40),
}


@pytest.mark.parametrize("case", HARMLESS.values(), ids=HARMLESS)
def test_what_is_not_read_changes_nothing(whole, folder, case):
    """The answers are the same, and nothing is run."""
    wav = np.random.default_rng(0).normal(size=16000)
    expected = load_model(whole).predict(wav, 16000)
    case(folder)
    with nothing_run(folder.parent):
        assert load_model(folder).predict(wav, 16000) == expected


@pytest.mark.filterwarnings("ignore:Detected pickle protocol 4")
@pytest.mark.parametrize("content", [PICKLE, OLD_PICKLE], ids=["new", "old"])
def test_a_results_folder_of_a_stranger_runs_nothing(folder, content):
    """Even though a run may name an encoder that is a pickle."""
    encoder = folder.parent / "hub/encoder"
    by_name(str(encoder), pickled=content)(folder)
    write("metrics.json", b"{}")(folder.parent)
    with pytest.raises(RecipeError, match="cannot be loaded"):
        load_model(folder.parent)
    assert not (folder.parent / "ran").exists()


def test_a_table_that_is_too_short_is_refused(tmp_path):
    """WavLM would read past its end in a long clip only."""
    folder = make_model_folder(tmp_path / "model", "wavlm base")
    change("max_bucket_distance", 80)(folder)
    with pytest.raises(RecipeError, match="max_bucket_distance"):
        load_model(folder)


WORST = (
    *("sealed pickle head.safetensors", "a pickle is config.json", "pipe"),
    *("pickle classifier.ckpt", "code __init__.py", "JSON deep list", "yaml"),
    *("link outside model.safetensors", "data flipped", "header of 2147483648"),
    *("source '../outside'", "encoder a pickle", "weights NaN", "conv_stride"),
    *("num_hidden_layers", "emotion_model/classes is ['a', 'b', 'c', '\\x1b"),
)


@pytest.fixture
def wav(tmp_path):
    """A clip."""
    soundfile.write(tmp_path / "x.wav", np.ones(16000) * 0.1, 16000)
    return str(tmp_path / "x.wav")


def predict(folder, *args):
    """Runs predict.py in a folder, where a file named `ran` betrays code."""
    return fork_program(ROOT / "predict.py", *args, cwd=folder)


def test_the_command_line_answers_in_one_line(folder, wav):
    """With exit status 1, even for code as weights."""
    CASES["sealed pickle head.safetensors"](folder)
    done = predict(folder.parent, wav, "--model", "model")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the model in 'model' is refused: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (folder.parent / "ran").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it would take a minute")
def test_the_command_line_answers_so_for_the_worst(whole, wav, tmp_path):
    """Each in a process of its own."""
    for number, start in enumerate(WORST):
        name = next(name for name in CASES if name.startswith(start))
        model = shutil.copytree(whole, tmp_path / str(number) / "model")
        CASES[name](model)
        done = predict(model.parent, wav, "--model", model)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and str(model) in line
    assert not list(tmp_path.rglob("ran"))
