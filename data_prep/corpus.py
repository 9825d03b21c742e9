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


@dataclass(frozen=True)
class Corpus:
    """What is particular to a corpus.

    Arguments
    ---------
    name : str
        As its authors write it.
    classes : tuple of str
        In the order of the classifier's outputs; () if `open` finds them.
    describe : Callable
        From the path of a file, relative to the data folder, to a dict with
        `spk_id`, `gender`, `emotion`, `sentence` ("" if unknown), `ID` if
        file names are not unique, and `split` if there is an official one.
        Raises ValueError with the reason why a file is not a clip.
    protocol : str
        The default, one of `PROTOCOLS`.
    folds : tuple of tuple of str
        Test speakers of EmoBox's folds; with kfold, of the corpus's own.
    emobox_clips : bool
        Whether the clips are those that EmoBox has of these speakers; of a
        variant they are not, unless it says so.
    speakers : tuple of str
        Those of the complete corpus, if they are known.
    clips : dict
        From emotions to the number of clips of the complete corpus.
    language, licence, address, citation : str
        What is spoken, what is allowed, where it is, and the paper to cite.
    defects : dict
        From IDs of clips that are known to be unfit to the reason.
    names : str
        A regular expression of its names, if `describe` needs more.
    open : Callable or None
        Takes the corpus, the data folder and the options `columns` and
        `speaker_pattern`; returns the corpus with what files there say.
    make : Callable or None
        Takes the data folder and makes the corpus, if one can be made.
    files, refused : tuple of str or None, tuple of (str, str)
        If `open` lists the files: their paths, and others with the reason.
    variants : dict
        From a suffix of the corpus's key to the fields that it changes.
    notice : str
        What must be printed with every score.
    votes : Callable or None
        Takes the data folder; returns how many listeners heard each emotion in
        each clip, a pandas.DataFrame [ID, emotion], or None if the file of
        votes is not there.
    counts_once : bool
        Whether identical audio with one label is one clip, whose copies are
        excluded: paths of a folder are not the names that a corpus gave.
    key, base, folder : str, str, pathlib.Path or None
        Its name on the command line, that of the corpus whose speakers it has
        (another if it is a variant), and where it is; no script sets them.
    """

    name: str
    classes: tuple
    describe: Callable[[PurePath], dict] | None
    protocol: str
    folds: tuple = ()
    emobox_clips: bool = True
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
    votes: Callable[[Path], object] | None = None
    counts_once: bool = False
    key: str = ""
    base: str = ""
    folder: Path | None = None


def check_protocol(name):
    """Raises RecipeError unless a protocol (str) has this name."""
    if name not in ("default", *PROTOCOLS):
        raise RecipeError(
            f"there is no protocol '{name}': expected default or one of "
            f"{', '.join(PROTOCOLS)}."
        )


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
        corpora[key] = replace(module.CORPUS, key=key, base=key)
        for suffix, changes in module.CORPUS.variants.items():
            variant = f"{key}_{suffix}"
            changes = {"emobox_clips": False, "key": variant} | changes
            corpora[variant] = replace(corpora[key], **changes)
    return corpora


def find_corpus(corpus):
    """Finds a corpus by its key.

    Arguments
    ---------
    corpus : str
        The key; capitals, hyphens and underscores do not matter.

    Returns
    -------
    Corpus

    Raises
    ------
    RecipeError
        If there is none.

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
