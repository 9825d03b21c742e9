"""The export of a recipe into SpeechBrain's own layout, where it needs nothing
of this repository.
"""

import re
import textwrap
from pathlib import Path

import yaml
from data_prep.corpus import find_corpus
from data_prep.facts import between_marks, list_facts
from forking.new_files import write_new
from forking.recipe_tests import recipe_name, recipe_table
from forking.splice import splice
from ser.errors import RecipeError
from ser.settings import read_settings

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "forking/templates/standalone"
MARKER = "# RECIPE BEGINS!\n"
MODULES = ("audio", "embeddings", "encoder", "errors", "head", "pooling")
SETTINGS = ("train", "finetune")
REQUIRED = ("pandas", "scikit-learn", "transformers")  # SpeechBrain does not

# Settings of several corpora, of other protocols and of the report
DROPPED = (
    "corpus protocol num_folds text_independent label_set test_corpus "
    "test_data_folder columns speaker_pattern audio_index corpora report"
).split()

# Columns of a recipe's table of results that an export leaves out
HIDDEN = ("mean of folds, UAR / WA / F1", "worst speaker, UAR", "Model link")

SOURCE = (
    "Measured in the repository that the recipe comes from, whose built-in "
    "encoder is small; the default here is facebook/wav2vec2-base."
)
ELSEWHERE = r"\]\(\.\.| below| above"

# The template's calls by protocol: how folds are made, and clips are named
CALLS = {
    "emobox": ("emobox_folds(table)", "names_by_speaker(table, folds, fold, "),
    "loso": ("loso_folds(table)", "names_by_speaker(table, folds, fold, "),
    "kfold": ("kfold_folds(table)", "names_by_speaker(table, folds, fold, "),
    "random": ("random_folds(table)", "names_by_clip(table, folds[fold - 1], "),
    "official": ("[[]]", "names_given(table, "),
}


def export_recipe(name, destination):
    """Writes a recipe as SpeechBrain's repository has them.

    Arguments
    ---------
    name : str
        Of the corpus, such as RAVDESS.
    destination : pathlib.Path
        A checkout of SpeechBrain, or any folder.

    Returns
    -------
    folder : str
        Of the recipe, relative to the destination.
    files : list of str
        The paths of what was written, relative to the destination.

    Raises
    ------
    RecipeError
        If the corpus cannot have a recipe of its own, or the recipe exists.
    """
    corpus = find_corpus(name)
    check_corpus(corpus)
    name = recipe_name(corpus)
    folder = f"recipes/{name}/emotion_recognition"
    script = corpus_script(corpus).read_text("utf-8")
    files = {
        "train.py": export_script(),
        f"{corpus.key}_prepare.py": export_preparation(corpus, script),
        **{
            f"ser/{m}.py": (ROOT / f"ser/{m}.py").read_text("utf-8")
            for m in MODULES
        },
        **{f"hparams/{s}.yaml": export_settings(s, corpus) for s in SETTINGS},
        "README.md": export_readme(corpus),
        "extra_requirements.txt": extra_requirements(),
    }
    files = {f"{folder}/{path}": text for path, text in files.items()}
    rows = [recipe_row(corpus, folder, stem) for stem in SETTINGS]
    files[f"tests/recipes/{name}.csv"] = recipe_table(corpus, rows)
    # SpeechBrain's recipe tests run a file of this name before a recipe.
    setup = f"tests/recipes/setup/{folder.replace('/', '_')}_train"
    files[f"{setup}/hparams_train"] = template("test_setup.py", corpus)
    files[f"{setup}/hparams_finetune"] = (
        '#!/bin/sh\nexec "$(dirname "$0")/hparams_train"\n'
    )
    write_new(files, destination)
    for path in (destination / setup).iterdir():
        path.chmod(0o755)
    return folder, list(files)


def check_corpus(corpus):
    """Raises where a corpus cannot have a recipe that stands alone."""
    if corpus.make or not corpus.address:
        raise RecipeError(
            f"{corpus.name} is the built-in corpus or anyone's, so a recipe "
            "for it cannot stand alone: fill in a corpus of your own (python "
            "fork.py MyCorpus), or name one such as RAVDESS."
        )
    if not corpus_script(corpus).is_file():
        raise RecipeError(
            f"{corpus.name} is a part of another corpus: name that one."
        )
    if corpus.open or corpus.files is not None:
        raise RecipeError(
            f"the labels of {corpus.name} are in files of their own, which an "
            "exported preparation does not read: name a corpus whose file "
            "names tell them, such as RAVDESS."
        )


def corpus_script(corpus):
    """Returns the path of the script that declares a corpus."""
    return ROOT / f"data_prep/{corpus.key}_prepare.py"


def template(path, corpus):
    """Reads a template, with a corpus in place of MyCorpus."""
    text = (TEMPLATES / path).read_text("utf-8")
    text = text.replace("MyCorpus", recipe_name(corpus))
    return text.replace("my_corpus", corpus.key)


