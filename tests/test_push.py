"""The upload of an export, to a stand-in of the hub."""

import csv
import subprocess
import sys

import huggingface_hub
import pytest
from conftest import ENVIRONMENT, ROOT
from ser import load_model
from ser.errors import RecipeError
from sharing.push import check_push, push
from stand_in_hub import StandInHub

# The client's own
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>'")


@pytest.fixture
def hub():
    """A stand-in of the hub, without repositories."""
    with StandInHub().running() as hub:
        yield hub


@pytest.fixture
def near(hub, monkeypatch):
    """Lets this process's client use the stand-in, with a token that may
    write."""
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "hf_writes")
    return hub


@pytest.fixture
def folder(tmp_path):
    """A folder like an export."""
    (tmp_path / "export").mkdir()
    (tmp_path / "export/README.md").write_text("Größe\n", encoding="utf-8")
    (tmp_path / "export/model.safetensors").write_bytes(bytes(range(256)) * 99)
    return tmp_path / "export"


def contents(folder):
    """Reads all files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_is_exported_pushed_and_used(
    hub, small_run, small_corpus, tmp_path
):
    """What arrives is the folder byte for byte, and predicts from the hub."""
    env = ENVIRONMENT | {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_writes",
        "HF_HOME": str(tmp_path / "home"),
        # Its protocol has a second server.
        "HF_HUB_DISABLE_XET": "1",
    }

    def python(script, *args):
        """Runs a script of the repository elsewhere; returns its output."""
        done = subprocess.run(
            [sys.executable, str(ROOT / script), *map(str, args)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = python("export.py", small_run, "dest", "--push", "me/emotions")
    assert f"pushed to {hub.url}/me/emotions\n" in said
    assert hub.repositories["me/emotions"] == contents(tmp_path / "dest")
    assert hub.made[0]["visibility"] == "private"
    card = (tmp_path / "dest/README.md").read_text("utf-8")
    assert 'load_model("me/emotions")' in card
    clip = next(small_corpus.glob("*.wav"))
    table = python("predict.py", clip, "--model", "me/emotions")
    (row,) = csv.DictReader(table.splitlines())
    expected = load_model(tmp_path / "dest").predict(clip)
    assert row["emotion"] == expected.emotion
    for emotion, probability in expected.probabilities.items():
        assert float(row[emotion]) == pytest.approx(probability, abs=1e-5)


def test_a_second_push_replaces_the_first(near, folder):
    """What the first had and the second has not is gone, but for files of the
    user's own."""
    old = {"emotion_recogniser_0.py": b"", "model.onnx": b"", "mine.txt": b""}
    near.repositories["me/emotions"] = dict(old)
    assert push(folder, "me/emotions") == f"{near.url}/me/emotions"
    expected = {"mine.txt": b""} | contents(folder)
    assert near.repositories["me/emotions"] == expected


@pytest.mark.parametrize(
    "token, said",
    [
        ("hf_reads", "may not write there"),
        ("hf_old", "does not know the token"),
    ],
)
def test_a_token_without_rights_is_named(
    near, folder, monkeypatch, token, said
):
    """The export is kept, and the sentence says how to push it later."""
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(RecipeError, match=said) as error:
        push(folder, "me/emotions")
    assert f"hf upload me/emotions {folder} .'." in str(error.value)
    assert near.repositories == {}


def test_no_network_is_named(folder, monkeypatch):
    """A port that nobody listens to stands for it."""
    closed = StandInHub()
    closed.server_close()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", closed.url)
    monkeypatch.setenv("HF_TOKEN", "hf_writes")
    with pytest.raises(RecipeError, match="is there a network"):
        push(folder, "me/emotions")


def test_a_push_is_checked_before_the_export(monkeypatch, tmp_path):
    """A wrong name and a missing token are told at once."""
    monkeypatch.setenv("HF_TOKEN", "hf_writes")
    check_push("me/emotions")
    for name in ("emotions", "me/my/emotions", "../emotions", "me/"):
        with pytest.raises(RecipeError, match="expected USER/NAME"):
            check_push(name)
    monkeypatch.delenv("HF_TOKEN")
    token = str(tmp_path / "token")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", token)
    with pytest.raises(RecipeError, match="hf auth login"):
        check_push("me/emotions")
