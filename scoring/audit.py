"""Predictions held against the folds of a corpus: every clip once, and none that
was trained on.
"""

from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from data_prep.corpus import AUDIO_ENDINGS, plain
from data_prep.listing import OTHER_AUDIO
from data_prep.protocol import make_protocol
from data_prep.scan import MAX_DURATION, find_clips
from data_prep.split import split
from scoring.words import find_class
from ser.errors import RecipeError

VALID_RATIO = 0.2  # which clips validate does not change which are tested


class Expected:
    """The clips that a protocol tests, and in which fold.

    Arguments
    ---------
    corpora : data_prep.corpora.Corpora
        One corpus.
    protocol, num_folds, min_duration, audio_index, max_duration
        As for `data_prep.prepare.prepare`.
    fold : int or None
        The only fold that was tested, from 1; None for all.

    Attributes
    ----------
    clips : pandas.DataFrame
        By `ID`: `spk_id`, `gender`, `emotion`, `fold` (0 for clips that none
        tests), `wav`.
    words : str
        What the protocol is.
    """

    def __init__(
        self,
        corpora,
        protocol,
        num_folds,
        fold,
        min_duration,
        audio_index,
        max_duration=MAX_DURATION,
    ):
        self.corpora, self.fold = corpora, fold
        table, excluded = find_clips(
            corpora, min_duration, audio_index, max_duration
        )
        plan = make_protocol(table, corpora, protocol, num_folds, False)
        self.words = plan.words
        folds = range(1, len(plan.folds) + 1) if fold is None else [fold]
        table["fold"] = 0
        for number in folds:
            tested, _ = split(table, plan, number, VALID_RATIO)
            table.loc[table["ID"].isin(tested["test"]["ID"]), "fold"] = number
        self.clips = table.set_index("ID")
        self.names = index_names(self.clips)
        self.excluded = {
            name for path in excluded["path"] for name in names_of(path, "")
        }

    def check_known(self, table, name):
        """Raises unless all clips of a table, which has their `ID`s, are of
        the corpus."""
        unknown = table["file"][table["ID"].isna()]
        if len(unknown):
            raise complain(
                name,
                unknown,
                f"are no clips of {self.corpora.name}, or fit several",
                "take them out, or pass the --corpus and --data_folder that "
                "they are of",
            )

    def find(self, file):
        """Finds the ID of the clip that a table calls `file`; "" if it is one
        that is excluded here, None if there is no such clip."""
        for name in names_given(file):
            if len(found := self.names.get(name, ())) == 1:
                return found[0]
            if name in self.excluded:
                return ""
        return None


def index_names(clips):
    """Makes a dict from all names of clips to their IDs."""
    names = {}
    for clip, path in clips["wav"].items():
        for name in names_of(path.split("/", 1)[1], clip):
            names.setdefault(name, []).append(clip)
    return names


def names_of(path, clip):
    """Lists the names of a clip: its ID, and its path from any folder on."""
    parts = [plain(part) for part in strip_ending(path).split("/")]
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    return {*ends, plain(clip)} - {""}


def names_given(file):
    """Yields what a clip may be called, given its name in a table, the longest
    first: its path from any folder on, then without what is before a hyphen,
    since EmoBox's key of 03a01Fa is emodb-03a01Fa."""
    parts = strip_ending(file.strip().replace("\\", "/")).split("/")
    for start in range(len(parts)):
        yield "/".join(map(plain, parts[start:]))
    yield plain(file)  # an ID may hold slashes
    yield plain(parts[-1].partition("-")[2])


def strip_ending(path):
    """Drops the ending of an audio file, or of the video that it is from."""
    ending = PurePosixPath(path).suffix
    known = (*AUDIO_ENDINGS, *OTHER_AUDIO)
    return path[: -len(ending)] if ending.lower() in known else path


def combine(tables, name):
    """Puts the tables of one system into one: tables of the same clips are of
    several seeds, those that share none are of several folds.

    Arguments
    ---------
    tables : list of pandas.DataFrame
        As `scoring.tables.read_table` returns them, each with the clips' `ID`.
    name : str
        Of the system, for messages.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    RecipeError
        If two tables share a part of their clips.
    """
    if len(tables) == 1:
        return tables[0]
    folds, parts = [], []  # the clips of each fold
    for table in tables:
        clips = set(table["ID"])
        shared = next(
            (c & clips for c in folds if c & clips and c != clips), ()
        )
        if shared:
            raise RecipeError(
                f"the {len(tables)} tables of {name} share a part of their "
                f"clips, such as {min(shared)}: expected tables of the same clips "
                "(seeds), or of other clips each (folds)."
            )
        seed = f"{1 + folds.count(clips)}"
        folds.append(clips)
        own = pd.Series(seed, table.index)
        if "seed" in table:
            own = f"{seed} " + table["seed"]
        table = table.assign(seed=own)
        if "fold" not in table:
            table["fold"] = f"of table {folds.index(clips) + 1}"
        parts.append(table)
    whole = pd.concat(parts)
    # Tables of the same clips tell no folds.
    return whole if whole["fold"].nunique() > 1 else whole.drop(columns="fold")


