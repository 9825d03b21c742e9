"""The YAML files and the command line."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from ser.errors import RecipeError
from ser.settings import parse_arguments, save_settings
from ser.settings_file import read_settings

from speechbrain.utils.run_opts import RunOptions

TRAIN_YAML = str(ROOT / "hparams/train.yaml")
YAMLS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("hparams/*.yaml"), *ROOT.glob("recipes/**/*.yaml")]
)


@pytest.mark.parametrize("yaml", YAMLS)
def test_no_key_is_taken_for_an_option_of_speechbrain(yaml):
    """argparse would take a key for any option that begins with it."""
    text = (ROOT / yaml).read_text("utf-8")
    options = RunOptions().as_dict()
    for key in re.findall(r"^(\w+):", text, flags=re.MULTILINE):
        longer = [o for o in options if o.startswith(key) and o != key]
        assert not longer


def overrides(*argv):
    """What the command line overrides in the default recipe."""
    return parse_arguments([TRAIN_YAML, *argv])[2]


@pytest.mark.parametrize("text", ["a=b", "a #b", "a: b", "2024", "~", "[x]"])
def test_text_is_not_changed(text):
    """Names of folders are not read as YAML."""
    wanted = {"data_folder": text}
    assert overrides("--data_folder", text) == wanted
    assert overrides(f"--data_folder={text}") == wanted


def test_numbers_and_flags_are_read():
    """Numbers, True and False, and a bare key."""
    argv = ["--lr", "1e-4", "--fold=3", "--encode_once", "False"]
    assert overrides(*argv, "--class_weights", "--device", "cpu") == {
        "lr": 1e-4,
        "fold": 3,
        "encode_once": False,
        "class_weights": True,
    }


@pytest.mark.parametrize(
    "argv, words",
    [
        (["--corpsu", "demo"], "no key 'corpsu': did you mean --corpus"),
        (["--fold", "first"], "fold is 'first': expected a number"),
        (["--encode_once", "maybe"], "expected True or False"),
        (["--corpus"], "expected a value"),
        (["--model", "x"], "model is a section of the settings"),
        (["--train_dataloader_opts", "{batch_size: 3}"], "is a section"),
        (["stray"], "'stray' follows no option"),
    ],
)
def test_what_does_not_fit_is_refused(argv, words):
    """With the key, what was found and what was expected."""
    with pytest.raises(RecipeError, match=words):
        overrides(*argv)


def test_options_that_are_keys_are_kept_with_the_run():
    """The precision of a run is part of its settings."""
    argv = [str(ROOT / "hparams/finetune.yaml"), "--precision", "bf16"]
    assert parse_arguments(argv)[2] == {"precision": "bf16"}


def test_another_class_in_the_file_is_another_run(tmp_path):
    """The error names the key, and the saved settings are not changed."""
    text = Path(TRAIN_YAML).read_text("utf-8")
    hparams_file, folder = tmp_path / "train.yaml", tmp_path / "out"
    overrides = {"output_folder": str(folder)}
    hparams_file.write_text(text, "utf-8")
    save_settings(folder, hparams_file, overrides)
    save_settings(folder, hparams_file, overrides)  # the same run, resumed
    saved = (folder / "hyperparams.yaml").read_bytes()
    changed = text.replace("torch.optim.Adam\n", "torch.optim.AdamW\n")
    assert changed != text
    hparams_file.write_text(changed, "utf-8")
    with pytest.raises(RecipeError, match=r"other settings \(opt_class\)"):
        save_settings(folder, hparams_file, overrides)
    assert (folder / "hyperparams.yaml").read_bytes() == saved


def test_a_last_line_without_an_end_loses_no_setting(tmp_path):
    """Some editors leave it so; the next block of the base stays whole."""
    (tmp_path / "base.yaml").write_text("a: 1\nb: 2\nc: 3", "utf-8")
    (tmp_path / "own.yaml").write_text("base: base.yaml\na: 4", "utf-8")
    assert read_settings(tmp_path / "own.yaml") == "a: 4\nb: 2\nc: 3\n"


def test_a_file_that_is_not_there():
    """The error says which."""
    with pytest.raises(RecipeError, match="'nope.yaml' cannot be read"):
        parse_arguments(["nope.yaml"])
