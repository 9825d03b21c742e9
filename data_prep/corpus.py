"""What is particular to a corpus, and which corpora there are.

A script `data_prep/<corpus>_prepare.py` declares a `Corpus` and nothing else.
"""

import difflib
import functools
import importlib
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from ser.errors import RecipeError

PROTOCOLS = ("emobox", "loso", "kfold", "official", "random")

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff")

# Columns of predictions.csv, which has one for each class too.
RESERVED = {"ID", "spk_id", "truth", "prediction", "protocol", "fold", "seed"}

# Four classes that most corpora have, in EmoBox's mapping of their names,
# https://github.com/emo-box/EmoBox; what is not here has no place in the set.
COMMON = {
    "angry": "angry",
    "anger": "angry",
    "happy": "happy",
    "happiness": "happy",
    "joy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
}


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
        where it is not known), and, where the file's name is not unique, `ID`;
        with `split` (train, valid or test) where the corpus has an official
        one. Raises ValueError with the reason why a file is no clip of the
        corpus.
    protocol : str
        The default: emobox, loso, kfold, official or random.
    folds : tuple of tuple of str
        Test speakers of each of EmoBox's folds, where these are
        speaker-disjoint; with kfold as the default, of its own.
    speakers : tuple of str
        Those of the whole corpus, where they are known.
    clips : dict
        From emotions to the number of clips of the whole corpus.
    language, licence, address, citation : str
        What it speaks, what it allows, where it is, and the paper to cite.
    defects : dict
        From IDs to the reason why a clip that is known to be unfit is
        excluded.
    names : str
        A regular expression of the names of its files, where `describe` needs
        more than the name.
    open : Callable or None
        Takes the corpus, the data folder and the options (`columns` and
        `speaker_pattern` of the settings), and returns the corpus with what
        is in files there: `describe`, or the classes.
    make : Callable or None
        Takes the data folder and makes the corpus, where one can be made.
    files : tuple of str or None
        The files, relative to the folder, where a table lists them.
    refused : tuple of (str, str)
        What a table lists and cannot serve, and the reason.
    variants : dict
        From a suffix of the corpus's name to the fields that it changes.
    notice : str
        What must be said with every score.
    key : str
        What the command line calls it; set by `find_corpus`.
    folder : pathlib.Path or None
        Where it is; set by `open_corpora`.
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
    """Finds the corpora that there is a script for, and their variants.

    Returns
    -------
    dict
        From what the command line calls it to the `Corpus`, by name.
    """
    corpora = {}
    for script in sorted(Path(__file__).parent.glob("*_prepare.py")):
        module = importlib.import_module(f"data_prep.{script.stem}")
        key = script.stem[: -len("_prepare")]
        corpora[key] = replace(module.CORPUS, key=key)
        for suffix, changes in module.CORPUS.variants.items():
            variant = f"{key}_{suffix}"
            corpora[variant] = replace(corpora[key], key=variant, **changes)
    return corpora


