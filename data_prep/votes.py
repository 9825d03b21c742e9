"""What listeners heard: the shares of their votes for each class."""

import functools

import pandas as pd
from data_prep.labels import COMMON
from ser.errors import RecipeError


def read_labels(corpora, labels):
    """Reads what a model learns of each clip beside its emotion.

    Arguments
    ---------
    corpora : data_prep.corpora.Corpora
        Whose clips they are.
    labels : str
        "emotion", or "votes" to learn what the listeners heard.

    Returns
    -------
    dict
        As `read_votes` returns it; empty for "emotion".

    Raises
    ------
    RecipeError
        If it is another word, or a corpus to train on has no votes.
    """
    if labels not in ("emotion", "votes"):
        raise RecipeError(f"labels is '{labels}': expected emotion or votes.")
    if labels == "emotion":
        return {}
    return read_votes(corpora, required=True)


def read_votes(corpora, required=False):
    """Reads the votes of listeners where corpora have them.

    Arguments
    ---------
    corpora : data_prep.corpora.Corpora
        Whose clips they are.
    required : bool
        Whether each corpus to train on must have some.

    Returns
    -------
    dict
        From the ID of a clip, as in manifests, to the share (0 to 1) of each of
        `corpora.classes`. Votes for other emotions are left out, and so are
        clips that have no others.

    Raises
    ------
    RecipeError
        If a corpus that must have votes has none.
    """
    shares = {}
    for corpus in corpora.all:
        table = count_votes(corpus, corpora.label_set)
        if table.empty and required and corpus in corpora.train:
            raise RecipeError(
                f"labels is votes, and '{corpus.folder}' holds no votes of "
                f"listeners to {corpus.name}: pass --labels emotion, or add the "
                "file that CREMA-D (tabulatedVotes.csv) and MSP-Podcast "
                "(labels_detailed.csv) have for them."
            )
        table = table.div(table.sum(axis=1), axis=0)
        if len(corpora.all) > 1:
            table.index = f"{corpus.key}-" + table.index.astype(str)
        shares |= dict(zip(table.index, table.to_numpy().tolist()))
    return shares


@functools.cache
def read_file(votes, folder):
    """Reads the votes of a corpus once, for training and the reports: takes
    `data_prep.corpus.Corpus.votes` and the folder."""
    return votes(folder)


def count_votes(corpus, label_set):
    """Counts the votes for each class, a pandas.DataFrame [ID, class], of the
    clips that have any; raises RecipeError if their file is damaged."""
    try:
        table = corpus.votes and read_file(corpus.votes, corpus.folder)
        if table is None:
            return pd.DataFrame(columns=corpus.classes, dtype=float)
        if label_set == "common":
            table = table.rename(columns=COMMON)
        table = table.T.groupby(level=0).sum().T  # of one name
        table = table.reindex(columns=corpus.classes, fill_value=0)
        return table[table.sum(axis=1) > 0]
    except (ValueError, TypeError, KeyError) as error:
        raise RecipeError(
            f"the votes of listeners to {corpus.name} in '{corpus.folder}' cannot "
            f"be read ({type(error).__name__}: {error}): get their file again."
        ) from error
