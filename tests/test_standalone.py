"""Recipes that are exported for SpeechBrain: what they hold, that they pass its
checks, and that they train where this repository is not.
"""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pandas as pd
import pytest
from conftest import ENVIRONMENT, ROOT
from data_prep.corpus import all_corpora, find_corpus
from forking.standalone import export_recipe
from ser.errors import RecipeError
from ser.metrics import compute_metrics
from ser.settings import parse_arguments, start_run
from test_recipes import read_rows
from train import fit_and_test

RECIPE = "recipes/RAVDESS/emotion_recognition"
SETUP = "tests/recipes/setup/recipes_RAVDESS_emotion_recognition_train"
MODULES = (
    "audio batches embeddings encoder encoding epochs errors head hidden_states "
    "pooling speakers store"
).split()
# This repository cannot be found from where an exported recipe is.
OUTSIDE = {k: v for k, v in ENVIRONMENT.items() if k != "PYTHONPATH"}


def python(*args, cwd):
    """Runs Python in a process of its own, outside of the repository."""
    done = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=OUTSIDE,
        timeout=300,
        capture_output=True,
        encoding="utf-8",
    )
    return done


def list_files(folder):
    """Lists the files of a folder, but for what Python and runs make."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix() for path in paths}
    made = re.compile(r"__pycache__|/results/|/cache/|tests/tmp/")
    return {name for name in names if not made.search(name)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder with RAVDESS's recipe, exported in any spelling, from any
    folder."""
    destination = tmp_path_factory.mktemp("exported")
    args = [ROOT / "fork.py", "--standalone", "ravdess", destination]
    done = python(*args, cwd=destination)
    assert done.returncode == 0, done.stderr
    assert "pip install -r extra_requirements.txt" in done.stdout
    for name in list_files(destination):
        assert f"wrote {(destination / name).as_posix()}\n" in done.stdout
    return destination


def test_a_recipe_is_where_speechbrain_has_them(exported):
    """Its files have the names, and no others are there."""
    names = {"train.py", "ravdess_prepare.py", "README.md"}
    names |= {"extra_requirements.txt"}
    names |= {"hparams/train.yaml", "hparams/finetune.yaml"}
    names |= {f"ser/{module}.py" for module in MODULES}
    assert list_files(exported) == {
        *(f"{RECIPE}/{name}" for name in names),
        "tests/recipes/RAVDESS.csv",
        f"{SETUP}/hparams_train",
        f"{SETUP}/hparams_finetune",
    }


def test_a_recipe_is_small(exported):
    """No more than a maintainer would read."""
    texts = [(exported / n).read_text("utf-8") for n in list_files(exported)]
    assert sum(len(text.splitlines()) for text in texts) <= 2950


@pytest.fixture(scope="module")
def all_exported(tmp_path_factory):
    """A folder with the recipe of every corpus that can have one."""
    folder = tmp_path_factory.mktemp("all")
    for corpus in all_corpora().values():
        has_script = (ROOT / f"data_prep/{corpus.key}_prepare.py").is_file()
        if has_script and corpus.address and not corpus.open:
            export_recipe(corpus.key, folder)
    return folder


def test_code_is_this_repository_s(exported):
    """Modules are copied but for the name of the requirements, and train.py up
    to the marker."""
    folder = exported / RECIPE
    for module in MODULES:
        path = f"ser/{module}.py"
        text = (ROOT / path).read_text("utf-8")
        text = text.replace(" requirements.txt", " extra_requirements.txt")
        assert (folder / path).read_text("utf-8") == text
    marker = "# RECIPE BEGINS!\n"
    mine, main = (folder / "train.py").read_text("utf-8").split(marker)
    theirs, _ = (ROOT / "train.py").read_text("utf-8").split(marker)
    mine = mine.replace("import logging\nimport sys\n", "import logging\n")
    # This repository's starts with its help, SpeechBrain's scripts do not.
    start = theirs.index("import sys\n"), theirs.index("import logging\n")
    assert mine == theirs[: start[0]] + theirs[start[1] :]
    assert main.startswith('if __name__ == "__main__":\n')


