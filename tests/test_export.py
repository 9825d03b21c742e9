"""From a finished run to a folder that others can load."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, fork_program
from encoders import built_in_encoder
from safetensors.torch import load_file, save_file
from ser import load_model
from ser.errors import RecipeError
from ser.model_folder import build_model, save_model
from ser.report.summary import read_predictions
from sharing.folder import export_model

DATA = {"README.md", "config.json", "head.safetensors"}
DATA |= {"preprocessor_config.json"}
WHOLE = DATA | {"model.safetensors", "hyperparams.yaml", "NOTICE"}
BUILT_IN = Path(built_in_encoder())


def export(*args, cwd):
    """Runs export.py in a process of its own."""
    return fork_program(ROOT / "export.py", *args, cwd=cwd)


@pytest.fixture(scope="module")
def exported(small_run, tmp_path_factory):
    """The small run, exported into a folder that is there and empty."""
    folder = tmp_path_factory.mktemp("exported")
    done = export(small_run, folder, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert f"wrote {folder / 'config.json'}\n" in done.stdout
    assert done.stdout.endswith(f"predict.py my.wav --model {folder}\n")
    return folder


@pytest.fixture
def run(small_run, tmp_path):
    """A copy of the small run, to be changed."""
    names = ("metrics.json", "predictions.csv")
    folder = tmp_path / "run"
    shutil.copytree(small_run / "model", folder / "model")
    for name in names:
        shutil.copy(small_run / name, folder)
    return folder


@pytest.fixture
def moved(run, tmp_path):
    """Makes the copied run one whose encoder is a folder of this machine, and
    returns that folder."""
    encoder = tmp_path / "my_encoder"
    shutil.copytree(BUILT_IN, encoder)
    change(run, source=str(encoder))
    return encoder


def change(run, **entries):
    """Changes what config.json of a run says of its encoder."""
    path = run / "model/config.json"
    config = json.loads(path.read_text("utf-8"))
    config["emotion_model"]["encoder"] |= entries
    path.write_text(json.dumps(config), encoding="utf-8")


def described(folder):
    """Reads what config.json says of a model."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return config["emotion_model"]


def answers(source, corpus, predictions):
    """Asks a model for the test clips; returns the largest difference to the
    predictions of a run."""
    model = load_model(source)
    clips = [f"{corpus / name}.wav" for name in predictions["ID"]]
    expected = predictions[model.classes].to_numpy(float)
    found = [list(p.probabilities.values()) for p in model.predict(clips)]
    return abs(expected - found).max()


def test_a_run_becomes_a_folder(exported, small_run, small_corpus):
    """It is whole, answers as the run did, and says what it is."""
    names = {path.name for path in exported.iterdir()}
    (module,) = names - WHOLE
    assert names - {module} == WHOLE
    assert module.startswith("emotion_recogniser_")
    predictions = read_predictions(small_run)
    assert answers(exported, small_corpus, predictions) < 1e-5
    metrics = json.loads((small_run / "metrics.json").read_text("utf-8"))
    assert load_model(exported).about == metrics["about"]
    card = (exported / "README.md").read_text("utf-8")
    assert card.startswith("---\nlanguage:\n- en\n")
    assert f'load_model("path/to/{exported.name}")' in card


def test_nothing_of_machine_or_speakers_leaves(exported, small_run):
    """No file names a folder of this machine, a clip or a speaker."""
    private = {
        str(ROOT),
        str(Path.home()),
        str(small_run.parent),
        str(exported.parent),
        *read_predictions(small_run)["ID"],
        *json.loads((BUILT_IN / "config.json").read_text("utf-8"))[
            "training_speakers"
        ],
        "training_speakers",
        "optimizer",
    }
    assert "crema_d-1003" in private
    kept = (small_run / "model/config.json").read_text("utf-8")
    assert json.dumps(str(small_run.parent))[1:-1] in kept
    for path in exported.iterdir():
        content = path.read_bytes()
        for text in private:
            assert text.encode() not in content, (path.name, text)


