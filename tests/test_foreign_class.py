"""An exported model in stock SpeechBrain, in a process that knows nothing of
this repository.
"""

import ast
import hashlib
import json
import os
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ROOT
from safetensors.torch import load_file, save_file
from ser.files import write_text
from ser.inference import load_model
from sharing.folder import export_model
from sharing.speechbrain_interface import write_interface
from sharing.transformers_head import add_classifier
from stock_process import Stock, check, job
from tiny_models import CLASSES, make_model_folder

KINDS = {
    "wav2vec2 group norm": ("mean_std", "weighted", (16,)),
    "wav2vec2 layer norm, XLS-R": ("attention", "weighted", (16, 8)),
    "hubert": ("mean", "last", ()),
    "wavlm base": ("mean_std", "last", (16,)),
    "wavlm large": ("attention", "last", (16,)),
    "data2vec": ("mean", "weighted", ()),
}


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """One process, in which the models of all tests are loaded."""
    process = Stock(tmp_path_factory.mktemp("stock"))
    yield process
    process.end()


def probabilities(source, clips):
    """Returns this repository's own probabilities [clip, class]."""
    rows = load_model(source).predict([str(clip) for clip in clips])
    return np.array([list(row.probabilities.values()) for row in rows])


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Noise of several lengths, rates and channels."""
    folder = tmp_path_factory.mktemp("clips")
    numbers = np.random.default_rng(0)
    paths = []
    for rate, channels, seconds, kind in (
        (16000, 1, 0.5, "WAV"),
        (44100, 2, 2.3, "WAV"),
        (24414, 1, 1.1, "FLAC"),
        (8000, 1, 0.12, "AIFF"),
        (16000, 1, 3.7, "OGG"),
    ):
        path = folder / f"{rate}_{seconds}.wav"  # whatever it holds
        size = (int(rate * seconds), channels)
        wav = numbers.normal(0.01, 0.1, size)
        with open(path, "wb") as file:
            soundfile.write(file, wav, rate, format=kind)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, clips):
    """The folders of random models of each kind, and their probabilities."""
    parent = tmp_path_factory.mktemp("tiny")
    models = {}
    for family, kind in KINDS.items():
        folder = make_model_folder(parent / family, family, *kind)
        # Weights for transformers' own classes, in the encoder's file
        assert bool(add_classifier(folder)) == (family != "hubert")
        models[family] = folder, probabilities(folder, clips)
        write_interface(folder)
    return models


@pytest.fixture
def pair(tmp_path, clips):
    """The folders of two models that differ in their weights alone, and their
    probabilities."""
    models = []
    for number in (1, 2):
        family = "wav2vec2 group norm"
        folder = make_model_folder(tmp_path / f"{number}", family)
        if number == 2:
            change_weights(folder, "head.safetensors", negated)
        models.append((folder, probabilities(folder, clips)))
        write_interface(folder)
    assert np.abs(models[0][1] - models[1][1]).max() > 0.1
    return models


def negated(weights):
    """Gives a classifier the opposite opinion."""
    return {
        name: -weight if name.startswith("head.2") else weight
        for name, weight in weights.items()
    }


def change_weights(folder, name, change):
    """Changes a file of weights, and its hash in config.json."""
    path = folder / name
    save_file(change(load_file(path)), path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text("utf-8"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    config["emotion_model"]["weights_sha256"][name] = digest
    write_text(json.dumps(config), folder / "config.json")


def test_every_kind_of_model(tiny, clips, stock):
    """Encoders, poolings, layers and heads: one process answers as this
    repository does, alone and in a padded batch, frozen or not."""
    jobs = {name: job(folder, clips) for name, (folder, _) in tiny.items()}
    first = tiny["wav2vec2 group norm"][0]
    options = {"freeze_params": False, "run_opts": {"device": "cpu"}}
    jobs["not frozen"] = job(first, clips, **options)
    answers = stock.ask(jobs)
    for name, (_, expected) in tiny.items():
        check(answers[name], expected, CLASSES)
        assert not answers[name]["has_gradient"]
        assert np.ptp(expected, axis=0).max() > 0.01
    check(answers["not frozen"], tiny["wav2vec2 group norm"][1], CLASSES)
    assert answers["not frozen"]["has_gradient"]
    assert os.listdir(stock.folder) == []


def test_two_models_in_one_savedir(pair, clips, stock, tmp_path):
    """Each answers for itself, in one process and in the next."""
    (first, of_first), (second, of_second) = pair
    jobs = {}
    for strategy in ("SYMLINK", "COPY"):
        options = {"strategy": strategy, "savedir": str(tmp_path / strategy)}
        jobs[f"1 {strategy}"] = job(first, clips, **options)
        jobs[f"2 {strategy}"] = job(second, clips, **options)
        jobs[f"1 {strategy} again"] = job(first, clips, **options)
    another = Stock(tmp_path)
    for process in (stock, another):
        for name, answer in process.ask(jobs).items():
            check(answer, of_first if name[0] == "1" else of_second, CLASSES)
    another.end()


def test_two_versions_of_the_class(pair, clips, stock, tmp_path):
    """Another text has another name, so that neither runs for the other, and
    what else is in a common savedir is refused or without effect."""
    (first, of_first), (second, _) = pair
    (module,) = second.glob("emotion_recogniser_*.py")
    text = module.read_text("utf-8") + 'CLASSES = ["w", "x", "y", "z"]\n'
    text = text.replace(
        "self.classes = model.classes", "self.classes = CLASSES"
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    module.unlink()
    write_text(text, second / f"emotion_recogniser_{digest}.py")
    settings = (second / "hyperparams.yaml").read_text("utf-8")
    settings = settings.replace(module.stem, f"emotion_recogniser_{digest}")
    write_text(settings, second / "hyperparams.yaml")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    other = "!new:speechbrain.utils.parameter_transfer.Pretrainer"
    write_text(
        f"pretrainer: {other}\nmodules: {{}}\n", theirs / "hyperparams.yaml"
    )
    jobs = {
        "first": job(first, clips, savedir=str(ours)),
        "second": job(second, clips, savedir=str(ours)),
        "not ours": job(first, clips, savedir=str(theirs)),
    }
    answers = stock.ask(jobs)
    check(answers["first"], of_first, CLASSES)
    check(answers["second"], pair[1][1], ["w", "x", "y", "z"])
    assert "give each model a folder of its own" in answers["not ours"]


def cached(cache, name, files):
    """Puts files where the hub's client keeps those of a repository."""
    folder = cache / f"hub/models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    write_text("0" * 40, folder / "refs/main")
    for file, content in files.items():
        (snapshot / file).write_bytes(content)
    return snapshot


