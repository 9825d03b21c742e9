"""What a corpus is, and which corpora there are.

A script `data_prep/<corpus>_prepare.py` declares a `Corpus` and nothing else.
"""

import difflib
import functools
import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from ser.errors import RecipeError

PROTOCOLS = ("emobox", "loso", "kfold", "official", "random")

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

# Columns of predictions.csv, which has one for each class too.
RESERVED = {"ID", "spk_id", "truth", "prediction", "protocol", "fold", "seed"}


@dataclass(frozen=True)
class Corpus:
    """What is particular to a corpus.

    Arguments
    ---------
    name : str
        As its authors write it.
    classes : tuple of str
        The emotions, in the order of the classifier's outputs; empty where
        `open` finds them in the data.
    describe : Callable
        Takes the `PurePath` of a file, relative to the data folder, and
        returns a dict with `spk_id`, `gender`, `emotion` and `sentence` (""
        where it is not known), with `ID` where the file's name is not unique,
        and with `split` (train, valid or test) where there is an official one.
        Raises ValueError with the reason why a file is no clip of the corpus.
    protocol : str
        The default: emobox, loso, kfold, official or random.
    folds : tuple of tuple of str
        Test speakers of each of EmoBox's folds, where those are
        speaker-disjoint; with kfold as the default, of the corpus's own.
    speakers : tuple of str
        Those of the complete corpus, where they are known.
    clips : dict
        From emotions to the number of clips of the complete corpus.
    language, licence, address, citation : str
        What is spoken, what is allowed, where it is, and the paper to cite.
    defects : dict
        From IDs of clips that are known to be unfit to the reason.
    names : str
        A regular expression that its file names match, where `describe` needs
        more than the name.
    open : Callable or None
        Takes the corpus, the data folder and the options (`columns` and
        `speaker_pattern` of the settings), and returns the corpus with what
        the files there say: `describe`, or the classes.
    make : Callable or None
        Takes the data folder and makes the corpus, where one can be made.
    files : tuple of str or None
        The files, relative to the folder, where a table lists them.
    refused : tuple of (str, str)
        Files that a table lists and that cannot be used, and the reason.
    variants : dict
        From a suffix of the corpus's key to the fields that it changes.
    notice : str
        What must be printed with every score.
    key : str
        Its name on the command line; set by `all_corpora`.
    folder : pathlib.Path or None
        Where it is; set by `data_prep.corpora.Corpora`.
    """

    name: str
    classes: tuple
    describe: Callable[[PurePath], dict] | None
    protocol: str
    folds: tuple = ()
    speakers: tuple = ()
    clips: Mapping[str, int] = field(default_factory=dict)
    language: str = ""
    licence: str = ""
    address: str = ""
    citation: str = ""
    defects: Mapping[str, str] = field(default_factory=dict)
    names: str = ""
    open: Callable | None = None
    make: Callable[[Path], None] | None = None
    files: tuple | None = None
    refused: tuple = ()
    variants: Mapping[str, dict] = field(default_factory=dict)
    notice: str = ""
    key: str = ""
    folder: Path | None = None


@functools.cache
def all_corpora():
    """Imports the scripts of all corpora.

    Returns
    -------
    dict
        From keys, sorted, to `Corpus`; variants follow their corpus.
    """
    corpora = {}
    for script in sorted(Path(__file__).parent.glob("*_prepare.py")):
        module = importlib.import_module(f"data_prep.{script.stem}")
        key = script.stem.removesuffix("_prepare")
        corpora[key] = replace(module.CORPUS, key=key)
        for suffix, changes in module.CORPUS.variants.items():
            variant = f"{key}_{suffix}"
            corpora[variant] = replace(corpora[key], key=variant, **changes)
    return corpora


def find_corpus(corpus):
    """Finds a corpus by its key.

    Arguments
    ---------
    corpus : str
        Such as "ravdess", for `data_prep/ravdess_prepare.py`; capitals,
        hyphens and underscores do not matter.

    Returns
    -------
    Corpus

    Raises
    ------
    RecipeError
        If there is no such corpus.

    Example
    -------
    >>> find_corpus("EMO-DB").key
    'emodb'
    """
    known = {plain(key): found for key, found in all_corpora().items()}
    if plain(corpus) not in known:
        near = difflib.get_close_matches(plain(corpus), known, n=1)
        hint = f" (did you mean {known[near[0]].key}?)" if near else ""
        raise RecipeError(
            f"there is no corpus '{corpus}'{hint}: expected one of "
            f"{', '.join(all_corpora())} (each has a script, "
            "<corpus>_prepare.py)."
        )
    return known[plain(corpus)]


def plain(name):
    """Reduces a name to its letters and digits, in lower case."""
    return re.sub(r"[\W_]", "", name).lower()
