"""What follows from the declarations of the corpora: facts in READMEs, rows of
the recipe tests, and `data_folder` in the settings of a recipe.
"""

from data_prep.corpus import find_corpus
from data_prep.facts import derived_readmes
from forking.recipe_tests import recipe_table
from ser.files import write_text
from ser.settings import values

RESULTS = "predictions.csv,metrics.json,report.html"


def derived_files(root):
    """Derives what may not drift in the whole repository.

    Arguments
    ---------
    root : pathlib.Path
        Of the repository.

    Returns
    -------
    dict
        From paths, relative to the root, to texts.
    """
    files = dict(derived_readmes(root))
    for folder in sorted(root.glob("recipes/*")):
        corpus = find_corpus(folder.name)
        rows = []
        for path in sorted(folder.glob("hparams/*.yaml"), reverse=True):
            text = with_data_folder(path.read_text("utf-8"), corpus)
            path = path.relative_to(root).as_posix()
            files[path] = text
            rows.append(recipe_row(corpus, path))
        table = recipe_table(corpus, rows)
        files[f"tests/recipes/{folder.name}.csv"] = table
    return files


def with_data_folder(settings, corpus):
    """Asks for the data folder, once a corpus has data of its own."""
    if corpus.make or "data_folder" in values(settings):
        return settings
    where = f"where {corpus.name} is, such as /path/to/{corpus.name}"
    return f"{settings}data_folder: !PLACEHOLDER  # {where}\n"


def recipe_row(corpus, path):
    """Makes the row of one settings file, tested on the built-in corpus."""
    flags = "--corpus=demo --data_folder=cache/demo_corpus"
    quick = path.endswith("/train.yaml")  # enough to be run to its end
    return {
        "Script_file": "train.py",
        "Hparam_file": path,
        "Data_prep_file": f"data_prep/{corpus.key}_prepare.py",
        "Readme_file": path.split("/hparams/")[0] + "/README.md",
        "test_debug_flags": flags + " --number_of_epochs=2" * quick,
        "test_debug_checks": RESULTS * quick,
    }


def sync(root):
    """Writes what is derived anew, where it has drifted.

    Arguments
    ---------
    root : pathlib.Path
        Of the repository.

    Returns
    -------
    list of str
        The paths that were written, relative to the root.
    """
    written = []
    for path, text in derived_files(root).items():
        target = root / path
        if not target.is_file() or target.read_text("utf-8") != text:
            write_text(text, target)
            written.append(path)
    return written