def test_a_recipe_imports_what_it_may(exported):
    """Its own files, SpeechBrain, and requirements of either, which have
    floors only; the preparation imports no other file."""
    folder = exported / RECIPE
    extra = (folder / "extra_requirements.txt").read_text("utf-8").splitlines()
    assert extra and all(re.fullmatch(r"[\w-]+>=[\d.]+", e) for e in extra)
    lists = ["speechbrain", *requires("speechbrain"), *extra]
    listed = {plain(name) for name in lists if "extra ==" not in name}
    known = set(sys.stdlib_module_names)
    for module, names in packages_distributions().items():
        if listed & {plain(name) for name in names}:
            known.add(module)
    used = set()
    for path in folder.rglob("*.py"):
        own = set() if path.name == "ravdess_prepare.py" else {"ser"}
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules = [node.module]
            packages = {m.split(".")[0] for m in modules}
            assert packages <= known | own, path
            used |= packages
    distributions = packages_distributions()
    used = {plain(d) for m in used for d in distributions.get(m, ())}
    assert {plain(name) for name in extra} <= used
    ours = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert set(extra) <= {line.split(",")[0] for line in ours}


def plain(requirement):
    """Returns the name of a requirement, in lower case."""
    name = re.match(r"[\w.-]+", requirement)[0]
    return re.sub(r"[-_.]", "", name).lower()


def test_no_name_is_of_a_missing_file(exported):
    """Files that are named are in the recipe, or a run or the encoder has
    them; packages of this repository are not named at all."""
    there = {Path(name).name for name in list_files(exported)}
    there |= {f"{n}.csv" for n in ("train", "valid", "test", "excluded")}
    there |= {"predictions.csv", "metrics.json", "config.json", "env.log"}
    there |= {"preprocessor_config.json", "hyperparams.yaml", "log.txt"}
    there |= {"train_log.txt", "label_encoder.txt"}
    ending = r"[\w.-]*\w\.(?:py|yaml|md|csv|json|txt|html|jinja|log)\b"
    for name in list_files(exported):
        text = (exported / name).read_text("utf-8")
        assert set(re.findall(ending, text)) <= there, name
        others = r"\b(data_prep|crossval|forking|ser[./]report|encoders[./]\w)"
        assert not re.search(others, text), name
        assert "<!--" not in text and "MyCorpus" not in text, name


def test_the_readme_tells_what_speechbrain_asks(exported):
    """Results, training time, machine, the folds, and how to cite."""
    text = (exported / RECIPE / "README.md").read_text("utf-8")
    assert (
        "| 2026-11-28 | hparams/train.yaml | small, trained on CREMA-D "
        "(built-in) | 41.8"
    ) in text
    assert "2 CPU cores |" in text and "Six of the 24 actors" in text
    assert "A fold takes about 10 s on two cores" in text
    assert "{01, 11, 20, 21}" in text
    assert text.count("https://doi.org/10.1371/journal.pone.0196391") == 2
    assert "https://arxiv.org/abs/2106.04624" in text


def test_a_readme_points_at_nothing_else(all_exported):
    """At no file of the repository, nor at what its README has elsewhere; and
    what was not measured is not left open."""
    texts = {
        path.parts[-3]: path.read_text("utf-8")
        for path in all_exported.glob("recipes/*/*/README.md")
    }
    assert len(texts) >= 15
    for name, text in texts.items():
        assert not re.search(r"\]\(|<!--|\b(above|below)\b", text), name
        measured = "Nothing was measured yet." not in text
        assert measured == (name in ("RAVDESS", "EMO-DB", "CREMA-D")), name
        timed = "A fold takes" in text
        lacking = "The training time was not measured." in text
        assert (timed, lacking) == (
            measured and name != "CREMA-D",
            name == "CREMA-D",
        )


def test_speechbrain_s_linter_and_formatter_pass(all_exported, tmp_path):
    """With its configuration, beside its package, set-up scripts included, for
    every corpus."""
    folder = shutil.copytree(all_exported, tmp_path / "all")
    scripts = list(folder.glob("tests/recipes/setup/*/hparams_train"))
    assert len(scripts) >= 15
    for script in scripts:
        script.rename(script.with_suffix(".py"))
    (folder / "speechbrain").mkdir()
    (folder / "speechbrain/__init__.py").touch()
    shutil.copy(ROOT / "tests/speechbrain_ruff.toml", folder / "ruff.toml")
    for command in (["check", "."], ["format", "--check", "--diff", "."]):
        done = python("-m", "ruff", *command, "--no-cache", cwd=folder)
        assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def set_up(exported):
    """The folder, after the set-up script of the recipe tests, which makes
    noises with labels and a small encoder."""
    script = exported / SETUP / "hparams_finetune"
    assert os.access(script, os.X_OK)
    environment = OUTSIDE | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    subprocess.run([script], cwd=exported, env=environment, check=True)
    return exported