def test_models_of_the_hub(tiny, clips, stock, tmp_path):
    """From the hub, and with an encoder that is named by hub and revision."""
    folder, expected = tiny["wavlm base"]
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    encoder = files.pop("model.safetensors")
    config = json.loads(files["config.json"])
    described = config["emotion_model"]
    del described["weights_sha256"]["model.safetensors"]
    described["encoder"] |= {
        "source": "some/encoder",
        "revision": "0" * 40,
        "included": False,
    }
    files["config.json"] = json.dumps(config).encode()
    plain = {k: v for k, v in config.items() if k != "emotion_model"}
    plain = json.dumps(plain).encode()
    cached(
        stock.folder,
        "some/encoder",
        {"config.json": plain, "model.safetensors": encoder},
    )
    source = cached(stock.folder, "some/recogniser", files)
    described["encoder"]["weights_sha256"] = "0" * 64
    files["config.json"] = json.dumps(config).encode()
    wrong = cached(stock.folder, "some/wrong", files)
    savedir = str(tmp_path / "savedir")
    jobs = {
        "right": job(source, clips, source="some/recogniser"),
        "saved": job(source, clips, source="some/recogniser", savedir=savedir),
        "wrong": job(wrong, clips, source="some/wrong"),
    }
    answers = stock.ask(jobs)
    check(answers["right"], expected, CLASSES)
    check(answers["saved"], expected, CLASSES)
    assert "its weights differ" in answers["wrong"]


def without(weights):
    """Leaves a weight out."""
    return {n: w for n, w in weights.items() if not n.endswith("3.bias")}


def with_more(weights):
    """Adds a weight."""
    return weights | {
        "head.2.heads.0.more.weight": weights["head.2.heads.0.0.weight"].clone()
    }


def with_fewer_classes(weights):
    """Makes a classifier of three classes."""
    return {
        n: w[:3].clone() if n.startswith("head.2.heads.0.3") else w
        for n, w in weights.items()
    }


def not_finite(weights):
    """Breaks one number."""
    weights["head.2.heads.0.0.weight"][0, 0] = float("nan")
    return weights


