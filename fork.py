#!/usr/bin/env python3
"""Makes a start for a new corpus, or a recipe that stands alone.

> python fork.py MyCorpus
> python fork.py --sync
> python fork.py --standalone RAVDESS /path/to/speechbrain

The second writes anew what is derived in recipes/ and tests/recipes/: settings
from hparams/, facts in READMEs and rows of the recipe tests from the corpora.
"""

import argparse
import ast
import csv
import io
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import requires
from pathlib import Path

from data_prep.__main__ import list_corpora
from data_prep.corpus import all_corpora, find_corpus, plain
from ser.errors import RecipeError, one_sentence_errors
from templates.my_corpus_prepare import CORPUS as START

ROOT = Path(__file__).resolve().parent
PACKAGES = ("ser", "data_prep")
CHECKS = "train_log.txt,log.txt,env.log,hyperparams.yaml,save/label_encoder.txt"
RESULTS = "predictions.csv,metrics.json,report.html"


# ------------------------- WHAT DIFFERS BETWEEN RECIPES ----------------------
def differences(corpus):
    """Declares what a recipe's settings may hold in place of those of
    hparams/.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Whose recipe it is.

    Returns
    -------
    dict
        From keys to what stands after the colon.
    """
    where = f"!PLACEHOLDER  # where {corpus.name} is, such as /path/to/{title(corpus)}"
    values = {"corpus": corpus.key}
    return values if corpus.make else values | {"data_folder": where}


def standalone_differences(corpus):
    """Declares what differs besides where a recipe stands alone, as
    `differences`: SpeechBrain's recipes begin with a trained encoder."""
    return differences(corpus) | {"wav2vec2_hub": "facebook/wav2vec2-base"}


def with_values(settings, values):
    """Puts values in the place of those of some keys.

    Arguments
    ---------
    settings : str
        The text of a settings file.
    values : dict
        From keys to what stands after the colon.

    Returns
    -------
    str

    Example
    -------
    >>> with_values("a: 1\\nb: !new:B\\n    c: 2\\nd: 3\\n", {"b": 4})
    'a: 1\\nb: 4\\nd: 3\\n'
    """
    for key, value in values.items():
        settings, number = re.subn(
            rf"^{key}:.*\n(?:[ \t]+.*\n)*",
            lambda _: f"{key}: {value}\n",
            settings,
            flags=re.MULTILINE,
        )
        if number != 1:
            raise RecipeError(
                f"the key {key} stands {number} times in the settings of "
                "hparams/, and recipes differ in it: expected it once."
            )
    return settings


# ----------------------------- RECIPES OF HPARAMS/ ---------------------------
def title(corpus):
    """Names the folder of a corpus's recipe."""
    return corpus.name.replace(" ", "-")


def recipe_files(corpus):
    """Derives the files of a recipe that nobody writes by hand.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Whose recipe it is.

    Returns
    -------
    dict
        From paths, relative to the repository, to texts.
    """
    name = title(corpus)
    files, rows = {}, []
    sources = [ROOT / "hparams/train.yaml", ROOT / "hparams/finetune.yaml"]
    if corpus.key == "crema_d":  # of which the built-in encoder is made
        sources.append(ROOT / "hparams/encoder.yaml")
    for source in sources:
        path = f"recipes/{name}/hparams/{source.name}"
        files[path] = with_values(read(source), differences(corpus))
        row = {
            "Script_file": "train.py",
            "Hparam_file": path,
            "Data_prep_file": f"data_prep/{corpus.key}_prepare.py",
            "Readme_file": f"recipes/{name}/README.md",
            "test_debug_flags": "--corpus=demo --data_folder=cache/demo_corpus",
            "test_debug_checks": f"file_exists=[{CHECKS}]",
        }
        if source.stem == "train":  # quick enough to be run to its end
            row |= trained()
            row["test_debug_flags"] += " --number_of_epochs=2"
        if source.stem == "encoder":
            row["Script_file"] = "train_encoder.py"
            row["test_debug_checks"] = (
                "file_exists=[train_log.txt,log.txt,env.log,hyperparams.yaml]"
            )
        rows.append(row)
    files[f"tests/recipes/{name}.csv"] = to_csv(corpus, rows)
    return files


