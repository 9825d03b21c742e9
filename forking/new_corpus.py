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
    key = to_key(name)

    def renamed(text):
        """Puts the name in place of the template's."""
        return text.replace("MyCorpus", name).replace("my_corpus", key)

    files = {
        renamed(path.relative_to(TEMPLATES).as_posix()): renamed(
            path.read_text("utf-8")
        )
        for path in sorted(TEMPLATES.rglob("*.*"))
        if path.suffix in (".py", ".yaml", ".md")
    }
    write_new(files, root)
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


def places_to_fill_in(files):
    """Lists where a start says FILL IN, in the order of its numbers.

    Arguments
    ---------
    files : dict
        From paths to texts.

    Returns
    -------
    list of str

    Example
    -------
    >>> places_to_fill_in(
    ...     {"a.py": "# FILL IN 2, more: of it\\n# FILL IN 1, a:"}
    ... )
    ['1. a: a.py, line 2', '2. more: a.py, line 1']
    """
    places = []
    for path, text in files.items():
        for line, words in enumerate(text.splitlines(), start=1):
            if place := re.search(r"FILL IN (\d+), ([^:.]+)", words):
                number, what = place.groups()
                places.append((int(number), f"{what}: {path}, line {line}"))
    return [f"{number}. {place}" for number, place in sorted(places)]
