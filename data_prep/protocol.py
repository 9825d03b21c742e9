"""Protocols: which speakers, or clips, each fold tests."""

import itertools
import warnings
from dataclasses import dataclass

from data_prep.corpus import check_protocol
from data_prep.manifest import UNKNOWN
from ser.errors import RecipeError


@dataclass(frozen=True)
class Protocol:
    """A protocol, worked out for the clips that are there.

    Arguments
    ---------
    name : str
        One of `PROTOCOLS`, or cross.
    words : str
        What it is, for logs and reports.
    folds : list of list of str
        Test speakers of each fold (of random: IDs); of official and cross, one
        empty fold.
    text_independent : bool
        Whether the sentences of the test set are left out of training.
    shares_speakers : bool
        Whether splits may share speakers.
    """

    name: str
    words: str
    folds: list
    text_independent: bool = False
    shares_speakers: bool = False


def make_protocol(table, corpora, name, num_folds, text_independent):
    """Works out a protocol.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips, as `data_prep.scan.find_clips` returns them.
    corpora : data_prep.corpora.Corpora
        Whose clips they are.
    name : str
        One of `PROTOCOLS`; default is the corpus's own.
    num_folds : int
        Of kfold and random.
    text_independent : bool
        Whether the sentences of the test set are left out of training.

    Returns
    -------
    Protocol

    Raises
    ------
    RecipeError
        If the corpus does not have it, or has too little for it.
    """
    check_protocol(name)
    if not isinstance(num_folds, int) or num_folds < 2:
        raise RecipeError(f"num_folds is {num_folds}: expected 2 or more.")
    if corpora.test:
        if name != "default" or text_independent:
            raise RecipeError(
                "a test on another corpus has no folds: leave --protocol and "
                "--text_independent out, or --test_corpus."
            )
        words = f"cross-corpus, trained on {corpora.name}"
        return Protocol("cross", words, [[]])
    if name == "default":
        name = corpora.train[0].protocol if len(corpora.train) == 1 else "kfold"
    check_enough(table, name, num_folds)
    if name == "emobox":
        folds, words = emobox(table, corpora, text_independent)
    elif name == "loso":
        folds = [[speaker] for speaker in known_speakers(table)]
        words = f"loso, leave one speaker out, {len(folds)} folds"
    elif name == "kfold":
        folds, words = kfold(table, corpora, num_folds)
    elif name == "official":
        folds, words = [[]], "official, the corpus's own split"
        if not (table["split"] == "test").any():
            raise RecipeError(
                f"{corpora.name} has no official split here: choose another "
                "--protocol, or add the files that hold it."
            )
    else:  # clips of identical audio stay together
        folds = [
            table["ID"][table["audio"].isin(hashes)].tolist()
            for hashes in grouped_folds(table, "audio", num_folds)
        ]
        words = f"random, {len(folds)} folds of clips, speakers shared"
    if text_independent:
        check_sentences(table, corpora, name)
        words += "; test sentences unseen in training"
    return Protocol(name, words, folds, text_independent, name == "random")


def check_enough(table, name, num_folds):
    """Raises if there are too few classes, clips or speakers."""
    if table["emotion"].nunique() < 2:
        raise RecipeError(
            f"all {len(table)} clips are {table['emotion'].iloc[0]}, and a "
            "classifier needs two classes or more: add clips of others, or "
            "check the data folder."
        )
    clips = table["audio"].nunique()
    if name in ("kfold", "random") and clips < 2 * num_folds:
        raise RecipeError(
            f"{clips} clips are too few for {num_folds} folds: add clips, or "
            "lower --num_folds."
        )
    speakers = known_speakers(table)
    if name in ("emobox", "loso", "kfold") and len(speakers) < 3:
        raise RecipeError(
            f"{len(speakers)} speakers were found"
            f"{' (' + ' '.join(speakers) + ')' if speakers else ''}, and a "
            "split by speakers needs 3 or more (train, valid, test): add "
            "speakers, or pass --protocol random, whose scores say nothing "
            "about unseen speakers."
        )


def check_sentences(table, corpora, name):
    """Raises if no sentence can be left out of training."""
    if len(set(table["sentence"]) - {""}) < 2:
        raise RecipeError(
            f"{corpora.name} does not tell which sentence a clip holds, or has "
            "only one: leave --text_independent out."
        )
    if name == "official":
        raise RecipeError(
            "the official split has its own texts: leave --text_independent "
            "or --protocol official out."
        )


