"""The export of a recipe into SpeechBrain's own layout, where it needs nothing
of this repository.
"""

import re
from pathlib import Path

import yaml
from data_prep.corpus import find_corpus
from data_prep.facts import list_facts
from forking.derived import SETTINGS, recipe_name, recipe_table
from forking.new_files import write_new
from forking.splice import splice
from ser.errors import RecipeError
from ser.settings_file import read_settings

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "forking/templates/standalone"
MARKER = "# RECIPE BEGINS!\n"
MODULES = (
    "audio batches embeddings encoder encoding epochs errors head hidden_states "
    "pooling speakers store"
).split()

# Settings of several corpora, of other protocols and of the report
OURS = (
    "corpus protocol num_folds text_independent label_set test_corpus "
    "test_data_folder columns speaker_pattern max_duration audio_index corpora labels "
    "read_labels save_model report"
).split()
# A trained encoder stores no embeddings, and augmentation is off by default.
UNUSED = (
    "embedding_store store_precision encode_batch_length encode_workers store_embeddings "
    "augment speed noise drop_chunk drop_frequency wav_augment"
).split()
LEFT_OUT = {"train": OURS, "finetune": OURS + UNUSED}

SOURCE = """\
Measured in the repository that this recipe comes from, with its built-in
encoder; the default here is facebook/wav2vec2-base.
"""

