"""A start for a new corpus, which runs on the built-in one until it is filled
in.
"""

import re
from pathlib import Path

from data_prep.corpus import all_corpora, plain
from forking.new_files import write_new
from ser.errors import RecipeError

TEMPLATES = Path(__file__).parent / "templates/new_corpus"


def start_corpus(name, root):
    """Copies the templates, with a name in place of MyCorpus.

    Arguments
    ---------
    name : str
        Of the corpus, such as MyCorpus.
    root : pathlib.Path
        Of the repository.

    Returns
    -------
    key : str
        The corpus on the command line, such as my_corpus.
    files : list of str
        The paths of what was written, relative to the root.

    Raises
    ------
    RecipeError
        If Python cannot have the name, or it is taken.
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
    words = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    key = re.sub(words, "_", name).lower()
    files = {}
    for path in sorted(TEMPLATES.rglob("*.*")):
        if path.suffix in (".py", ".yaml", ".md"):
            pair = (
                path.relative_to(TEMPLATES).as_posix(),
                path.read_text("utf-8"),
            )
            path, text = (
                text.replace("MyCorpus", name).replace("my_corpus", key)
                for text in pair
            )
            files[path] = text
    write_new(files, root)
    all_corpora.cache_clear()
    return key, list(files)