def predict_here(hparams, *args):
    """Trains as this repository does; returns the predictions as text."""
    hparams, run_opts, overrides = parse_arguments([str(hparams), *args])
    hparams = start_run(hparams, overrides)
    hparams["prepare"]()
    table = fit_and_test(hparams, run_opts).predictions
    file = io.StringIO(table.to_csv(index=False))
    return pd.read_csv(file, dtype=str)


def predictions_of(results):
    """Reads what an exported recipe predicted, as text."""
    table = pd.read_csv(results / "predictions.csv", dtype=str)
    assert len(table) > 0
    return table


def test_a_recipe_trains_where_it_is(set_up, small_corpus, tmp_path):
    """As a user runs it, where this repository is not, with the predictions
    of this repository."""
    folder = set_up / RECIPE
    probe = (
        "import importlib.util as u\n"
        "assert not any(map(u.find_spec, ('data_prep', 'crossval', 'fork')))\n"
        "import runpy\n"
        "runpy.run_path('train.py', run_name='__main__')"
    )
    encoder = set_up / "tests/tmp/RAVDESS/encoder"
    args = [f"--data_folder={small_corpus}", f"--wav2vec2_hub={encoder}"]
    args += ["--number_of_epochs=3", f"--cache_folder={tmp_path / 'cache'}"]
    done = python("-c", probe, "hparams/train.yaml", *args, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"^Test of fold 1, in %: uar [\d.]+, wa", done.stdout, re.M
    )
    results = folder / "results/ravdess/frozen/fold1/1234"
    hparams = ROOT / "recipes/RAVDESS/hparams/train.yaml"
    args += [f"--output_folder={tmp_path / 'here'}"]
    table = predict_here(hparams, *args)
    assert table.equals(predictions_of(results))
    scores = pd.read_json(results / "metrics.json", typ="series")
    classes = find_corpus("ravdess").classes
    theirs = compute_metrics(table, classes)
    for name in ("uar", "wa", "macro_f1"):
        assert scores[name] == pytest.approx(theirs[name], abs=1e-12)


def test_the_recipe_test_of_speechbrain_passes(set_up, tmp_path, monkeypatch):
    """Fine-tuning, run as its runner runs a row of the table; again with the
    predictions of this repository."""
    (row,) = (
        row
        for row in read_rows(set_up)
        if row["Hparam_file"].endswith("finetune.yaml")
    )
    args = [row["Hparam_file"], *row["test_debug_flags"].split()]
    results = tmp_path / "there"
    output = f"--output_folder={results}"
    done = python(row["Script_file"], *args, output, cwd=set_up)
    assert done.returncode == 0, done.stderr
    files = re.search(r"file_exists=\[(.*?)\]", row["test_debug_checks"])[1]
    for name in files.split(","):
        assert (results / name).is_file(), name
    losses = re.findall(
        r"epoch: 2.* train loss: ([\d.e+-]+)",
        (results / "train_log.txt").read_text("utf-8"),
    )
    assert len(losses) == 1 and float(losses[0]) < 3
    monkeypatch.chdir(set_up)
    args[0] = str(ROOT / "hparams/finetune.yaml")
    args += ["--corpus=ravdess", f"--output_folder={tmp_path / 'here'}"]
    assert predict_here(*args).equals(predictions_of(results))


def test_a_recipe_is_written_the_same_again(exported, tmp_path):
    """To the byte, and not over one that is there."""
    export_recipe("RAVDESS", tmp_path)
    assert list_files(tmp_path) == list_files(exported)
    for name in list_files(tmp_path):
        assert (tmp_path / name).read_bytes() == (exported / name).read_bytes()
    with pytest.raises(RecipeError, match="is there already"):
        export_recipe("RAVDESS", tmp_path)


@pytest.mark.parametrize(
    "name, words",
    [
        ("demo", "is the built-in corpus or anyone's"),
        ("folder", "is the built-in corpus or anyone's"),
        ("ravdess_song", "a part of another corpus"),
        ("iemocap", "the labels of IEMOCAP are in files of their own"),
        ("meld", "the labels of MELD are in files of their own"),
        ("ravdes", "there is no corpus 'ravdes'"),
    ],
)
def test_what_cannot_be_exported(name, words, tmp_path):
    """The error says why, and nothing is written."""
    with pytest.raises(RecipeError, match=words):
        export_recipe(name, tmp_path)
    assert not list(tmp_path.iterdir())