# If a protocol tests clips and not the speakers of a fold
NAMED_BY = {
    "random": "names_by_clip(table, folds[fold - 1], ",
    "official": "names_given(table, ",
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
    files = {
        "train.py": export_script(),
        f"{corpus.key}_prepare.py": export_preparation(
            corpus, read(script_of(corpus))
        ),
        "README.md": fill_in(
            "README.md",
            corpus,
            FACTS=list_facts(corpus),
            RESULTS=export_results(corpus),
            CITATION=corpus.citation,
        ),
        "extra_requirements.txt": fill_in("extra_requirements.txt", corpus),
    }
    for module in MODULES:
        text = read(ROOT / f"ser/{module}.py")
        text = text.replace("-r requirements.txt", "-r extra_requirements.txt")
        files[f"ser/{module}.py"] = text
    for stem in SETTINGS:
        files[f"hparams/{stem}.yaml"] = export_settings(stem, corpus)
    files = {f"{folder}/{path}": text for path, text in files.items()}
    data = f"tests/tmp/{name}"
    files[f"tests/recipes/{name}.csv"] = recipe_table(
        corpus,
        folder,
        script=f"{folder}/train.py",
        preparation=f"{folder}/{corpus.key}_prepare.py",
        flags=f"--data_folder={data} --train_annotation={data}/train.csv "
        f"--valid_annotation={data}/valid.csv "
        f"--test_annotation={data}/test.csv --skip_prep=True "
        f"--wav2vec2_hub={data}/encoder --cache_folder={data}",
        results="predictions.csv,metrics.json",
    )
    # SpeechBrain's recipe tests run a file of this name before a recipe.
    setup = f"tests/recipes/setup/{folder.replace('/', '_')}_train"
    files[f"{setup}/hparams_train"] = fill_in("test_setup.py", corpus)
    files[f"{setup}/hparams_finetune"] = (
        '#!/bin/sh\nexec "$(dirname "$0")/hparams_train"\n'
    )
    write_new(files, destination)
    for path in (destination / setup).iterdir():
        path.chmod(0o755)
    return folder, list(files)


def check_corpus(corpus):
    """Raises if a corpus cannot have a recipe that stands alone."""
    if corpus.make or not corpus.address:
        raise RecipeError(
            f"{corpus.name} is the built-in corpus or anyone's, so a recipe "
            "for it cannot stand alone: fill in a corpus of your own (python "
            "fork.py MyCorpus), or name one such as RAVDESS."
        )
    if not script_of(corpus).is_file():
        raise RecipeError(
            f"{corpus.name} is a part of another corpus: name that one."
        )
    if corpus.open or corpus.files is not None:
        raise RecipeError(
            f"the labels of {corpus.name} are in files of their own, which an "
            "exported preparation does not read: name a corpus whose file "
            "names tell them, such as RAVDESS."
        )


def script_of(corpus):
    """Returns the path of the script that declares a corpus."""
    return ROOT / f"data_prep/{corpus.key}_prepare.py"


def read(path):
    """Reads a text file."""
    return path.read_text("utf-8")


def fill_in(template, corpus, **texts):
    """Reads a template, with a corpus in place of MyCorpus, and texts in place
    of their names."""
    names = {"MyCorpus": recipe_name(corpus), "my_corpus": corpus.key}
    filled = read(TEMPLATES / template)
    for name, text in (names | texts).items():
        filled = filled.replace(name, text)
    return filled


def export_script():
    """Makes train.py: this repository's up to the marker, then a main block
    that needs no report."""
    core, _ = read(ROOT / "train.py").split(MARKER)
    # SpeechBrain's scripts have the help of SpeechBrain.
    core = re.sub(
        r"import sys\n\nfrom ser.usage.*?(?=import logging)",
        "",
        core,
        flags=re.S,
    )
    core = core.replace("import logging\n", "import logging\nimport sys\n", 1)
    return core + MARKER + read(TEMPLATES / "main.py").split(MARKER)[1]


def export_preparation(corpus, script):
    """Makes the preparation script, for a corpus's default protocol, from the
    text of the script that declares it."""
    text = fill_in("prepare.py", corpus)
    text = text.replace("= kfold_folds(", f"= {corpus.protocol}_folds(")
    by_speaker = "names_by_speaker(table, folds, fold, "
    text = text.replace(by_speaker, NAMED_BY.get(corpus.protocol, by_speaker))
    file_names, *modules = (
        read(ROOT / f"data_prep/{module}.py")
        for module in ("file_names", "manifest", "protocol", "split")
    )
    return splice(text, file_names + script, modules)


def export_settings(stem, corpus):
    """Makes a whole settings file, of the corpus's recipe if it has one."""
    path = ROOT / f"recipes/{recipe_name(corpus)}/hparams/{stem}.yaml"
    if not path.is_file():
        path = ROOT / f"hparams/{stem}.yaml"
    text = read_settings(path)
    classes = yaml.safe_dump([*corpus.classes], default_flow_style=True)
    classes, number = " ".join(classes.split()), str(len(corpus.classes))
    own = fill_in("settings.yaml", corpus, CLASSES=classes, NUMBER=number)
    block = r"^{}:.*\n(?:[ \t]+.*\n)*"  # a key with its indented lines
    own = re.finditer(block.format(r"(\w+)"), own, flags=re.MULTILINE)
    changes = {found[1]: found[0] for found in own}
    changes |= dict.fromkeys(LEFT_OUT[stem], "")
    for key, change in changes.items():
        key = re.compile(block.format(key), flags=re.MULTILINE)
        text = key.sub(lambda _: change, text)
    for ours, theirs in (
        ("<corpus>", corpus.key),
        ("        history: !ref <train_logger>\n", ""),
        ("ser.checkpoint.Atomic", "speechbrain.utils.checkpoints."),
    ):
        text = text.replace(ours, theirs)
    heading = r"# -+ [A-Z ]+ -+\n"
    text = re.sub(rf"{heading}\n+(?={heading})", "", text)  # of nothing now
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def export_results(corpus):
    """Takes from a recipe's README what is between its marks of results, with
    the words of links to other files in place of these links."""
    path = ROOT / f"recipes/{recipe_name(corpus)}/README.md"
    text = read(path) if path.is_file() else ""
    text = re.search(r"<!-- results -->(.*?)<!-- end -->", text, re.DOTALL)
    if not text or "|" not in text[1]:
        return "Nothing was measured yet."
    text = SOURCE + re.sub(r"\[([^]]+)\]\(\.\.[^)]*\)", r"\1", text[1].rstrip())
    text = re.sub(r"recipes/[^/]*/hparams/", "hparams/", text)
    if "A fold takes" not in text:
        text += "\n\nThe training time was not measured."
    return text
