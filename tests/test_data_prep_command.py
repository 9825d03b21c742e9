"""`python -m data_prep`, and the tables of corpora in READMEs."""

import subprocess
import sys

from conftest import ENVIRONMENT, ROOT
from data_prep.facts import between_marks, derived_readmes, list_corpora
from trees import ACTORS, put_all_emotions


def data_prep(*args):
    """Runs `python -m data_prep`."""
    return subprocess.run(
        [sys.executable, "-m", "data_prep", *map(str, args)],
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
