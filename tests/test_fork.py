"""A start for a new corpus, made, run and filled in as a user does it."""

import json
import re
import runpy
import shutil
from pathlib import PurePath

import pytest
from conftest import ROOT, fork_program
from forking.new_corpus import start_corpus
from forking.new_files import write_new
from ser.errors import RecipeError

MADE = {
    "data_prep/my_corpus_prepare.py",
    "recipes/MyCorpus/README.md",
    "recipes/MyCorpus/hparams/finetune.yaml",
    "recipes/MyCorpus/hparams/train.yaml",
    "tests/recipes/MyCorpus.csv",
    "tests/test_my_corpus.py",
}


def list_files(folder):
    """Lists the files of a folder, but for what Python and runs make."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix() for path in paths}
    made = re.compile(r"__pycache__|^(results|cache)/")
    return {name for name in names if not made.search(name)}


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
    """The copy with a new corpus, and what was printed."""
    before = list_files(copy)
    done = fork_program("fork.py", "MyCorpus", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert list_files(copy) - before == MADE
    return copy, done.stdout


def test_a_fork_prints_what_it_made_and_what_is_next(forked):
    """All files, and commands that can be copied."""
    _, printed = forked
    for path in (*MADE, "data_prep/README.md"):
        assert printed.count(f"wrote {path}\n") == 1
    assert "python train.py recipes/MyCorpus/hparams/train.yaml" in printed
    assert "python -m pytest tests/test_my_corpus.py" in printed
    assert "python fork.py --sync" in printed
    assert "crossval.py recipes/MyCorpus/hparams/train.yaml" in printed


def test_every_place_to_fill_in_is_printed(forked):
    """By its number and file, and no other is in the files, but in the facts,
    which are one place; and how many speakers are needed."""
    folder, printed = forked
    facts = "data_prep/my_corpus_prepare.py"
    places = {}
    for path in MADE:
        for text in (folder / path).read_text("utf-8").splitlines():
            if place := re.search(r"FILL IN (\d+), (?!.*FILL)", text):
                assert place[1] not in places
                places[place[1]] = path
            elif "FILL IN" in text or "FILL-IN" in text:
                assert path == facts or text.startswith("| ")
    files = (facts, "tests/test_my_corpus.py", "recipes/MyCorpus/README.md")
    numbers = ("1234", "56", "78")
    assert places == {
        number: path for path, some in zip(files, numbers) for number in some
    }
    for path, some in zip(files, numbers):
        listed = re.search(rf"^  {path}: (.*(\n    .*)*)", printed, re.M)[1]
        assert "".join(re.findall(r"\d", listed)) == some
    assert "three speakers or more (one each to train,\nvalidate" in printed


def test_a_fork_runs_at_once(forked):
    """On the built-in corpus, which is made, and the result says so."""
    done = fork_program(
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
    """Those that it makes, and those that look at all recipes and corpora."""
    tests = ["tests/test_my_corpus.py", "tests/test_recipes.py"]
    tests += ["tests/test_settings.py", "tests/test_corpus_facts.py"]
    done = fork_program(
        *["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"],
        *[*tests, "-k", "not export"],
        cwd=forked[0],
    )
    assert done.returncode == 0, done.stdout
    assert "MyCorpus" in (forked[0] / "tests/recipes/MyCorpus.csv").read_text()


@pytest.fixture(scope="module")
def filled_in(forked, tmp_path_factory):
    """A fork with data and facts of its own, synchronised, and what that
    printed."""
    folder = tmp_path_factory.mktemp("filled") / "repository"
    shutil.copytree(forked[0], folder)
    script = folder / "data_prep/my_corpus_prepare.py"
    text = script.read_text("utf-8")
    for old, new in (
        ("from data_prep.demo_prepare import make\n", ""),
        (re.search(r"    make=make,\n.*?\n\)", text, re.DOTALL)[0], ")"),
        ('language="FILL IN"', 'language="Volapük"'),
        ('protocol="kfold"', 'protocol="loso"'),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    script.write_text(text, encoding="utf-8")
    done = fork_program("fork.py", "--sync", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_filled_in_fork_asks_for_its_data(filled_in):
    """Its settings have a place for the folder then, which must be given; and
    its README has its facts."""
    folder, printed = filled_in
    for name in ("train", "finetune"):
        path = f"recipes/MyCorpus/hparams/{name}.yaml"
        assert f"wrote {path}\n" in printed
        text = (folder / path).read_text("utf-8")
        assert text.count("\ndata_folder: !PLACEHOLDER  # where MyCorpus") == 1
    readme = (folder / "recipes/MyCorpus/README.md").read_text("utf-8")
    assert "| Language | Volapük |\n" in readme
    assert "| Default protocol | loso |\n" in readme
    done = fork_program(
        "train.py", "recipes/MyCorpus/hparams/train.yaml", cwd=folder
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.fullmatch(
        "error: .*hparams/train.yaml does not set data_folder: pass "
        "--data_folder.*",
        done.stderr.splitlines()[-1],
    )
    done = fork_program("fork.py", "--sync", cwd=folder)
    assert done.stdout == "Nothing has drifted.\n"


def test_a_filled_in_fork_is_exported(filled_in, tmp_path):
    """It reads its own files then, without the repository."""
    folder, _ = filled_in
    done = fork_program(
        "fork.py", "--standalone", "MyCorpus", tmp_path, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    recipe = tmp_path / "recipes/MyCorpus/emotion_recognition"
    text = (recipe / "my_corpus_prepare.py").read_text("utf-8")
    assert "def loso_folds(table):" in text and "Corpus(" not in text
    assert not re.search(r"^(from|import) (data_prep|ser|forking)", text, re.M)
    settings = (recipe / "hparams/train.yaml").read_text("utf-8")
    assert "\nprepare: !name:my_corpus_prepare.prepare_my_corpus\n" in settings
    made = runpy.run_path(recipe / "my_corpus_prepare.py")
    path = PurePath("03-01-05-01-02-01-03.wav")
    assert made["describe"](path)["emotion"] == "angry"
    assert " ".join(made["CLASSES"]) == (
        "neutral calm happy sad angry fearful disgust surprised"
    )


def test_a_refusal_is_one_sentence(copy):
    """And exit status 1, and no file."""
    before = list_files(copy)
    done = fork_program("fork.py", "Emo_DB", cwd=copy)
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
def test_what_cannot_be_forked(name, words, copy):
    """The error says why, and nothing is written."""
    before = list_files(copy)
    with pytest.raises(RecipeError, match=words):
        start_corpus(name, copy)
    assert list_files(copy) == before


@pytest.mark.parametrize(
    "name, key",
    [("ABCorpus2", "ab_corpus2"), ("NewOne", "new_one"), ("my_own", "my_own")],
)
def test_a_key_has_the_words_of_a_name(name, key, tmp_path):
    """In lower case, and so do the files."""
    made, files = start_corpus(name, tmp_path)
    assert made == key
    assert sorted(files) == [
        f"data_prep/{key}_prepare.py",
        f"recipes/{name}/README.md",
        f"recipes/{name}/hparams/finetune.yaml",
        f"recipes/{name}/hparams/train.yaml",
        f"tests/test_{key}.py",
    ]
    assert all((tmp_path / path).is_file() for path in files)


def test_nothing_is_half_made(tmp_path):
    """Where a file cannot be written, what was there is left, and no more."""
    (tmp_path / "there").mkdir()
    files = dict.fromkeys(("there/a", "new/b", "new/b/c"), "text")
    with pytest.raises(OSError):
        write_new(files, tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    write_new({"there/a": "text", "new/b": "text"}, tmp_path)
    assert (tmp_path / "new/b").read_text() == "text"
