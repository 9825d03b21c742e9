"""The ONNX file: the same probabilities as the folder's, without PyTorch."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from conftest import ENVIRONMENT, ROOT
from ser import load_model
from ser.audio import resample
from ser.errors import RecipeError
from ser.model import build_model
from ser.model_folder import read_model
from ser.onnx_network import OnnxNetwork
from sharing.onnx_graph import write_onnx
from test_encoder import FAMILIES, noise
from tiny_models import make_model_folder

onnx = pytest.importorskip("onnx", reason="needs pip install onnx")
pytest.importorskip("onnxruntime", reason="needs pip install onnxruntime")

HEADS = {
    "mean_std, weighted, MLP": {},
    "attention, last, linear": dict(
        pooling="attention", layers="last", hidden_sizes=()
    ),
}
RATES = [1000, 7350, 8000, 11025, 12000, 15999, 16000, 16001, 22050, 24000]
RATES += [24414, 32000, 44056, 44100, 47952, 48000, 88200, 96000, 192000]


def write_file(folder):
    """Writes the ONNX file of a model's folder, beside the folder."""
    path = folder.with_suffix(".onnx")
    model, config = read_model(folder)
    write_onnx(model, config["emotion_model"]["about"], path)
    return path


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A model as a folder and as an ONNX file."""
    folder = tmp_path_factory.mktemp("models") / "hubert"
    make_model_folder(folder, "hubert")
    return folder, write_file(folder)


@pytest.fixture
def graph(both):
    """The content of the ONNX file, to be changed."""
    return onnx.load(both[1])


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_are_the_models(family, head, tmp_path):
    """For each family, alone and in batches of clips of other lengths, within
    1e-4; the file does without the folder."""
    folder = make_model_folder(tmp_path / "model", family, **HEADS[head])
    path = write_file(folder)
    model = load_model(folder)
    clips = [clip.numpy() for clip in noise()]
    expected = np.concatenate([model.classify([clip]) for clip in clips])
    assert np.ptp(expected, axis=0).max() > 0.2
    shutil.rmtree(folder)
    exported = load_model(path)
    assert (exported.classes, exported.about) == (model.classes, model.about)
    alone = np.concatenate([exported.classify([clip]) for clip in clips])
    assert np.abs(alone - expected).max() <= 1e-4
    assert np.abs(exported.classify(clips) - expected).max() <= 1e-4
    pair = exported.classify([clips[0], clips[3]])
    assert np.abs(pair - expected[[0, 3]]).max() <= 1e-4


def predict_alone(folder, *arguments):
    """Runs predict.py and checks that none of the large packages is imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", ROOT / "predict.py"]
        + [*arguments, "--model", "alone.onnx"],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    imported = re.findall(r"\| +(\w+)$", done.stderr, re.MULTILINE)
    assert "onnxruntime" in imported
    assert not {"torch", "torchaudio", "speechbrain", "transformers"} & {
        *imported
    }
    return done