def export_script():
    """Makes train.py: this repository's up to the marker, then a main block
    that needs no report."""
    core = (ROOT / "train.py").read_text("utf-8").split(MARKER)[0]
    main = (TEMPLATES / "main.py").read_text("utf-8").split(MARKER)[1]
    return core + MARKER + main


def export_preparation(corpus, script):
    """Makes the preparation script, for the corpus's default protocol, from
    the text of the script that declares it."""
    folds, names = CALLS[corpus.protocol]
    text = template("prepare.py", corpus)
    text = text.replace("= kfold_folds(table)", f"= {folds}")
    text = text.replace("= names_by_speaker(table, folds, fold, ", f"= {names}")
    modules = ("file_names", "manifest", "protocol", "split")
    paths = (ROOT / f"data_prep/{module}.py" for module in modules)
    file_names, *others = (path.read_text("utf-8") for path in paths)
    return splice(text, script, file_names, others)


def export_settings(stem, corpus):
    """Makes a whole settings file, of the corpus's recipe where it has one."""
    path = ROOT / f"recipes/{recipe_name(corpus)}/hparams/{stem}.yaml"
    if not path.is_file():
        path = ROOT / f"hparams/{stem}.yaml"
    text = read_settings(path)
    own = template("settings.yaml", corpus)
    classes = yaml.safe_dump(list(corpus.classes), default_flow_style=True)
    own = own.replace("[CLASSES]", " ".join(classes.split()))
    own = own.replace("NUMBER_OF_CLASSES", str(len(corpus.classes)))
    block = r"^{}:.*\n(?:[ \t]+.*\n)*"  # a key with its indented lines
    own = re.finditer(block.format(r"(\w+)"), own, flags=re.MULTILINE)
    changes = dict.fromkeys(DROPPED, "") | {found[1]: found[0] for found in own}
    for key, change in changes.items():
        text, number = re.subn(
            block.format(key), lambda _: change, text, flags=re.MULTILINE
        )
        if number != 1:
            raise RecipeError(
                f"{path} has the key {key} {number} times, and an export "
                "changes it: expected it once."
            )
    for ours, theirs in (
        ("<corpus>", corpus.key),
        ("        history: !ref <train_logger>\n", ""),
        ("ser.checkpoint.Atomic", "speechbrain.utils.checkpoints."),
    ):
        text = text.replace(ours, theirs)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def export_readme(corpus):
    """Makes the README, with the results of the corpus's recipe here."""
    text = template("README.md", corpus)
    text = between_marks(text, "facts", list_facts(corpus))
    text = re.sub(r"<!-- \w+ -->\n", "", text)
    text = text.replace("CITATION", corpus.citation)
    readme = ROOT / f"recipes/{recipe_name(corpus)}/README.md"
    results = readme.read_text("utf-8") if readme.is_file() else ""
    return text.replace("RESULTS", export_results(results))


def export_results(readme):
    """Takes from a recipe's README what was measured: the first paragraph, but
    for sentences that point elsewhere, the table, and the training time."""
    section = readme.partition("## Measured here\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    if not lines:
        return "None was measured yet."
    section = re.sub(r"\s\(\[[^]]*\]\(\.\.[^)]*\)\)", "", section)
    section = " ".join(section.split())
    sentences = re.split(r"(?<=[.*]) (?=[A-Z*[])", section.split(" |")[0])
    prose = " ".join(s for s in sentences if not re.search(ELSEWHERE, s))
    time = re.search(r"A fold takes.*?\.(?= |$)", section)
    time = time[0] if time else "The training time was not measured."
    rows = [[c.strip() for c in line[1:-1].split("|")] for line in lines]
    kept = [i for i, title in enumerate(rows[0]) if title not in HIDDEN]
    table = [f"| {' | '.join(row[i] for i in kept)} |" for row in rows]
    table = re.sub(r"recipes/[^/]*/hparams/", "hparams/", "\n".join(table))
    prose = textwrap.fill(f"{SOURCE} {prose}", 80)
    return f"{prose}\n\n{table}\n\n{textwrap.fill(time, 80)}"


def extra_requirements():
    """Lists what a recipe needs and SpeechBrain does not require, with floors
    only."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    lines = re.findall(r"^([\w-]+)(>=[\w.]+)", text, flags=re.MULTILINE)
    return "".join(f"{n}{floor}\n" for n, floor in lines if n in REQUIRED)


def recipe_row(corpus, folder, stem):
    """Makes the row of a recipe test, which runs on what its set-up makes."""
    data = f"tests/tmp/{recipe_name(corpus)}"
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
    return {
        "Script_file": f"{folder}/train.py",
        "Hparam_file": f"{folder}/hparams/{stem}.yaml",
        "Data_prep_file": f"{folder}/{corpus.key}_prepare.py",
        "Readme_file": f"{folder}/README.md",
        "test_debug_flags": " ".join(f"--{k}={v}" for k, v in flags.items()),
        "test_debug_checks": "predictions.csv,metrics.json",
    }
