"""A start for a new corpus, and recipes that stand alone, made and run by
processes of their own.
"""

import ast
import doctest
import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions, requires

import pytest
from conftest import ENVIRONMENT, ROOT

import fork
from ser.encoder import make_random_encoder
from ser.errors import RecipeError

MADE = {
    "data_prep/my_corpus_prepare.py",
    "recipes/MyCorpus/README.md",
    "recipes/MyCorpus/hparams/finetune.yaml",
    "recipes/MyCorpus/hparams/train.yaml",
    "tests/recipes/MyCorpus.csv",
    "tests/test_my_corpus.py",
}
# The repository is not to be found from where a recipe stands alone.
OUTSIDE = {k: v for k, v in ENVIRONMENT.items() if k != "PYTHONPATH"}


def python(*args, cwd, env=ENVIRONMENT):
    """Runs Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=env,
        timeout=300,
        capture_output=True,
        encoding="utf-8",
    )


def list_files(folder):
    """Lists the files of a folder, but for what Python keeps."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix() for path in paths}
    return {name for name in names if "__pycache__" not in name}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository, without what git ignores."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").split()
    folder = tmp_path_factory.mktemp("copy") / "repository"
    patterns = [".git", *(name.rstrip("/") for name in ignored)]
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*patterns))
    return folder


@pytest.fixture(scope="module")
def forked(copy):
    """The copy with a new corpus, and what was said."""
    before = list_files(copy)
    done = python("fork.py", "MyCorpus", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert list_files(copy) - before == MADE
    return copy, done.stdout


def test_a_fork_says_what_it_made_and_what_is_next(forked):
    """All files, and commands that can be copied."""
    folder, said = forked
    for path in MADE:
        assert f"wrote {path}\n" in said
    assert "python train.py recipes/MyCorpus/hparams/train.yaml" in said
    assert "python -m pytest tests/test_my_corpus.py" in said
    assert "python fork.py --sync" in said
    assert "crossval.py recipes/MyCorpus/hparams/train.yaml" in said
    script = (folder / "data_prep/my_corpus_prepare.py").read_text("utf-8")
    assert re.findall(r"FILL IN \d", script) == [
        f"FILL IN {n}" for n in (1, 2, 3)
    ]


def test_a_fork_runs_at_once(forked):
    """On the built-in corpus, which is made, and says that it is that."""
    done = python(
        *["train.py", "recipes/MyCorpus/hparams/train.yaml"],
        *["--number_of_epochs", "2"],
        cwd=forked[0],
    )
    assert done.returncode == 0, done.stderr
    assert "This is the built-in corpus" in done.stdout
    results = forked[0] / "results/my_corpus/frozen/fold1/1234/metrics.json"
    metrics = json.loads(results.read_text("utf-8"))
    assert (metrics["corpus"], metrics["n"]) == ("my_corpus", 64)


def test_the_tests_of_a_fork_pass(forked):
    """Those that it makes, and those that look at all recipes."""
    tests = ["tests/test_my_corpus.py", "tests/test_recipes.py"]
    done = python(
        *["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"],
        *[*tests, "tests/test_settings.py", "-k", "not alone"],
        cwd=forked[0],
    )
    assert done.returncode == 0, done.stdout
    assert "MyCorpus" in (forked[0] / "tests/recipes/MyCorpus.csv").read_text()


def test_a_refusal_is_one_sentence(copy):
    """And exit status 1, and no file."""
    before = list_files(copy)
    done = python("fork.py", "Emo_DB", cwd=copy)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: the corpus EMO-DB is there already (--corpus emodb): choose "
        "another name than Emo_DB."
    )
    assert "Traceback" not in done.stderr
    assert list_files(copy) == before


@pytest.mark.parametrize(
    "name, words",
    [
        ("ravdess", "RAVDESS is there already"),
        ("RavdessSong", "RAVDESS song is there already"),
        ("CREMAD", "CREMA-D is there already"),
        ("Folder", "is there already"),
        ("My-Corpus", "'My-Corpus' cannot name a corpus"),
        ("2nd", "'2nd' cannot name a corpus"),
        ("../Escape", "cannot name a corpus"),
        ("Émotions", "cannot name a corpus"),
        ("", "cannot name a corpus"),
        ("Fork", "tests.test_fork.py is there already"),
    ],
)
def test_what_cannot_be_forked(name, words, copy, monkeypatch):
    """With what is wrong, and no file."""
    monkeypatch.setattr(fork, "ROOT", copy)
    before = list_files(copy)
    with pytest.raises(RecipeError, match=words):
        fork.fork(name)
    assert list_files(copy) == before