def test_models_that_are_not_whole(pair, clips, stock, tmp_path):
    """Missing, additional, misshapen and damaged weights, and clips that have
    no answer, are refused."""
    source = pair[0][0]
    empty, broken = tmp_path / "empty.wav", tmp_path / "broken.wav"
    soundfile.write(empty, np.zeros(300), 16000)
    wav = np.array([0.1, np.nan] * 4000)
    soundfile.write(broken, wav, 16000, subtype="FLOAT")
    jobs = {
        "short": job(source, [*clips, empty]),
        "NaN": job(source, [broken]),
    }
    changes = {
        change.__name__: ("head.safetensors", change)
        for change in (without, with_more, with_fewer_classes, not_finite)
    }
    changes["encoder"] = (
        "model.safetensors",
        lambda weights: dict(list(weights.items())[1:]),
    )
    for name, (file, change) in changes.items():
        folder = make_model_folder(tmp_path / name, "wav2vec2 group norm")
        write_interface(folder)
        change_weights(folder, file, change)
        jobs[name] = job(folder, clips)
    with open(pair[1][0] / "head.safetensors", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    jobs["damaged"] = job(pair[1][0], clips)
    answers = stock.ask(jobs)
    for name in changes:
        assert "1 weights are missing" in answers[name].replace("2 w", "1 w")
    assert "is damaged" in answers["damaged"]
    assert "fewer than 400 samples" in answers["short"]
    assert "not finite" in answers["NaN"]


@pytest.fixture(scope="module")
def runs(small_run, small_corpus, run_train, tmp_path_factory):
    """The results folders of a frozen, a fine-tuned and a LoRA run."""
    folder = tmp_path_factory.mktemp("runs")
    found = {"frozen": small_run}
    for name, rank in {"finetuned": 0, "lora": 2}.items():
        found[name] = folder / name
        done = run_train(
            "hparams/finetune.yaml",
            *("--corpus", "ravdess", "--data_folder", small_corpus),
            *("--protocol", "loso", "--number_of_epochs", "1"),
            *("--lora_rank", rank, "--lr_wav2vec2", "0.01"),
            *("--cache_folder", folder / "cache"),
            *("--output_folder", found[name]),
        )
        assert done.returncode == 0, done.stderr
    return found


def test_exported_runs(runs, small_corpus, stock, tmp_path):
    """They answer what their predictions.csv holds."""
    jobs, expected = {}, {}
    for name, results in runs.items():
        export_model(results, tmp_path / name, name)
        table = pd.read_csv(results / "predictions.csv")
        test = pd.read_csv(results / "manifests/test.csv")
        assert list(table["ID"]) == list(test["ID"])
        paths = test["wav"].str.replace("$data_root", str(small_corpus))
        jobs[name] = job(tmp_path / name, paths)
        metrics = json.loads((results / "metrics.json").read_text("utf-8"))
        classes = metrics["classes"]
        expected[name] = table[classes].to_numpy(), classes
    answers = stock.ask(jobs)
    for name, (rows, classes) in expected.items():
        check(answers[name], rows, classes)


def definitions(text):
    """Finds what a script defines: from names to code, without comments, in
    which errors are of the kind that users of SpeechBrain know."""
    found = {}
    for node in ast.parse(text.replace("RecipeError", "ValueError")).body:
        (target,) = getattr(node, "targets", [node])
        if name := getattr(target, "name", getattr(target, "id", None)):
            found[name] = ast.unparse(node)
    return found


def test_module_is_the_code_of_this_repository(tiny):
    """All its classes and functions are those of ser/ and of the class for
    SpeechBrain; it imports what SpeechBrain has, and its name is its hash."""
    (path,) = tiny["hubert"][0].glob("emotion_recogniser_*.py")
    text = path.read_text("utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.stem == f"emotion_recogniser_{digest[:16]}"
    found = definitions(text)
    ours = [ROOT / "sharing/recogniser_class.py", *ROOT.glob("ser/*.py")]
    ours = [definitions(p.read_text("utf-8")).items() for p in ours]
    for name, code in found.items():
        assert sum((name, code) in items for items in ours) == 1, name
    needed = "HiddenStates Pooling Standardiser EmotionModel EmotionRecogniser"
    assert found.keys() >= set(needed.split())
    modules, names = set(), []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules |= {getattr(node, "module", a.name) for a in node.names}
            names += [alias.asname or alias.name for alias in node.names]
    packages = {module.split(".")[0] for module in modules}
    packages -= sys.stdlib_module_names
    # torchaudio is what SpeechBrain 1.0 reads audio with.
    wanted = "torch transformers speechbrain safetensors torchaudio"
    assert packages == set(wanted.split())
    assert not found.keys() & set(names)