def known_speakers(table):
    """Lists the speakers of a table of clips, sorted, without the unknown."""
    return sorted(set(table["spk_id"].unique()) - {UNKNOWN})


def emobox(table, corpora, text_independent):
    """Returns EmoBox's folds, or as many folds of the speakers who are there
    if one of EmoBox's would be empty; and what they are, in words. EmoBox
    validates on a fifth of the other clips at random, which is not done here.
    """
    corpus = corpora.train[0]
    own = corpus.protocol == "kfold"  # folds of the corpus, not of EmoBox
    if len(corpora.train) > 1 or not corpus.folds or own:
        raise RecipeError(
            f"EmoBox has no folds of unseen speakers for {corpora.name}: "
            "choose --protocol loso or kfold."
        )
    speakers = known_speakers(table)
    known = set(itertools.chain(*corpus.folds))
    if not known.issuperset(speakers):
        raise RecipeError(
            f"speakers {' '.join(sorted(set(speakers) - known))} are in no "
            f"fold of {corpus.name}: correct the folds of its script, or "
            "choose --protocol kfold."
        )
    whole = table["emotion"].value_counts().to_dict() == dict(corpus.clips)
    whole = whole and corpus.emobox_clips and not text_independent
    words = (
        f"emobox, {len(corpus.folds)} folds of unseen speakers, "
        + ("test sets as in EmoBox" if whole else "test speakers as in EmoBox")
        + ("" if whole else ", with other clips")
        + ", validation by speakers"
    )
    folds = [[s for s in fold if s in speakers] for fold in corpus.folds]
    missing = len(known) - len(speakers)
    if not all(folds):
        number = min(len(folds), len(speakers))
        folds = [speakers[start::number] for start in range(number)]
        words = (
            f"{number} folds of the {len(speakers)} speakers that are there, "
            f"for lack of {missing} of those of EmoBox's"
        )
    elif missing:
        words += f", without the {missing} speakers that are not there"
    return folds, words


def kfold(table, corpora, num_folds):
    """Returns the corpus's own folds, if it has that many and none of them
    is empty, or makes some; and what they are, in words."""
    corpus, speakers = corpora.train[0], known_speakers(table)
    folds = [[s for s in fold if s in speakers] for fold in corpus.folds]
    has_own = len(corpora.train) == 1 and corpus.protocol == "kfold"
    if has_own and len(folds) == num_folds and all(folds):
        return folds, f"kfold, {num_folds} fixed folds of unseen speakers"
    folds = grouped_folds(table, "spk_id", num_folds)
    words = (
        f"kfold, {len(folds)} folds of unseen speakers, stratified by emotion"
    )
    if len(folds) < min(num_folds, len(speakers)):
        words += f"; {num_folds} would leave test sets without an emotion"
    return folds, words


def grouped_folds(table, column, num_folds):
    """Makes folds that keep groups together and balance the emotions; they
    do not depend on a seed. Speakers make fewer folds than were asked for if
    only then each fold holds every emotion.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips.
    column : str
        What the clips of a group have in common: spk_id or audio.
    num_folds : int
        At most as many as there are groups.

    Returns
    -------
    list of list of str
        The groups of each fold.
    """
    of_speakers = column == "spk_id"
    table = table[table["spk_id"] != UNKNOWN] if of_speakers else table
    groups = table[column].nunique()
    most = table["emotion"].value_counts().max()
    number = max(2, min(num_folds, groups, most))
    first = stratified_folds(table, column, number)
    if not of_speakers:
        return first

    def has_every_emotion(fold):
        """Tells whether the groups of a fold have clips of all emotions."""
        found = table["emotion"][table[column].isin(fold)]
        return found.nunique() == table["emotion"].nunique()

    fewer = (
        stratified_folds(table, column, n) for n in range(number - 1, 1, -1)
    )
    choices = itertools.chain([first], fewer)
    complete = (f for f in choices if all(map(has_every_emotion, f)))
    return next(complete, first)


def stratified_folds(table, column, number):
    """Makes so many folds, as `grouped_folds` returns them."""
    from sklearn.model_selection import StratifiedGroupKFold  # takes a second

    folds = StratifiedGroupKFold(number, shuffle=True, random_state=0)
    # A class may have fewer clips than there are folds: it is in some only.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return [
            sorted(table[column].iloc[test].unique())
            for _, test in folds.split(table, table["emotion"], table[column])
        ]