def test_nothing_is_half_made(tmp_path, monkeypatch):
    """A full disk leaves what was there, and no more."""
    write = fork.write

    def fail(path, text):
        """Fails on the third file."""
        if path.name == "c":
            path.write_text("half")
            raise OSError("no space left on device")
        write(path, text)

    (tmp_path / "there").mkdir()
    monkeypatch.setattr(fork, "write", fail)
    files = dict.fromkeys(("there/a", "new/b", "new/below/c"), "text")
    with pytest.raises(OSError):
        fork.write_all_or_none(tmp_path, files)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_examples_in_docstrings():
    """Which pytest does not look for in files at the top."""
    failed, tried = doctest.testmod(fork)
    assert (failed, tried) == (0, 3)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """RAVDESS's recipe, that stands alone."""
    destination = tmp_path_factory.mktemp("alone")
    # In any spelling, from any folder.
    args = [ROOT / "fork.py", "--standalone", "ravdess", destination]
    done = python(*args, cwd=destination)
    assert done.returncode == 0, done.stderr
    assert "pip install -r extra_requirements.txt" in done.stdout
    return destination


def test_a_recipe_stands_where_speechbrain_wants_it(alone):
    """Its files have the names, and only this corpus is among them."""
    files = list_files(alone)
    recipe = "recipes/RAVDESS/emotion_recognition"
    assert files >= {
        "tests/recipes/RAVDESS.csv",
        f"{recipe}/train.py",
        f"{recipe}/hparams/train.yaml",
        f"{recipe}/ravdess_prepare.py",
        f"{recipe}/README.md",
        f"{recipe}/extra_requirements.txt",
    }
    scripts = [name for name in files if name.endswith("_prepare.py")]
    assert scripts == [f"{recipe}/ravdess_prepare.py"]
    for name in files:
        text = (alone / name).read_text("utf-8")
        assert not re.search(r"\b(ser|data_prep)[./]\w", text), name
        assert "<!--" not in text


def test_a_recipe_imports_what_it_may(alone):
    """Its own files, SpeechBrain, and requirements of either."""
    folder = alone / "recipes/RAVDESS/emotion_recognition"
    extra = (folder / "extra_requirements.txt").read_text("utf-8").splitlines()
    lists = ["speechbrain", *requires("speechbrain"), *extra]
    listed = {plain(name) for name in lists if "extra ==" not in name}
    assert "ruff" not in listed and "scikitlearn" in listed
    known = {
        path.stem for path in folder.glob("*.py")
    } | sys.stdlib_module_names
    for module, names in packages_distributions().items():
        if listed & {plain(name) for name in names}:
            known.add(module)
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules = [node.module]
            assert {m.split(".")[0] for m in modules} <= known, path


def plain(requirement):
    """The name of a requirement, in lower case."""
    name = re.match(r"[\w.-]+", requirement)[0]
    return re.sub(r"[-_.]", "", name).lower()


def test_a_recipe_trains_where_it_stands(alone, small_corpus, tmp_path):
    """Run as SpeechBrain's recipes are, where this repository is not."""
    folder = alone / "recipes/RAVDESS/emotion_recognition"
    assert ROOT not in folder.parents
    probe = (
        "import importlib.util as u\n"
        "assert not any(map(u.find_spec, ('ser', 'data_prep', 'fork')))"
    )
    assert python("-c", probe, cwd=folder, env=OUTSIDE).returncode == 0
    encoder = make_random_encoder(tmp_path / "encoder", seed=0)
    done = python(
        *["train.py", "hparams/train.yaml", f"--data_folder={small_corpus}"],
        *[f"--wav2vec2_hub={encoder}", "--number_of_epochs=2"],
        cwd=folder,
        env=OUTSIDE,
    )
    assert done.returncode == 0, done.stderr
    results = folder / "results/ravdess/frozen/fold1/1234"
    metrics = json.loads((results / "metrics.json").read_text("utf-8"))
    assert (metrics["corpus"], metrics["n"]) == ("ravdess", 16)
    assert (results / "report.html").stat().st_size > 0


def test_a_recipe_is_written_the_same_again(alone, tmp_path):
    """To the byte, and not over one that is there."""
    fork.standalone("RAVDESS", tmp_path)
    assert list_files(tmp_path) <= list_files(alone)
    for name in list_files(tmp_path):
        assert (tmp_path / name).read_bytes() == (alone / name).read_bytes()
    with pytest.raises(RecipeError, match="is there already"):
        fork.standalone("RAVDESS", tmp_path)


@pytest.mark.parametrize(
    "name, words",
    [
        ("demo", "is the built-in corpus or anyone's"),
        ("folder", "is the built-in corpus or anyone's"),
        ("ravdess_song", "a part of another corpus"),
        ("ravdes", "there is no corpus 'ravdes'"),
    ],
)
def test_what_cannot_stand_alone(name, words, tmp_path):
    """With what is wrong, and no file."""
    with pytest.raises(RecipeError, match=words):
        fork.standalone(name, tmp_path)
    assert not list(tmp_path.iterdir())
