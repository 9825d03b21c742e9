"""Protocols: which clips train, validate and test, fold by fold."""

import itertools
import warnings
from dataclasses import dataclass

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from data_prep.corpus import PROTOCOLS
from ser.errors import RecipeError

SPLITS = ("train", "valid", "test")
UNKNOWN = "unknown"  # a speaker who may be anyone
LEFT_OUT = "left out of this fold"
TEXT_GROUPS = 5  # of sentences, of which one is tested in a fold


@dataclass(frozen=True)
class Protocol:
    """A protocol, worked out for the clips that are there.

    Arguments
    ---------
    name : str
        emobox, loso, kfold, official, random or cross.
    words : str
        What it is, for logs and reports.
    folds : list of list of str
        Test speakers of each fold; of random, test IDs of each fold; of
        official and cross, one empty fold.
    text_independent : bool
        Whether the sentences of the test set are left out of training.
    """

    name: str
    words: str
    folds: list
    text_independent: bool = False


def make_protocol(table, corpora, name, num_folds, text_independent):
    """Works out a protocol.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips, as `find_clips` gives them.
    corpora : data_prep.corpus.Corpora
        Whose clips they are.
    name : str
        emobox, loso, kfold, official or random; default is the corpus's own.
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
        If the corpus does not have the protocol, or has too little for it.
    """
    if name not in ("default", *PROTOCOLS):
        raise RecipeError(
            f"there is no protocol '{name}': expected default or one of "
            f"{', '.join(PROTOCOLS)}."
        )
    if not isinstance(num_folds, int) or num_folds < 2:
        raise RecipeError(f"num_folds is {num_folds}: expected 2 or more.")
    if corpora.test:
        if name != "default" or text_independent:
            raise RecipeError(
                "a test on another corpus has no folds: leave --protocol and "
                "--text_independent out, or --test_corpus."
            )
        trained = ", ".join(corpus.key for corpus in corpora.train)
        tested = ", ".join(corpus.key for corpus in corpora.test)
        words = f"cross-corpus, trained on {trained}, tested on {tested}"
        return Protocol("cross", words, [[]])
    if name == "default":
        name = corpora.train[0].protocol if len(corpora.train) == 1 else "kfold"
    check_enough(table, name, num_folds)
    if name == "emobox":
        folds, words = emobox(table, corpora)
    elif name == "loso":
        folds = [[speaker] for speaker in known_speakers(table)]
        words = f"loso, leave one speaker out, {len(folds)} folds"
    elif name == "kfold":
        folds, words = kfold(table, corpora, num_folds)
    elif name == "official":
        if not (table["split"] == "test").any():
            raise RecipeError(
                f"{corpora.name} has no official split here: choose another "
                "--protocol, or give the files that say it."
            )
        folds, words = [[]], "official, the corpus's own split"
    else:
        # Byte-identical clips count as one, so that they stay together.
        folds = [
            table["ID"][table["sha256"].isin(hashes)].tolist()
            for hashes in grouped_folds(table, "sha256", num_folds)
        ]
        words = f"random, {len(folds)} folds of clips, speakers shared"
    if text_independent:
        if len(set(table["sentence"]) - {""}) < 2:
            raise RecipeError(
                f"{corpora.name} does not say which sentence a clip holds, or "
                "has but one: leave --text_independent out."
            )
        if name == "official":
            raise RecipeError(
                "the official split has its own texts: leave "
                "--text_independent or --protocol official out."
            )
        words += "; test sentences unseen in training"
    return Protocol(name, words, folds, text_independent)


def check_enough(table, name, num_folds):
    """Raises where no split can be made of what is there.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips.
    name : str
        The protocol.
    num_folds : int
        Of kfold and random.
    """
    speakers = known_speakers(table)
    if table["emotion"].nunique() < 2:
        raise RecipeError(
            f"all {len(table)} clips are {table['emotion'].iloc[0]}, and a "
            "classifier needs two classes or more: add clips of others, or "
            "check the data folder."
        )
    clips = table["sha256"].nunique()
    if name in ("kfold", "random") and clips < 2 * num_folds:
        raise RecipeError(
            f"{clips} clips are too few for {num_folds} folds: add clips, or "
            "lower --num_folds."
        )
    if name in ("emobox", "loso", "kfold") and len(speakers) < 3:
        raise RecipeError(
            f"{len(speakers)} speakers were found"
            f"{' (' + ' '.join(speakers) + ')' if speakers else ''}, and a "
            "split by speakers needs 3 or more (train, valid, test): add "
            "speakers, or pass --protocol random, whose scores say nothing "
            "of unseen speakers."
        )