def find_corpus(corpus):
    """Finds the declaration of a corpus.

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
        If there is no such script.

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
    """Leaves the letters and digits of a name, in lower case."""
    return re.sub(r"[\W_]", "", name).lower()


def looks_like(folder, but):
    """Says of which corpus the files of a folder have the names.

    Arguments
    ---------
    folder : pathlib.Path
        Where the files are.
    but : Corpus
        The one that they are not.

    Returns
    -------
    str
        "" where it is not known.
    """
    endings = (*AUDIO_ENDINGS, ".mp4")
    files = (
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in endings
    )
    files = list(itertools.islice(files, 500))

    def count(corpus):
        """Counts the files that have names of a corpus."""
        return sum(is_clip(corpus, path) for path in files)

    # What can be made, or takes any name, is not looked like.
    known = [c for c in all_corpora().values() if c.address and not c.make]
    best = max(known, key=count)
    if count(best) <= len(files) / 2 or (
        but.classes and count(but) >= count(best)
    ):
        return ""
    return f", and the names look like {best.name} (--corpus {best.key})"


def is_clip(corpus, path):
    """Says whether a file has a name as those of a corpus."""
    if corpus.names:
        return bool(re.fullmatch(corpus.names, path.stem))
    try:
        return corpus.describe(PurePath(path))["emotion"] in corpus.classes
    except ValueError:
        return False


def open_corpora(corpus, data_folder, label_set, columns, speaker_pattern):
    """Finds the corpora that a run names, and where they are.

    Arguments
    ---------
    corpus : str
        A name, or several with commas between.
    data_folder : str or pathlib.Path
        Where it is, or as many as there are names, with commas between.
    label_set : str
        "own", "common", or the classes to keep, with commas between.
    columns : str
        Which column of a table is what, such as "wav=file emotion=label".
    speaker_pattern : str
        A regular expression that finds the speaker in a path of the corpus
        `folder`.

    Returns
    -------
    list of Corpus
        With classes and folder.

    Raises
    ------
    RecipeError
        If a corpus does not exist, or the class sets differ.
    """
    names = [name.strip() for name in str(corpus).split(",")]
    folders = [str(data_folder)]
    if len(names) > 1:  # the path of a lone corpus may hold a comma
        folders = [folder.strip() for folder in folders[0].split(",")]
    if len(folders) != len(names):
        raise RecipeError(
            f"{len(names)} corpora ({', '.join(names)}) were given "
            f"{len(folders)} data folders: give as many, with commas between."
        )
    options = {"columns": columns, "speaker_pattern": speaker_pattern}
    opened = []
    for name, folder in zip(names, folders):
        found = replace(find_corpus(name), folder=Path(folder))
        if not found.classes:  # they are in the data
            found = replace(open_corpus(found, options), open=None)
        opened.append(with_label_set(found, label_set))
    keys = [found.key for found in opened]
    if len(set(keys)) < len(keys):
        raise RecipeError(
            f"the corpora {', '.join(keys)} hold one twice: name each once."
        )
    check_classes(opened)
    return opened


def open_corpus(corpus, options):
    """Reads what a corpus has in files of its own, such as labels.

    Arguments
    ---------
    corpus : Corpus
        With folder, and labels of its own.
    options : dict
        `columns` and `speaker_pattern` of the settings.

    Returns
    -------
    Corpus
    """
    try:
        return corpus.open(corpus, corpus.folder, options)
    except RecipeError as error:
        other = looks_like(corpus.folder, corpus)
        raise RecipeError(f"{str(error).rstrip('.')}{other}.") from error


def with_label_set(corpus, label_set):
    """Gives a corpus its label set: own, common, or the classes to keep."""
    if label_set == "common":
        return with_common_labels(corpus)
    return corpus if label_set == "own" else with_classes(corpus, label_set)


def check_classes(corpora):
    """Raises where corpora that share a classifier have other classes.

    Arguments
    ---------
    corpora : list of Corpus
        With classes.

    Raises
    ------
    RecipeError
        Naming the first pair.
    """
    first = corpora[0]
    for other in corpora[1:]:
        if set(first.classes) != set(other.classes):
            raise RecipeError(
                f"{first.key} has the classes {', '.join(first.classes)} and "
                f"{other.key} has {', '.join(other.classes)}: pass "
                "--label_set common, which both are mapped to."
            )


def common_classes():
    """Lists the classes of the common label set."""
    return tuple(sorted(set(COMMON.values())))


def with_common_labels(corpus):
    """Maps a corpus to the common label set; clips that have no place in it
    are excluded.

    Arguments
    ---------
    corpus : Corpus
        With labels of its own.

    Returns
    -------
    Corpus
    """
    classes = {COMMON[name] for name in corpus.classes if name in COMMON}
    if not classes:
        raise RecipeError(
            f"{corpus.name} has the classes {', '.join(corpus.classes)} and "
            f"none of the common label set ({', '.join(common_classes())}): "
            "leave --label_set out."
        )
    clips = {}
    for emotion, number in corpus.clips.items():
        if emotion in COMMON:
            mapped = COMMON[emotion]
            clips[mapped] = clips.get(mapped, 0) + number
    return replace(
        corpus,
        classes=common_classes(),
        clips=clips,
        describe=functools.partial(describe_common, corpus.describe),
    )


def with_classes(corpus, label_set):
    """Keeps some of a corpus's classes; clips of others are excluded.

    Arguments
    ---------
    corpus : Corpus
        With all its classes.
    label_set : str
        Those to keep, with commas between.

    Returns
    -------
    Corpus
    """
    classes = tuple(name.strip() for name in label_set.split(","))
    unknown = [name for name in classes if name not in corpus.classes]
    if unknown or len(set(classes)) < max(2, len(classes)):
        raise RecipeError(
            f"label_set is '{label_set}': expected own, common "
            f"({', '.join(common_classes())}), or two or more of the classes "
            f"of {corpus.name} ({', '.join(corpus.classes)}), with commas "
            "between."
        )
    clips = {k: n for k, n in corpus.clips.items() if k in classes}
    return replace(corpus, classes=classes, clips=clips)


def describe_common(describe, path):
    """Describes a clip, its emotion one of the common label set."""
    clip = describe(path)
    if clip["emotion"] not in COMMON:
        raise ValueError(
            f"emotion not in the common label set: {clip['emotion']}"
        )
    return clip | {"emotion": COMMON[clip["emotion"]]}


class Corpora:
    """The corpora of a run: those that it trains on and, where they are not
    the same, that it is tested on.

    Arguments
    ---------
    corpus, data_folder, label_set, columns, speaker_pattern : str
        As those of `open_corpora`.
    test_corpus, test_data_folder : str
        Likewise, "" where folds of the first are the test set.
    """

    def __init__(
        self,
        corpus,
        data_folder,
        label_set,
        test_corpus,
        test_data_folder,
        columns,
        speaker_pattern,
    ):
        options = (label_set, columns, speaker_pattern)
        self.options = {"columns": columns, "speaker_pattern": speaker_pattern}
        self.train = open_corpora(corpus, data_folder, *options)
        self.test = []
        if test_corpus:
            if not test_data_folder:
                raise RecipeError(
                    f"test_corpus is '{test_corpus}' and test_data_folder is "
                    "empty: pass --test_data_folder."
                )
            self.test = open_corpora(test_corpus, test_data_folder, *options)
        keys = [corpus.key for corpus in self.all]
        if len(set(keys)) < len(keys):
            raise RecipeError(
                f"test_corpus {test_corpus} is trained on too: test on "
                "another, or leave it out and test on a fold."
            )
        check_classes(self.all)
        self.label_set = label_set
        self.classes = self.train[0].classes
        clash = sorted(RESERVED & set(self.classes))
        if clash:
            raise RecipeError(
                f"the classes {', '.join(clash)} have the names of columns of "
                "predictions.csv: rename them in the data."
            )
        self.num_classes = len(self.classes)

    def read(self):
        """Reads what the corpora have in files of their own, such as labels:
        it takes time and the data, so settings are loaded without."""
        for corpora in (self.train, self.test):
            for number, corpus in enumerate(corpora):
                if corpus.open is not None:
                    found = replace(
                        find_corpus(corpus.key), folder=corpus.folder
                    )
                    found = open_corpus(found, self.options)
                    found = with_label_set(found, self.label_set)
                    corpora[number] = replace(found, open=None)

    @property
    def all(self):
        """Lists the corpora, those that are trained on first."""
        return self.train + self.test

    @property
    def name(self):
        """Names the corpora in words."""
        text = " and ".join(corpus.name for corpus in self.train)
        if self.test:
            tests = " and ".join(corpus.name for corpus in self.test)
            text = f"{text}, tested on {tests}"
        return text

    @property
    def notice(self):
        """Says what must be said with every score."""
        notices = (corpus.notice for corpus in self.all)
        return " ".join(notice for notice in notices if notice)

    @property
    def roots(self):
        """Gives the folder of each variable that paths in manifests begin
        with: `data_root`, and `data_root_<corpus>` where there are several."""
        return {
            self.root(corpus): corpus.folder.as_posix() for corpus in self.all
        }

    def full_names(self, speakers):
        """Names speakers with their corpus, as manifests of several corpora
        do: crema_d-1003.

        Arguments
        ---------
        speakers : iterable of str
            The `spk_id` of clips.

        Returns
        -------
        set of str
        """
        alone = f"{self.all[0].key}-" if len(self.all) == 1 else ""
        return {alone + speaker for speaker in speakers}

    def root(self, corpus):
        """Names the variable of a corpus's folder."""
        return "data_root" + f"_{corpus.key}" * (len(self.all) > 1)
