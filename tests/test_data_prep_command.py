"""`python -m data_prep`, and the tables of corpora in READMEs."""

import subprocess
import sys

import pytest
from conftest import ENVIRONMENT, ROOT
from data_prep.facts import between_marks, derived_readmes, list_corpora
from trees import ACTORS, put_all_emotions, put_emodb


def data_prep(*args, options=()):
    """Runs `python -m data_prep`, with options of Python."""
    return subprocess.run(
        [sys.executable, *options, "-m", "data_prep", *map(str, args)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )


def test_data_prep_prints_what_it_found(tmp_path):
    """Clips, hours, speakers and emotions of each split, and what is
    missing."""
    actors = put_all_emotions(tmp_path / "data", ACTORS[:8])
    done = data_prep(
        *("ravdess", actors, "--save_folder", tmp_path / "m"),
        *("--protocol", "random", "--fold", "2", "--label_set", "common"),
        *("--audio_index", tmp_path / "index.sqlite"),
    )
    assert done.returncode == 0, done.stderr
    for words in (
        "speakers shared; sentences shared; fold 2 of 5",
        "clips",
        "hours",
        "angry",
        "64 emotion not in the common label set",
        "RAVDESS is incomplete: 64 usable clips of 672",
        "no speaker 09",
        "Livingstone & Russo (2018)",
    ):
        assert words in done.stdout, words
    assert (tmp_path / "m" / "test.csv").is_file()


def test_data_prep_lists_the_corpora():
    """As its README does."""
    done = data_prep()
    assert done.returncode == 0, done.stderr
    readme = (ROOT / "data_prep/README.md").read_text("utf-8")
    assert done.stdout.strip() in readme


def check_imports(absent, status, *args):
    """Checks that `python -m data_prep` does without modules that take long."""
    done = data_prep(*args, options=("-X", "importtime"))
    assert done.returncode == status, done.stderr
    imported = {
        line.split("|")[-1].strip() for line in done.stderr.splitlines()
    }
    assert "argparse" in imported and not imported & absent


@pytest.mark.parametrize(
    "args, status",
    [
        (("--help",), 0),
        (("emodb",), 2),
        ((), 0),
        (("emodbb", "."), 1),
        (("emodb", "nowhere"), 1),
        (("folder", "nowhere"), 1),
    ],
)
def test_help_and_mistakes_are_answered_at_once(args, status):
    """Without what takes a second to import."""
    check_imports({"pandas", "scipy.signal"}, status, *args)


def test_data_prep_does_without_what_trains(tmp_path):
    """And without the library of folds where a corpus has its own."""
    folder, save = put_emodb(tmp_path / "data"), ("--save_folder", tmp_path)
    index = ("--audio_index", tmp_path / "index.sqlite")
    check_imports({"torch", "sklearn"}, 0, "emodb", folder, *save, *index)


def test_facts_in_readmes_are_those_of_the_scripts():
    """In a README that has drifted, they are written anew."""
    texts = derived_readmes(ROOT)
    assert "recipes/RAVDESS/README.md" in texts
    for path, text in texts.items():
        assert text == (ROOT / path).read_text("utf-8"), path
    text = "# A\n<!-- corpora -->\nold\n<!-- end -->\nold\n"
    assert between_marks(text, "corpora", list_corpora()) == (
        f"# A\n<!-- corpora -->\n{list_corpora()}\n<!-- end -->\nold\n"
    )