def known_speakers(table):
    """Lists the speakers, but for clips whose speaker is not known."""
    return sorted(set(table["spk_id"]) - {UNKNOWN})


def emobox(table, corpora):
    """Gives EmoBox's folds, or folds of the speakers that are there.

    Returns
    -------
    folds : list of list of str
        Test speakers of each fold.
    words : str
        What they are.
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
            f"fold of {corpus.name}: mend the folds of its script, or choose "
            "--protocol kfold."
        )
    words = f"emobox, {len(corpus.folds)} folds of unseen speakers as in EmoBox"
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
    """Gives the corpus's own folds, where it has that many and none of them is
    empty, or makes some.

    Returns
    -------
    folds : list of list of str
        Test speakers of each fold.
    words : str
        What they are.
    """
    corpus, speakers = corpora.train[0], known_speakers(table)
    folds = [[s for s in fold if s in speakers] for fold in corpus.folds]
    if (
        len(corpora.train) == 1
        and corpus.protocol == "kfold"
        and len(folds) == num_folds
        and all(folds)
    ):
        return folds, f"kfold, {num_folds} fixed folds of unseen speakers"
    folds = grouped_folds(table, "spk_id", num_folds)
    return folds, (
        f"kfold, {len(folds)} folds of unseen speakers, stratified by emotion"
    )


def grouped_folds(table, column, num_folds):
    """Makes folds that keep groups together and balance the emotions; they
    do not depend on a seed.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips.
    column : str
        What a group has in common.
    num_folds : int
        At most as many as there are groups.

    Returns
    -------
    list of list of str
        The groups of each fold.
    """
    table = table[table["spk_id"] != UNKNOWN] if column == "spk_id" else table
    groups = table[column].nunique()
    most = table["emotion"].value_counts().max()
    number = max(2, min(num_folds, groups, most))
    folds = StratifiedGroupKFold(number, shuffle=True, random_state=0)
    # A class may have fewer clips than there are folds: it is in some only.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return [
            sorted(table[column].iloc[test].unique())
            for _, test in folds.split(table, table["emotion"], table[column])
        ]


def split(table, protocol, fold, valid_ratio):
    """Splits a corpus.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips.
    protocol : Protocol
        Worked out for them.
    fold : int
        Which fold is the test set, from 1.
    valid_ratio : float
        Share of the training speakers (of random: clips) that validate.

    Returns
    -------
    splits : dict
        From "train", "valid" and "test" to their clips.
    left_out : list of (str, str)
        Paths of clips that this fold cannot use, and the reason.
    """
    folds = protocol.folds
    if not 0 < valid_ratio < 1:
        raise RecipeError(
            f"valid_ratio is {valid_ratio}: expected a share between 0 and 1, "
            "such as 0.2."
        )
    if not isinstance(fold, int) or not 1 <= fold <= len(folds):
        raise RecipeError(
            f"fold {fold} does not exist: there are folds 1 to {len(folds)} "
            f"({protocol.words})."
        )
    names = pd.Series("train", index=table.index)
    if protocol.name in ("official", "cross"):
        names[:] = table["split"]
        if not (names == "valid").any():
            train = table[names == "train"]
            speakers = known_speakers(train)
            if len(speakers) > 1:
                chosen = choose_validation(train, speakers, valid_ratio)
                chosen = train["spk_id"].isin(chosen)
            else:
                chosen = choose_clips(train, valid_ratio)
            names[train.index[chosen]] = "valid"
    elif protocol.name == "random":
        test = table["ID"].isin(folds[fold - 1])
        rest = table[~test]
        names[test] = "test"
        names[rest.index[choose_clips(rest, valid_ratio)]] = "valid"
    else:
        ring = list(itertools.chain(*folds[fold:], *folds[: fold - 1]))
        valid = choose_validation(table, ring, valid_ratio)
        names[table["spk_id"].isin(valid)] = "valid"
        names[table["spk_id"].isin(folds[fold - 1])] = "test"
        names[table["spk_id"] == UNKNOWN] = (
            f"{LEFT_OUT}: its speaker is unknown"
        )
    if protocol.text_independent:
        sentences = sorted(set(table["sentence"]) - {""})
        number = min(TEXT_GROUPS, len(sentences))
        unseen = table["sentence"].isin(
            sentences[(fold - 1) % number :: number]
        )
        test = names == "test"
        names[test & ~unseen] = f"{LEFT_OUT}: its sentence is trained on"
        names[~test & unseen] = f"{LEFT_OUT}: its sentence is tested"
        names[table["sentence"] == ""] = f"{LEFT_OUT}: its sentence is unknown"
    splits = {
        name: table[names == name].reset_index(drop=True) for name in SPLITS
    }
    for name, clips in splits.items():
        if clips.empty:
            raise RecipeError(
                f"fold {fold} leaves no clip for {name} ({protocol.words}): "
                "add speakers and clips, or choose another --protocol."
            )
    rest = names[~names.isin(SPLITS)]
    return splits, list(zip(table["wav"][rest.index], rest))


def choose_clips(table, valid_ratio):
    """Chooses the clips that validate, a share of each emotion.

    Returns
    -------
    pandas.Series
        True for those, by the index of the table.
    """
    number = min(max(2, round(1 / valid_ratio)), len(table))
    return table["sha256"].isin(grouped_folds(table, "sha256", number)[0])


def choose_validation(table, ring, valid_ratio):
    """Chooses the speakers that validate: the next ones after the test
    speakers, the genders in turn, so that each fold has its own and they do
    not depend on a seed.

    Arguments
    ---------
    table : pandas.DataFrame
        With the gender of each speaker.
    ring : list of str
        Speakers that are not tested, those after the test speakers first.
    valid_ratio : float
        Share of them.

    Returns
    -------
    list of str
    """
    if len(ring) < 2:
        raise RecipeError(
            f"{len(ring)} speakers are left to train and validate on, and "
            "each needs one: add speakers."
        )
    gender = table.drop_duplicates("spk_id").set_index("spk_id")["gender"]
    genders = [
        [s for s in ring if gender[s] == g] for g in gender[ring].unique()
    ]
    in_turn = [
        s for s in itertools.chain(*itertools.zip_longest(*genders)) if s
    ]
    number = min(max(1, round(valid_ratio * len(ring))), len(ring) - 1)
    return in_turn[:number]


def shared_speakers(splits):
    """Lists the known speakers who are in more than one split.

    Arguments
    ---------
    splits : dict
        From the name of a split to its clips.

    Returns
    -------
    list of str
    """
    pairs = itertools.combinations(
        [set(known_speakers(clips)) for clips in splits.values()], 2
    )
    return sorted(set().union(*(one & two for one, two in pairs)))


def check_splits(splits, may_share_speakers=False):
    """Raises where a speaker or identical audio is on two sides.

    Arguments
    ---------
    splits : dict
        From the name of a split to its clips.
    may_share_speakers : bool
        Whether the protocol says that speakers are shared.

    Raises
    ------
    RecipeError
        Naming the first pair.
    """
    columns = {"sha256": "audio"}
    if not may_share_speakers:
        columns = {"spk_id": "speaker", **columns}
    for (one, left), (two, right) in itertools.combinations(splits.items(), 2):
        for column, what in columns.items():
            both = set(left[column]) & set(right[column]) - {UNKNOWN}
            if both:
                value = min(both)
                pair = [
                    clips["ID"][clips[column] == value].iloc[0]
                    for clips in (left, right)
                ]
                raise RecipeError(
                    f"the splits share {what}: {pair[0]} in {one} and "
                    f"{pair[1]} in {two} have the same {column} {value}; "
                    "remove one of them."
                )
