"""The corpora of a run, opened where the settings say they are."""

import itertools
from dataclasses import replace
from pathlib import Path

from data_prep.corpus import check_protocol, find_corpus
from data_prep.labels import with_label_set
from data_prep.listing import looks_like
from ser.errors import RecipeError
from ser.names import COLUMNS

MADE = "demo_corpus"  # the folder of the built-in corpus in hparams/train.yaml


def pair_folders(names, folders):
    """Pairs corpora with their folders, both a str separated by commas; returns
    pairs of str, or raises RecipeError if they are not as many."""
    names = [name.strip() for name in str(names).split(",")]
    folders = [str(folders)]
    if len(names) > 1:  # the path of a single corpus may hold a comma
        folders = [folder.strip() for folder in folders[0].split(",")]
    if len(folders) != len(names):
        raise RecipeError(
            f"{len(names)} corpora ({', '.join(names)}) were given "
            f"{len(folders)} data folders: give as many, separated by commas."
        )
    return list(zip(names, folders))


class Corpora:
    """The corpora that a run trains on and, if it is tested on others, those
    too.

    Arguments
    ---------
    corpus : str
        What `find_corpus` takes, or several separated by commas.
    data_folder : str or pathlib.Path
        Where it is; as many as there are corpora, separated by commas.
    label_set : str
        "own", "common", or the classes to keep, separated by commas.
    test_corpus, test_data_folder : str
        Likewise; "" if folds of the first are the test set.
    columns : str
        Names of a table's columns, such as "wav=file emotion=label".
    speaker_pattern : str
        A regular expression that finds the speaker in a path of `folder`.

    Attributes
    ----------
    train, test : list of data_prep.corpus.Corpus
        With classes and folder.
    classes : tuple of str
        In the order of the classifier's outputs.

    Raises
    ------
    RecipeError
        If there is no such corpus, or they cannot share a run.
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
        self.label_set = label_set
        self.options = {"columns": columns, "speaker_pattern": speaker_pattern}
        self.train = self._declared(corpus, data_folder)
        self.test = []
        if test_corpus:
            if not test_data_folder:
                raise RecipeError(
                    f"test_corpus is '{test_corpus}' and test_data_folder is "
                    "empty: pass --test_data_folder."
                )
            self.test = self._declared(test_corpus, test_data_folder)
        self._check()
        self.classes = self.train[0].classes
        self.num_classes = len(self.classes)

    def _declared(self, names, folders):
        """Finds the declarations of corpora, and opens those whose classes
        are in the data."""
        corpora = []
        for name, folder in pair_folders(names, folders):
            found = replace(find_corpus(name), folder=Path(folder))
            if not found.make and found.folder.name == MADE:
                raise RecipeError(
                    f"the data folder is '{folder}', that of the built-in "
                    f"synthetic corpus: pass the one of {found.name} as "
                    "--data_folder."
                )
            if found.classes:
                corpora.append(with_label_set(found, self.label_set))
            else:
                corpora.append(self._opened(found))
        return corpora

    def _opened(self, corpus):
        """Reads what a corpus has in files of its own."""
        try:
            found = corpus.open(corpus, corpus.folder, self.options)
        except RecipeError as error:
            other = looks_like(corpus.folder, corpus)
            raise RecipeError(f"{str(error).rstrip('.')}{other}.") from error
        return replace(with_label_set(found, self.label_set), open=None)

    def _check(self):
        """Raises if corpora cannot share a classifier or a test."""
        for corpora in (self.train, self.test):
            keys = [corpus.key for corpus in corpora]
            if len(set(keys)) < len(keys):
                raise RecipeError(
                    f"the corpora {', '.join(keys)} list one twice: name each "
                    "once."
                )
        for corpus, other in itertools.product(self.test, self.train):
            if corpus.key == other.key:
                raise RecipeError(
                    f"test_corpus {corpus.key} is trained on too: test on "
                    "another, or leave it out and test on a fold."
                )
            shared = set(corpus.speakers) & set(other.speakers)
            if shared and corpus.base == other.base:
                raise RecipeError(
                    f"test_corpus {corpus.key} and {other.key}, which is "
                    f"trained on, share {len(shared)} speakers: test on "
                    "another, or leave it out and test on a fold, whose "
                    "speakers are unseen."
                )
        first = self.train[0]
        for other in self.all:
            if set(first.classes) != set(other.classes):
                raise RecipeError(
                    f"{first.key} has the classes {', '.join(first.classes)} "
                    f"and {other.key} has {', '.join(other.classes)}: pass "
                    "--label_set common, which both are mapped to."
                )
        clash = sorted(COLUMNS & set(first.classes))
        if clash:
            raise RecipeError(
                f"the classes {', '.join(clash)} have the names of columns of "
                "predictions: rename them in the data."
            )

    def check(self, protocol):
        """Raises RecipeError if a folder is not there, or no protocol (str) has
        this name."""
        for corpus in self.all:
            if not (corpus.make or corpus.folder.exists()):
                raise RecipeError(
                    f"the data folder '{corpus.folder}' is not there: pass the "
                    f"one that holds {corpus.name} as --data_folder."
                )
        check_protocol(protocol)

    def read(self):
        """Reads what the corpora have in files of their own, such as labels:
        it needs the data and time, so settings are loaded without."""
        for corpora in (self.train, self.test):
            for number, corpus in enumerate(corpora):
                if corpus.open:
                    found = find_corpus(corpus.key)
                    found = replace(found, folder=corpus.folder)
                    corpora[number] = self._opened(found)

    @property
    def all(self):
        """The corpora to train on, then those to test on."""
        return self.train + self.test

    @property
    def name(self):
        """The names of the corpora, such as "RAVDESS, tested on EMO-DB"."""
        sides = [side for side in (self.train, self.test) if side]
        return ", tested on ".join(
            " and ".join(corpus.name for corpus in side) for side in sides
        )

    @property
    def notice(self):
        """What must be printed with every score, or ""."""
        return " ".join(corpus.notice for corpus in self.all if corpus.notice)

    @property
    def roots(self):
        """From each variable that paths in manifests begin with to its
        folder."""
        return {
            self.root(corpus): corpus.folder.as_posix() for corpus in self.all
        }

    def root(self, corpus):
        """Returns the variable of the folder of a `Corpus`: `data_root`, or
        `data_root_<corpus>` if there are several."""
        return f"data_root_{corpus.key}" if len(self.all) > 1 else "data_root"

    def full_names(self, speakers):
        """Takes a set of speakers of a manifest; returns it with the corpus
        before each name, such as crema_d-1003, as manifests of several corpora
        have them. Variants of a corpus have its name: ravdess_song has
        ravdess-01."""
        alone = f"{self.all[0].base}-" if len(self.all) == 1 else ""
        return {alone + speaker for speaker in speakers}

    @property
    def nameless(self):
        """The names of tested corpora whose speakers bear no corpus's names,
        so that it cannot be known whether an encoder was trained on them."""
        tested = self.test or self.train
        return [c.name for c in tested if not c.address and not c.make]