def audit(table, expected, words, name):
    """Holds a table against a protocol.

    Arguments
    ---------
    table : pandas.DataFrame
        As `scoring.tables.read_table` returns it, with the clips' `ID`.
    expected : Expected
        The clips.
    words : dict
        As `scoring.words.read_words` returns it.
    name : str
        Of the table, for messages.

    Returns
    -------
    predictions : pandas.DataFrame
        As `ser.report.summary.summarise` takes it, without probabilities if the
        table has none.
    notes : list of str
        What a reader should know.

    Raises
    ------
    RecipeError
        If clips are unknown, doubled, trained on or missing, or an answer is no
        class.
    """
    classes = expected.corpora.classes
    clips = expected.clips.loc[table["ID"]].reset_index()
    table = table.reset_index(drop=True)
    protocol = table.get("protocol", pd.Series(dtype=str))
    protocol = set(protocol.str.split("[,;]").str[0])
    if protocol - {expected.words.split(",")[0]}:
        raise RecipeError(
            f"{name} was tested by the protocol {', '.join(sorted(protocol))}, and "
            f"is held against {expected.words}: pass its --protocol."
        )
    seeds = table["seed"] if "seed" in table else pd.Series("1", table.index)
    check_clips(table, clips, seeds, expected, name)
    meaning = {
        word: find_class(word, classes, words)
        for word in table["answer"].unique()
    }
    if unknown := sorted(word for word, found in meaning.items() if not found):
        raise RecipeError(
            f"{name} answers {', '.join(map(repr, unknown[:5]))}, and the classes "
            f"are {', '.join(classes)}: have the system choose among these, or, if "
            "it did, say what its words mean, such as --words WORD=CLASS."
        )
    predictions = pd.DataFrame(
        {
            "ID": clips["ID"],
            "spk_id": clips["spk_id"],
            "fold": clips["fold"],
            "seed": number_seeds(seeds),
            "truth": clips["emotion"],
            "prediction": table["answer"].map(meaning),
        }
    )
    notes = []
    if "truth" in table:
        theirs = table["truth"].map(lambda w: find_class(w, classes, words))
        differ = theirs.notna() & (theirs != clips["emotion"])
        if differ.any():
            notes.append(
                f"{differ.sum()} labels in the table differ from the corpus's, "
                f"such as that of {clips['ID'][differ].iloc[0]}: the corpus's "
                "are scored"
            )
    if (predictions["truth"] == predictions["prediction"]).all():
        notes.append("every answer is right, as in a table of labels")
    shares = read_probabilities(table, classes, words)
    if shares is None:
        notes.append(
            "there are no probabilities of all classes, so no calibration"
        )
    else:
        predictions = predictions.join(shares)
    return predictions.sort_values(["seed", "ID"], ignore_index=True), notes


def check_clips(table, clips, seeds, expected, name):
    """Raises unless each seed has each tested clip once and no other, and the
    folds are those of the protocol."""
    protocol = expected.words
    doubled = pd.DataFrame({"ID": clips["ID"], "seed": seeds}).duplicated()
    if doubled.any():
        raise complain(
            name, clips["ID"][doubled], "are there twice", "leave one row each"
        )
    if (outside := clips["fold"] == 0).any():
        where = "no fold" if expected.fold is None else f"fold {expected.fold}"
        raise complain(
            name,
            clips["ID"][outside],
            f"are tested in {where} ({protocol})"
            if expected.fold is None
            else f"are not tested in {where} ({protocol}), so they were trained on",
            "leave their rows out, and --fold if all folds were tested",
        )
    tested = expected.clips.index[expected.clips["fold"] > 0]
    of_seeds = [ids for _, ids in clips["ID"].groupby(seeds)]
    for ids in of_seeds or [clips["ID"]]:
        missing = tested.difference(ids)
        if len(missing):
            raise complain(
                name,
                missing,
                f"are missing ({protocol})",
                "add them, or pass --fold if one fold was tested",
            )
        if "fold" in table:
            check_folds(table["fold"][ids.index], clips, expected, name)


def check_folds(theirs, clips, expected, name):
    """Raises unless the folds of a table (a Series) are those of the
    protocol."""
    pairs = pd.crosstab(theirs, clips["fold"][theirs.index]) > 0
    mixed, parted = (pairs.sum(axis=axis) > 1 for axis in (1, 0))
    if mixed.any():
        fold = mixed.idxmax()
        others = ", ".join(map(str, pairs.columns[pairs.loc[fold]]))
        found = f"fold {fold} of {name} holds clips of folds {others}"
    elif parted.any():
        fold = parted.idxmax()
        others = ", ".join(map(str, pairs.index[pairs[fold]][:5]))
        found = f"folds {others} of {name} each hold a part of fold {fold}"
    else:
        return
    raise RecipeError(
        f"{found}, and not those of the protocol ({expected.words}), so clips "
        "may have been trained on: test by these folds, or choose the --protocol "
        "that was followed."
    )


def complain(name, clips, what, advice):
    """Makes the error for clips (an iterable of str) that should not be as they
    are."""
    clips = [*dict.fromkeys(clips)]
    some = ", ".join(clips[:3]) + (", ..." if len(clips) > 3 else "")
    return RecipeError(
        f"{len(clips)} clips of {name} {what} ({some}): {advice}."
    )


def number_seeds(seeds):
    """Makes numbers of what tells seeds apart (a Series of str): the seeds
    themselves, if they are numbers."""
    if seeds.str.fullmatch("[0-9]{1,9}").all():
        return seeds.astype(int)
    return pd.factorize(seeds, sort=True)[0] + 1


def read_probabilities(table, classes, words):
    """Finds the columns with the probability of each class; returns them, a
    pandas.DataFrame [clip, class], or None if they are not there or not
    probabilities, such as logits."""
    columns = {find_class(name, classes, words): name for name in table.columns}
    columns.pop(None, None)
    if set(columns) != set(classes):
        return None
    shares = table[[columns[name] for name in classes]]
    shares = shares.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    sums = shares.sum(axis=1, keepdims=True)
    # Some write three digits.
    if not (np.abs(sums - 1) < 0.01).all() or (shares < 0).any():
        return None
    return pd.DataFrame(shares / sums, columns=[*classes])