def test_an_onnx_graph_is_added(run, small_corpus, tmp_path):
    """It is named in the card."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    files = export_model(run, tmp_path / "dest", "a/b", onnx=True)
    assert "model.onnx" in files
    graph = tmp_path / "dest/model.onnx"
    assert answers(graph, small_corpus, read_predictions(run)) < 1e-4
    card = (tmp_path / "dest/README.md").read_text("utf-8")
    assert "With ONNX Runtime" in card


def test_the_built_in_encoder_can_be_named(run, small_corpus, tmp_path):
    """The folder is small, and this repository finds its encoder."""
    files = export_model(run, tmp_path / "dest", "a/b", by_name=True)
    assert set(files) == DATA | {"NOTICE"}
    named = described(tmp_path / "dest")["encoder"]
    assert named["source"] == "encoders/crema_d_small"
    assert not named["included"]
    predictions = read_predictions(run)
    assert answers(tmp_path / "dest", small_corpus, predictions) < 1e-5


def test_a_local_encoder_is_included(run, moved, tmp_path):
    """Its path stays here, and others could not find it by name."""
    with pytest.raises(RecipeError, match="which others do not have"):
        export_model(run, tmp_path / "dest", "a/b", by_name=True)
    export_model(run, tmp_path / "dest", "a/b")
    shutil.rmtree(moved)
    assert described(tmp_path / "dest")["encoder"]["source"] is None
    assert load_model(tmp_path / "dest").classes


def test_another_encoder_is_refused(run, moved, tmp_path):
    """Weights that were not trained with would answer something else."""
    weights = load_file(moved / "model.safetensors")
    weights["encoder.layer_norm.bias"][0] += 1
    save_file(weights, moved / "model.safetensors", {"format": "pt"})
    with pytest.raises(RecipeError, match="is not the one"):
        export_model(run, tmp_path / "dest", "a/b")
    assert not (tmp_path / "dest").exists()


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_a_trained_encoder_is_included(run, lora_rank, tmp_path):
    """It is whole in the folder, and nowhere else."""
    from ser.encoder import Encoder

    config = json.loads((run / "model/config.json").read_text("utf-8"))
    model = build_model(config)
    encoder = Encoder(
        built_in_encoder(), save_path="", freeze=False, lora_rank=lora_rank
    )
    shutil.rmtree(run / "model")
    save_model(
        run / "model", encoder, model.pool, model.head, model.classes, 1.5
    )
    with pytest.raises(RecipeError, match="fine-tuned"):
        export_model(run, tmp_path / "dest", "a/b", by_name=True)
    files = export_model(run, tmp_path / "dest", "a/b")
    assert WHOLE < set(files)
    assert described(tmp_path / "dest")["encoder"]["source"] is None
    assert load_model(tmp_path / "dest").classes == model.classes
    weights = "model.safetensors"
    assert (tmp_path / "dest" / weights).read_bytes() == (
        run / "model" / weights
    ).read_bytes()


def test_an_export_is_whole_or_not_there(run, tmp_path):
    """One that fails at its end leaves nothing behind."""
    path = run / "metrics.json"
    metrics = json.loads(path.read_text("utf-8"))
    del metrics["confusion"]
    path.write_text(json.dumps(metrics), encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Exception, match="confusion"):
        export_model(run, tmp_path / "dest", "a/b")
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_there_is_kept(run, tmp_path):
    """Neither a folder that holds something nor a file is overwritten."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    for name in ("full", "full/mine.txt"):
        with pytest.raises(RecipeError, match="holds something"):
            export_model(run, tmp_path / name, "a/b")
    assert (tmp_path / "full/mine.txt").read_text() == "mine"


def test_an_unfinished_run_is_refused(run, tmp_path):
    """The sentence names a finished run where there is one."""
    (run / "metrics.json").rename(tmp_path / "metrics.json")
    with pytest.raises(RecipeError, match="no finished run"):
        export_model(run, tmp_path / "dest", "a/b")
    finished = run / "fold2/1"
    finished.mkdir(parents=True)
    shutil.move(tmp_path / "metrics.json", finished)
    with pytest.raises(RecipeError, match="fold2"):
        export_model(run, tmp_path / "dest", "a/b")
    with pytest.raises(RecipeError, match="kept no model"):
        export_model(finished, tmp_path / "dest", "a/b")
    assert not (tmp_path / "dest").exists()


def test_a_mistake_ends_with_a_sentence(run, tmp_path):
    """It is told before anything is written or loaded."""
    done = export(run, "dest", "--push", "emotions", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: --push is 'emotions': expected")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "dest").exists()