def trained():
    """Says what the test of a recipe checks that is trained for two epochs,
    where others see a few batches only."""
    loss = "performance_check=[train_log.txt, train loss, <3, epoch: 2]"
    return {"test_debug_checks": f"file_exists=[{CHECKS},{RESULTS}] {loss}"}


def to_csv(corpus, rows):
    """Makes a table of recipes in SpeechBrain's columns.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Whose recipes they are.
    rows : list of dict
        From some of the columns to texts.

    Returns
    -------
    str
    """
    columns = (
        "Task Dataset Script_file Hparam_file Data_prep_file Readme_file "
        "Result_url HF_repo test_debug_flags test_debug_checks performance"
    ).split()
    common = {"Task": "Emotion_recognition", "Dataset": title(corpus)}
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(common | row for row in rows)
    return text.getvalue()


def with_facts(readme, corpus):
    """Writes a corpus's facts between the marks of a README, if it has them.

    Arguments
    ---------
    readme : str
        The text.
    corpus : data_prep.corpus.Corpus
        Of which the facts are.

    Returns
    -------
    str
    """
    clips = sum(corpus.clips.values())
    classes = (
        f"{name} {corpus.clips[name]}" if name in corpus.clips else name
        for name in corpus.classes
    )
    protocol = corpus.protocol
    if corpus.folds:
        folds = ("{" + ", ".join(fold) + "}" for fold in corpus.folds)
        protocol += f", {len(corpus.folds)} folds: {' '.join(folds)}"
    facts = {
        "Language": corpus.language,
        "Clips": str(clips or ""),
        "Speakers": str(len(corpus.speakers) or ""),
        f"Classes ({len(corpus.classes)})": ", ".join(classes),
        "Default protocol": protocol,
        "Licence": corpus.licence,
        "Where": f"<{corpus.address}>" if corpus.address else "",
        "Cite": corpus.citation,
    }
    rows = [f"| {name} | {fact} |" for name, fact in facts.items() if fact]
    table = "\n".join(["| | |", "|---|---|", *rows])
    return between_marks(readme, "facts", table)


def derived_files():
    """Derives what may not drift in the whole repository.

    Returns
    -------
    dict
        From paths, relative to the repository, to texts.
    """
    files = {}
    for readme in sorted(ROOT.glob("recipes/*/README.md")):
        corpus = find_corpus(readme.parent.name)
        files |= recipe_files(corpus)
        path = readme.relative_to(ROOT).as_posix()
        files[path] = with_facts(read(readme), corpus)
    files["README.md"] = between_marks(
        read(ROOT / "README.md"), "corpora", list_corpora()
    )
    return files


def between_marks(text, mark, content):
    """Writes content between `<!-- mark -->` and `<!-- end -->`, if a text
    has them."""
    return re.sub(
        rf"(<!-- {mark} -->\n).*?(?=<!-- end -->)",
        lambda start: f"{start[1]}{content}\n",
        text,
        flags=re.DOTALL,
    )


def sync():
    """Writes what is derived anew, where it is not so yet.

    Returns
    -------
    list of str
        The paths that were written.
    """
    written = []
    for path, text in derived_files().items():
        if not (ROOT / path).is_file() or read(ROOT / path) != text:
            write(ROOT / path, text)
            written.append(path)
    return written


