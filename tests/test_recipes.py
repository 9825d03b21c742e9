"""What SpeechBrain asks of recipes, in our own words, of this repository and
of recipes that stand alone; and that nothing derived has drifted.
"""

import ast
import csv
import re
from pathlib import Path

import pytest
from conftest import ROOT
from speechbrain.utils.run_opts import RunOptions

import fork
from data_prep.corpus import find_corpus

COLUMNS = (
    "Task Dataset Script_file Hparam_file Data_prep_file Readme_file "
    "Result_url HF_repo test_debug_flags test_debug_checks performance"
).split()
FILES = ("Script_file", "Hparam_file", "Data_prep_file", "Readme_file")
ALONE = ("RAVDESS", "EMO-DB", "CREMA-D")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder with recipes that stand alone."""
    folder = tmp_path_factory.mktemp("alone")
    for name in ALONE:
        fork.standalone(name, folder)
    return folder


@pytest.fixture(params=["here", "alone"])
def root(request, alone):
    """This repository, then that folder."""
    return ROOT if request.param == "here" else alone


def read_rows(root):
    """Reads the lists of recipes.

    Returns
    -------
    list of dict
    """
    rows = []
    for path in sorted((root / "tests/recipes").glob("*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            rows += table
            assert table.fieldnames == COLUMNS, path
    return rows


def find(root, pattern):
    """Lists files below recipes/, as the lists of recipes name them."""
    files = root.glob(f"recipes/**/{pattern}")
    return {path.relative_to(root).as_posix() for path in files}


SCRIPTS = {"encoder": "train_encoder.py"}  # of settings not train.py's


def test_lists_name_files_that_are_there(root):
    """Of every recipe: script, settings, preparation and README."""
    rows = read_rows(root)
    assert {row["Dataset"] for row in rows} >= set(ALONE)
    for row in rows:
        assert row["Task"] == "Emotion_recognition"
        assert row["test_debug_flags"] and row["test_debug_checks"]
        for column in FILES:
            assert (root / row[column]).is_file(), row[column]


def test_every_recipe_is_in_a_list(root):
    """Its settings, README and script, in that of its own corpus."""
    rows = read_rows(root)
    for pattern, column in (
        ("*.yaml", "Hparam_file"),
        ("README.md", "Readme_file"),
        ("train*.py", "Script_file"),
        ("*_prepare.py", "Data_prep_file"),
    ):
        listed = {row[column] for row in rows}
        assert find(root, pattern) <= listed
    for row in rows:
        assert row["Hparam_file"].startswith(f"recipes/{row['Dataset']}/")


def missing_links(root, row):
    """Lists what the README of a recipe lacks: links to the results and models
    of its row, and files that it links to."""
    path = root / row["Readme_file"]
    text = path.read_text("utf-8")
    links = re.findall(r"https?://[^\s<>()\[\]]+", text)
    promised = f"{row['Result_url']} {row['HF_repo']}".split()
    files = re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)
    return [link for link in promised if link not in links] + [
        file for file in files if not (path.parent / file).exists()
    ]


def test_readmes_have_their_links(root):
    """Results and models of a list are linked from the README; links to
    other files lead to files that are there."""
    for row in read_rows(root):
        assert not missing_links(root, row), row["Readme_file"]


RESULTS = "https://www.dropbox.com/sh/results"
MODEL = "https://huggingface.co/someone/model"


@pytest.mark.parametrize(
    "readme, missing",
    [
        (f"[results]({RESULTS}), <{MODEL}>, [settings](train.yaml)", []),
        (f"| {RESULTS} | {MODEL} |", []),
        (f"[model]({MODEL})", [RESULTS]),
        (f"[results]({RESULTS}), [model]({MODEL}-2)", [MODEL]),
        (f"{RESULTS} {MODEL} [settings](other.yaml)", ["other.yaml"]),
        ("", [RESULTS, MODEL]),
    ],
)
def test_a_missing_link_is_found(tmp_path, readme, missing):
    """Of a list whose row has links, as one of trained models has."""
    row = dict.fromkeys(COLUMNS, "") | {
        "Readme_file": "recipes/X/README.md",
        "Result_url": RESULTS,
        "HF_repo": MODEL,
    }
    folder = tmp_path / "recipes/X"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    (folder / "train.yaml").touch()
    path = tmp_path / "tests/recipes/X.csv"
    path.parent.mkdir(parents=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerow(row)
    (row,) = read_rows(tmp_path)
    assert missing_links(tmp_path, row) == missing


def test_settings_and_script_agree(root):
    """A key at column 0 that no later !ref uses is read in the script as
    ["key"], hparams.key or modules.key."""
    pairs = {
        (row["Hparam_file"], row["Script_file"]) for row in read_rows(root)
    }
    if root == ROOT:
        pairs |= {
            (f"hparams/{path.name}", SCRIPTS.get(path.stem, "train.py"))
            for path in ROOT.glob("hparams/*.yaml")
        }
    for settings, script in sorted(pairs):
        assert not unused_keys(root / settings, root / script), settings


def unused_keys(settings, script):
    """Lists the keys of a settings file that nothing reads.

    Arguments
    ---------
    settings, script : pathlib.Path
        The files.

    Returns
    -------
    list of str
    """
    text, script = settings.read_text("utf-8"), script.read_text("utf-8")
    options = RunOptions().as_dict()
    keys = re.findall(r"^(\w+):(?!.*!apply)", text, flags=re.MULTILINE)
    assert "seed" in keys and len(keys) > 30
    unused = []
    for key in keys:
        after = text.split(f"\n{key}:", 1)[-1]
        ways = [f'["{key}"]', f"hparams.{key}", f"modules.{key}"]
        ways += [f'hparams, "{key}"', f'hparams.get("{key}"']
        used = re.search(rf"!ref[^\n]*<{key}[>.\[]", after)
        if not (used or key in options or any(way in script for way in ways)):
            unused.append(key)
    return unused


def test_everything_has_a_docstring(root):
    """Every file, class and function, but for private ones and those inside
    of tests."""
    paths = [
        path
        for path in [*root.glob("*.py"), *root.glob("[!.]*/**/*.py")]
        if not {"cache", "results"} & set(path.relative_to(root).parts)
    ]
    assert len(paths) > 40
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in paths:
        tree = ast.parse(path.read_text("utf-8"))
        in_tests = path.is_relative_to(root / "tests")
        for node in [tree, *tree.body] if in_tests else ast.walk(tree):
            name = getattr(node, "name", "")
            if isinstance(node, kinds) and not name.startswith("_"):
                assert ast.get_docstring(node), f"{path} {name}"


@pytest.mark.parametrize("path, text", fork.derived_files().items())
def test_recipes_do_not_drift(path, text):
    """What is derived from hparams/ and the corpora is as it is derived, so
    a recipe's settings are those of hparams/ but for what fork.py declares:
    `python fork.py --sync` writes it anew."""
    assert (ROOT / path).read_text("utf-8") == text, "python fork.py --sync"


@pytest.mark.parametrize(
    "recipe", [path.name for path in ROOT.glob("recipes/*")]
)
def test_declared_differences(recipe):
    """The corpus and where it is are all that recipes differ in, and each
    recipe has the files of all others."""
    corpus = find_corpus(recipe)
    assert fork.title(corpus) == recipe
    assert set(fork.differences(corpus)) <= {"corpus", "data_folder"}
    files = {path.name for path in ROOT.glob(f"recipes/{recipe}/hparams/*")}
    assert files - {"encoder.yaml"} == {"train.yaml", "finetune.yaml"}
    assert (ROOT / f"recipes/{recipe}/README.md").is_file()


def test_a_drift_is_found(tmp_path, monkeypatch):
    """A changed number, a key more, and a comment are drifts; sync mends
    them and nothing else."""
    for folder in ("hparams", "recipes"):
        for path in ROOT.glob(f"{folder}/**/*.*"):
            fork.write(tmp_path / path.relative_to(ROOT), fork.read(path))
    fork.write(tmp_path / "README.md", fork.read(ROOT / "README.md"))
    monkeypatch.setattr(fork, "ROOT", tmp_path)
    fork.sync()
    assert fork.sync() == []
    path = tmp_path / "recipes/RAVDESS/hparams/train.yaml"
    settings = fork.read(path)
    for other in (
        settings.replace("lr: 0.001", "lr: 0.01"),
        settings + "more: 1\n",
        settings.replace("  # clips", ""),
    ):
        assert other != settings
        fork.write(path, other)
        assert fork.sync() == ["recipes/RAVDESS/hparams/train.yaml"]
        assert fork.read(path) == settings


@pytest.mark.parametrize("name", ALONE)
def test_alone_differs_in_what_is_declared(name, alone):
    """A recipe that stands alone has the settings of hparams/, but for these
    keys and the names of the modules."""
    folder = Path(alone) / f"recipes/{name}/emotion_recognition"
    mine = keys_of((folder / "hparams/train.yaml").read_text("utf-8"))
    source = fork.without_packages(fork.read(ROOT / "hparams/train.yaml"))
    theirs = keys_of(source)
    assert list(mine) == list(theirs)
    assert [key for key in mine if mine[key] != theirs[key]] == [
        "corpus",
        "data_folder",
        "wav2vec2_hub",
    ]
    assert mine["data_folder"].startswith(" !PLACEHOLDER")
    assert mine["wav2vec2_hub"] == " facebook/wav2vec2-base\n"


def keys_of(settings):
    """Splits settings by their keys, comments at column 0 left out."""
    text = re.sub(r"^(#.*|)\n", "", settings, flags=re.MULTILINE)
    blocks = re.split(r"^(\w+):", text, flags=re.MULTILINE)
    return dict(zip(blocks[1::2], blocks[2::2]))