def test_a_picture_needs_no_torch_either(both, tmp_path):
    """Of the windows of a recording."""
    shutil.copy(both[1], tmp_path / "alone.onnx")
    wav = np.random.default_rng(0).uniform(-0.5, 0.5, 40000)
    soundfile.write(tmp_path / "a.wav", wav, 16000)
    predict_alone(tmp_path, "a.wav", "--window", "1", "--plot", "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_another_device_is_refused(both):
    """An ONNX file runs on the CPU."""
    with pytest.raises(RecipeError, match="runs on the CPU"):
        load_model(both[1], device="cuda")


def test_predict_does_without_torch(both, tmp_path):
    """predict.py, given the ONNX file, prints what the folder's model says."""
    folder, path = both
    shutil.copy(path, tmp_path / "alone.onnx")
    rng = np.random.default_rng(0)
    for name, rate in (("a.wav", 44100), ("b.flac", 16000)):
        wav = rng.uniform(-0.5, 0.5, (rate, 2))
        soundfile.write(tmp_path / name, wav, rate)
    done = predict_alone(tmp_path, "a.wav", "b.flac")
    model = load_model(folder)
    assert model.about in done.stderr
    rows = {
        row["path"]: row for row in csv.DictReader(io.StringIO(done.stdout))
    }
    assert rows.keys() == {"a.wav", "b.flac"}
    for name, row in rows.items():
        expected = model.predict(tmp_path / name)
        assert row["emotion"] == expected.emotion
        found = {c: float(row[c]) for c in model.classes}
        assert found == pytest.approx(expected.probabilities, abs=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_resampling_is_torchaudios(both, rate):
    """The waveform is that of training, within 1e-6."""
    network = OnnxNetwork(both[1])
    rng = np.random.default_rng(rate)
    for samples in (1, 7, rate // 3, rate + 1, 2 * rate + 11):
        wav = rng.uniform(-1, 1, samples).astype(np.float32)
        expected = resample(wav, rate).numpy()
        found = network.resample(wav, rate)
        assert found.shape == expected.shape and found.dtype == np.float32
        assert np.abs(found - expected).max() <= 1e-6


def test_long_audio_has_torchaudios_length(both):
    """It is rounded in fp32 there, here to one sample less than the exact
    one."""
    samples = next(n for n in range(3_000_000, 3_000_441) if 640 * n % 441 == 1)
    wav = np.zeros(samples, np.float32)
    found = OnnxNetwork(both[1]).resample(wav, 11025)
    assert len(found) == len(resample(wav, 11025)) == 640 * samples // 441


def rename_input(graph):
    """Renames an input."""
    graph.graph.input[0].name = "audio"
    for node in graph.graph.node:
        node.input[:] = ["audio" if n == "samples" else n for n in node.input]


def take_logits(graph):
    """Gives the logarithms as the output."""
    last = graph.graph.node[-1]
    assert last.op_type == "Exp"
    last.op_type = "Identity"


def set_metadata(graph, **facts):
    """Sets entries of the metadata."""
    onnx.helper.set_model_props(graph, facts)


def add_class(graph):
    """Names one class more than there are probabilities."""
    set_metadata(graph, classes=json.dumps(list("abcde")), about="")


def name_class_twice(graph):
    """Names a class twice."""
    set_metadata(graph, classes=json.dumps(list("abca")), about="")


def name_a_column(graph):
    """Names a column of the results as a class."""
    set_metadata(graph, classes=json.dumps(["a", "b", "c", "note"]), about="")


def name_no_classes(graph):
    """Names something else as classes."""
    set_metadata(graph, classes='{"a": 1}', about="")


def nest_classes(graph):
    """Nests classes deeper than Python reads."""
    set_metadata(graph, classes="[" * 100_000, about="")


def drop_metadata(graph):
    """Leaves the metadata out."""
    set_metadata(graph)


def answer_with_words(graph):
    """Gives the class's number as text."""
    node = graph.graph.node[-1]
    cast = onnx.helper.make_node("Cast", [node.input[0]], node.output, to=8)
    graph.graph.node.remove(node)
    graph.graph.node.append(cast)
    graph.graph.output[0].type.tensor_type.elem_type = 8


def rename_output(graph):
    """Renames the output."""
    graph.graph.node[-1].output[0] = graph.graph.output[0].name = "answer"


def use_own_operation(graph):
    """Uses an operation of a library of its own."""
    graph.opset_import.append(onnx.helper.make_opsetid("own.library", 1))
    graph.graph.node[-1].domain = "own.library"


def point_outside(graph):
    """Takes weights from a file of another folder."""
    point_to(graph, "../outside.bin")


def point_to_absolute(graph):
    """Takes weights from an absolute path."""
    point_to(graph, os.path.abspath("outside.bin"))


def point_to(graph, location):
    """Takes the largest weight from a file that is there."""
    weight = max(graph.graph.initializer, key=lambda w: len(w.raw_data))
    size = len(weight.raw_data)
    onnx.external_data_helper.set_external_data(weight, location, length=size)
    weight.ClearField("raw_data")


CHANGES = [
    *(rename_input, take_logits, add_class, name_class_twice, name_no_classes),
    name_a_column,
    *(
        nest_classes,
        drop_metadata,
        rename_output,
        answer_with_words,
        use_own_operation,
    ),
    *(point_outside, point_to_absolute),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
def test_other_graphs_are_refused(change, graph, tmp_path, monkeypatch):
    """In one sentence."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(10_000_000))
    monkeypatch.chdir(tmp_path)
    change(graph)
    path = tmp_path / "inside" / "a.onnx"
    path.write_bytes(graph.SerializeToString())
    with pytest.raises(RecipeError, match="is refused .*expected") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no graph", bytes(100), b"\x08" * 9])
def test_other_files_are_refused(content, tmp_path):
    """So is what is no graph at all, and a folder."""
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match="is refused"):
        load_model(path)
    (tmp_path / "b.onnx").mkdir()
    with pytest.raises(RecipeError, match="is refused"):
        load_model(tmp_path / "b.onnx")
    with pytest.raises(RecipeError, match="is refused .*exist"):
        load_model(tmp_path / "c.onnx")


def test_a_damaged_file_is_refused(both, tmp_path):
    """Cut short, too."""
    content = both[1].read_bytes()
    path = tmp_path / "a.onnx"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RecipeError, match="is refused"):
        load_model(path)


def test_missing_packages_are_named(both, tmp_path, monkeypatch):
    """With the command that installs them."""
    model, _ = read_model(both[0])
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RecipeError, match="pip install onnx$"):
        write_onnx(model, "", tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(RecipeError, match="pip install onnxruntime$"):
        load_model(both[1])


def test_too_large_a_model_is_refused(both, tmp_path):
    """A file of this format holds less than 2 GiB."""
    _, config = read_model(both[0])
    config |= {"hidden_size": 2048, "intermediate_size": 8192}
    with torch.device("meta"):
        model = build_model(config | {"num_hidden_layers": 11})
    with pytest.raises(RecipeError, match="take 2.6 GiB"):
        write_onnx(model, "", tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