# -------------------------------- A NEW CORPUS -------------------------------
def fork(name):
    """Makes a start for a new corpus.

    Arguments
    ---------
    name : str
        Such as MyCorpus.

    Returns
    -------
    key : str
        What the command line calls it, such as my_corpus.
    files : list of str
        What was made.

    Raises
    ------
    RecipeError
        If the name is none, or is taken.
    """
    if not (name.isascii() and name.isidentifier() and name[0].isalpha()):
        raise RecipeError(
            f"'{name}' cannot name a corpus in Python: expected letters, "
            "digits and underscores, a letter first, such as MyCorpus."
        )
    for corpus in all_corpora().values():
        if plain(name) in (plain(corpus.key), plain(corpus.name)):
            raise RecipeError(
                f"the corpus {corpus.name} is there already "
                f"(--corpus {corpus.key}): choose another name than {name}."
            )
    key = to_key(name)
    copied = {
        f"data_prep/{key}_prepare.py": "my_corpus_prepare.py",
        f"tests/test_{key}.py": "test_my_corpus.py",
        f"recipes/{name}/README.md": "README.md",
    }
    corpus = replace(START, name=name, key=key)
    files = {
        path: with_facts(template(source, name, key), corpus)
        for path, source in copied.items()
    }
    files |= recipe_files(corpus)
    write_all_or_none(ROOT, files)
    return key, list(files)


def to_key(name):
    """Writes a name in lower case, with underscores.

    Example
    -------
    >>> [to_key(name) for name in ("MyCorpus", "ABCorpus2", "my_corpus")]
    ['my_corpus', 'ab_corpus2', 'my_corpus']
    """
    words = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    return re.sub(words, "_", name).lower()


def template(source, name, key):
    """Reads a template, with a name in the place of MyCorpus."""
    text = read(ROOT / "templates" / source)
    return text.replace("MyCorpus", name).replace("my_corpus", key)


# --------------------------- A RECIPE THAT STANDS ALONE ----------------------
def standalone(name, destination):
    """Writes a recipe as SpeechBrain's own repository wants it.

    Arguments
    ---------
    name : str
        Of the corpus, such as RAVDESS.
    destination : pathlib.Path
        A checkout of SpeechBrain, or any folder.

    Returns
    -------
    folder : str
        Where the recipe is in it.
    files : list of str
        What was made.

    Raises
    ------
    RecipeError
        If the corpus cannot have a recipe, or the recipe is there.
    """
    corpus = find_corpus(name)
    if corpus.make or not corpus.classes:
        raise RecipeError(
            f"{corpus.name} is the built-in corpus or anyone's, so a recipe "
            "for it cannot stand alone: fill in a corpus of your own (python "
            "fork.py MyCorpus), or name one such as RAVDESS."
        )
    script = ROOT / f"data_prep/{corpus.key}_prepare.py"
    if not script.is_file():
        raise RecipeError(
            f"{corpus.name} is a part of another corpus: name that one, whose "
            f"recipe takes --corpus {corpus.key} too."
        )
    name = title(corpus)
    folder = f"recipes/{name}/emotion_recognition"
    settings = with_values(
        read(ROOT / "hparams/train.yaml"), standalone_differences(corpus)
    )
    files = {}
    for path in reached(ROOT / "train.py", script, texts=[settings]):
        text = without_packages(read(path))
        if path.name == "train.py":
            text = with_docstring(text, corpus)
        if path.suffix == ".py":
            text = tidy(text)
        files[f"{folder}/{path.name}"] = text
    files |= {
        f"{folder}/hparams/train.yaml": without_packages(settings),
        f"{folder}/README.md": standalone_readme(corpus),
        f"{folder}/extra_requirements.txt": extra_requirements(),
        f"tests/recipes/{name}.csv": to_csv(
            corpus, [standalone_row(corpus, folder)]
        ),
    }
    # SpeechBrain's recipe runner runs a file of this name before the test.
    setup = (
        f"tests/recipes/setup/{folder.replace('/', '_')}_train/hparams_train"
    )
    files[setup] = template("recipe_test_setup.py", name, corpus.key)
    write_all_or_none(destination, files)
    (destination / setup).chmod(0o755)
    return folder, list(files)


