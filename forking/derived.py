"""What follows from the declarations of the corpora: facts in READMEs, tables
of recipe tests, and `data_folder` in the settings of a recipe.
"""

import pandas as pd
from data_prep.corpus import find_corpus
from data_prep.facts import derived_readmes
from ser.files import write_text
from ser.settings_file import values

COLUMNS = (
    "Task Dataset Script_file Hparam_file Data_prep_file Readme_file "
    "Result_url HF_repo test_debug_flags test_debug_checks performance"
).split()
SETTINGS = ("train", "finetune")
LOGS = "train_log.txt,log.txt,env.log,hyperparams.yaml,save/label_encoder.txt"


def derived_files(root):
    """Derives what may not drift in a repository: from paths, relative to its
    root, to texts."""
    files = dict(derived_readmes(root))
    for folder in sorted(root.glob("recipes/*")):
        corpus, recipe = find_corpus(folder.name), f"recipes/{folder.name}"
        for stem in SETTINGS:
            path = f"{recipe}/hparams/{stem}.yaml"
            text = (root / path).read_text("utf-8")
            files[path] = with_data_folder(text, corpus)
        files[f"tests/{recipe}.csv"] = recipe_table(
            corpus,
            recipe,
            script="train.py",
            preparation=f"data_prep/{corpus.key}_prepare.py",
            flags="--corpus=demo --data_folder=cache/demo_corpus",
            results="predictions.csv,metrics.json,report.html",
        )
    return files


def with_data_folder(settings, corpus):
    """Asks for the data folder, once a corpus has data of its own."""
    if corpus.make or "data_folder" in values(settings):
        return settings
    where = f"where {corpus.name} is, such as /path/to/{corpus.name}"
    return f"{settings}data_folder: !PLACEHOLDER  # {where}\n"


def recipe_table(corpus, folder, script, preparation, flags, results):
    """Writes the table that SpeechBrain's recipe tests read, as CSV: a row for
    each settings file, which is run for two epochs.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Of the recipes.
    folder, script, preparation : str
        Paths of the recipe's folder and scripts.
    flags : str
        The data of the test, on the command line.
    results : str
        What a run leaves beside its logs, with commas.

    Returns
    -------
    str
    """
    rows = [
        {
            "Task": "Emotion_recognition",
            "Dataset": recipe_name(corpus),
            "Script_file": script,
            "Hparam_file": f"{folder}/hparams/{stem}.yaml",
            "Data_prep_file": preparation,
            "Readme_file": f"{folder}/README.md",
            "test_debug_flags": f"{flags} --number_of_epochs=2",
            "test_debug_checks": f"file_exists=[{LOGS},{results}] "
            "performance_check=[train_log.txt, train loss, <3, epoch: 2]",
        }
        for stem in SETTINGS
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.to_csv(index=False, lineterminator="\n")


def recipe_name(corpus):
    """Returns the name of the folder of a `Corpus` in recipes/, such as
    RAVDESS-song."""
    return corpus.name.replace(" ", "-")


def sync(root):
    """Writes what is derived anew, if it has drifted, in the repository at a
    pathlib.Path; returns the paths, relative to it, that were written."""
    written = []
    for path, text in derived_files(root).items():
        target = root / path
        if not target.is_file() or target.read_text("utf-8") != text:
            write_text(text, target)
            written.append(path)
    return written