def reached(*paths, texts):
    """Finds the files of this repository's packages that others need, by
    imports, references in settings, and names of files beside them.

    Arguments
    ---------
    *paths : pathlib.Path
        Files that are needed.
    texts : list of str
        What else is searched.

    Returns
    -------
    list of pathlib.Path
        By name, with `paths`.
    """
    module = (
        rf"(?:from|import|!new:|!apply:|!name:)\s*({'|'.join(PACKAGES)})\.(\w+)"
    )
    beside = [
        path
        for package in PACKAGES
        for path in (ROOT / package).iterdir()
        if path.is_file() and path.suffix != ".py"
    ]
    found, texts, todo = set(), list(texts), list(paths)
    while texts or todo:
        if todo:
            path = todo.pop()
            if path in found:
                continue
            found.add(path)
            texts.append(read(path))
        text = texts.pop()
        todo += [ROOT / p / f"{m}.py" for p, m in re.findall(module, text)]
        todo += [path for path in beside if path.name in text]
    return sorted(found, key=lambda path: path.name)


def without_packages(text):
    """Takes the packages from the names of modules, since all files of a
    recipe that stands alone are in one folder.

    Example
    -------
    >>> without_packages("from ser.audio import read_audio")
    'from audio import read_audio'
    """
    return re.sub(rf"\b(?:{'|'.join(PACKAGES)})[./](?=[\w<{{])", "", text)


def with_docstring(script, corpus):
    """Gives train.py the docstring of a recipe for one corpus.

    Arguments
    ---------
    script : str
        The text.
    corpus : data_prep.corpus.Corpus
        Of the recipe.

    Returns
    -------
    str
    """
    docstring = ast.parse(script).body[0]
    lines = script.splitlines(keepends=True)
    lines[docstring.lineno - 1 : docstring.end_lineno] = (
        f'"""Recipe for speech emotion recognition on {corpus.name} with wav2vec '
        "2.0, pooling\nand an MLP.\n\n"
        "To run it, in this folder:\n"
        "> python train.py hparams/train.yaml "
        f'--data_folder=/path/to/{title(corpus)}\n"""\n'
    )
    return "".join(lines)


def tidy(script):
    """Sorts the imports and breaks the lines as SpeechBrain's linter does."""
    isort = "lint.isort={known-first-party=['speechbrain']"
    isort += ", split-on-trailing-comma=false}"
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--quiet", "--config", "line-length=80"]
    for command in (
        ["check", "--fix", "--select", "I", "--config", isort],
        ["format"],
    ):
        script = subprocess.run(
            [*ruff, *command, *options, "-"],
            input=script,
            stdout=subprocess.PIPE,
            check=True,
            encoding="utf-8",
        ).stdout
    return script


def standalone_readme(corpus):
    """Makes the README of a recipe that stands alone: the facts, how to run
    it, and the results of the recipe's README here.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Of the recipe.

    Returns
    -------
    str
    """
    name = title(corpus)
    text = with_facts(template("standalone.md", name, corpus.key), corpus)
    text = re.sub(r"<!-- \w+ -->\n", "", text)
    readme = ROOT / f"recipes/{name}/README.md"
    results = "## Results\n\nNone was measured yet.\n"
    if readme.is_file() and "\n## " in read(readme):
        results = "## " + read(readme).split("\n## ", 1)[1]
        results = results.replace(f"recipes/{name}/hparams/", "hparams/")
        # What is not of this folder is not linked from it.
        results = re.sub(r"\[([^]]*)\]\(\.\.[^)]*\)", r"\1", results)
    return f"{text}\n{results}"


def extra_requirements():
    """Lists what the recipe needs and SpeechBrain does not."""
    own = {"speechbrain"} | {
        re.match(r"[\w.-]+", line)[0]
        for line in requires("speechbrain")
        if "extra ==" not in line
    }
    needed = read(ROOT / "requirements.txt").split("# Tests and checks")[0]
    lines = re.findall(r"^([\w.-]+)(.*)\n", needed, flags=re.MULTILINE)
    return "".join(
        f"{name}{versions}\n" for name, versions in lines if name not in own
    )


def standalone_row(corpus, folder):
    """Makes the row of the recipe tests, which run on what the setup of the
    test makes.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Of the recipe.
    folder : str
        Of the recipe.

    Returns
    -------
    dict
    """
    data = f"tests/tmp/{title(corpus)}"
    flags = {
        "data_folder": data,
        "train_annotation": f"{data}/train.csv",
        "valid_annotation": f"{data}/valid.csv",
        "test_annotation": f"{data}/test.csv",
        "skip_prep": True,
        "wav2vec2_hub": f"{data}/encoder",
        "cache_folder": data,
        "number_of_epochs": 2,
    }
    return trained() | {
        "Script_file": f"{folder}/train.py",
        "Hparam_file": f"{folder}/hparams/train.yaml",
        "Data_prep_file": f"{folder}/{corpus.key}_prepare.py",
        "Readme_file": f"{folder}/README.md",
        "test_debug_flags": " ".join(f"--{k}={v}" for k, v in flags.items()),
    }


# ------------------------------------ FILES ----------------------------------
def read(path):
    """Reads a text file."""
    return path.read_text(encoding="utf-8")


def write(path, text):
    """Writes a text file, with the same bytes on any system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_all_or_none(root, files):
    """Writes new files, or leaves everything as it was.

    Arguments
    ---------
    root : pathlib.Path
        Where they go.
    files : dict
        From relative paths to texts.

    Raises
    ------
    RecipeError
        If one is there.
    """
    for path in files:
        if (root / path).exists():
            raise RecipeError(
                f"{root / path} is there already: choose another name, or "
                "delete it."
            )
    made = []
    try:
        for path, text in files.items():
            folders = (root / path).parents
            for folder in reversed([f for f in folders if not f.exists()]):
                folder.mkdir()
                made.append(folder)
            made.append(root / path)
            write(root / path, text)
    except BaseException:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise


def main():
    """Runs one of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ways = parser.add_mutually_exclusive_group(required=True)
    ways.add_argument("name", nargs="?", help="of a new corpus: MyCorpus")
    ways.add_argument(
        "--sync", action="store_true", help="derive recipes/ from hparams/ anew"
    )
    ways.add_argument(
        "--standalone",
        nargs=2,
        metavar=("CORPUS", "DEST"),
        help="write a recipe as SpeechBrain's repository wants it",
    )
    args = parser.parse_args()
    if args.sync:
        files = sync()
        todo = None if files else "Nothing has drifted."
    elif args.standalone:
        name, destination = args.standalone
        folder, files = standalone(name, Path(destination))
        files = [(Path(destination) / path).as_posix() for path in files]
        todo = (
            "Next:\n"
            f"  cd {(Path(destination) / folder).as_posix()}\n"
            "  pip install -r extra_requirements.txt\n"
            "  python train.py hparams/train.yaml "
            "--data_folder=/path/to/the/corpus"
        )
    else:
        key, files = fork(args.name)
        all_corpora.cache_clear()
        files += sync()  # the list of corpora in README.md
        recipe = f"recipes/{args.name}/hparams/train.yaml"
        todo = (
            "It runs at once, on the built-in corpus:\n"
            f"  python train.py {recipe}\n"
            f"  python -m pytest tests/test_{key}.py\n"
            f"Fill in the three things in data_prep/{key}_prepare.py and the "
            f"paths in tests/test_{key}.py, then:\n"
            "  python fork.py --sync\n"
            f"  python -m data_prep {key} /path/to/{args.name} "
            f"--save_folder manifests/{key}\n"
            f"  python crossval.py {recipe} "
            f"--data_folder /path/to/{args.name} --seeds 3"
        )
    for path in files:
        print(f"wrote {path}")
    if todo:
        print(todo)


if __name__ == "__main__":
    with one_sentence_errors():
        main()
