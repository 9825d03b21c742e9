"""The split of a fold: which clips train, validate and test."""

import itertools

import pandas as pd
from data_prep.manifest import SPLITS, UNKNOWN
from data_prep.protocol import grouped_folds, known_speakers
from ser.errors import RecipeError

LEFT_OUT = "left out of this fold"
TEXT_GROUPS = 5  # of sentences, of which one is tested in a fold


def split(table, protocol, fold, valid_ratio):
    """Splits the clips of a run.

    Arguments
    ---------
    table : pandas.DataFrame
        All usable clips, as `data_prep.scan.find_clips` returns them.
    protocol : data_prep.protocol.Protocol
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

    Raises
    ------
    RecipeError
        If the fold does not exist or leaves a split empty.
    """
    if not 0 < valid_ratio < 1:
        raise RecipeError(
            f"valid_ratio is {valid_ratio}: expected a share between 0 and 1, "
            "such as 0.2."
        )
    number = len(protocol.folds)
    if not isinstance(fold, int) or not 1 <= fold <= number:
        raise RecipeError(
            f"fold {fold} does not exist: there are folds 1 to {number} "
            f"({protocol.words})."
        )
    if protocol.name in ("official", "cross"):
        names = names_given(table, valid_ratio)
    elif protocol.name == "random":
        names = names_by_clip(table, protocol.folds[fold - 1], valid_ratio)
    else:
        names = names_by_speaker(table, protocol.folds, fold, valid_ratio)
    if protocol.text_independent:
        names = leave_sentences_out(table, names, fold)
    splits = {
        name: table[names == name].reset_index(drop=True) for name in SPLITS
    }
    for name, clips in splits.items():
        if clips.empty:
            raise RecipeError(
                f"fold {fold} leaves no clip for {name} ({protocol.words}): "
                "add speakers and clips, or choose another --protocol."
            )
    rest = ~names.isin(SPLITS)
    paths = table["wav"][rest].str.split("/", n=1).str[1]
    return splits, list(zip(paths, names[rest]))


def names_given(table, valid_ratio):
    """Names the split of each clip as the table does; if it has no
    validation set, a part of the training set becomes one."""
    names = table["split"].copy()
    if not (names == "valid").any():
        train = table[names == "train"]
        speakers = known_speakers(train)
        if len(speakers) > 1:
            chosen = choose_speakers(train, speakers, valid_ratio)
            chosen = train["spk_id"].isin(chosen)
        else:
            chosen = choose_clips(train, valid_ratio)
        names[train.index[chosen]] = "valid"
    return names


def names_by_clip(table, tested, valid_ratio):
    """Names the split of each clip, if some IDs are tested."""
    test = table["ID"].isin(tested)
    rest = table[~test]
    names = pd.Series("train", index=table.index)
    names[test] = "test"
    names[rest.index[choose_clips(rest, valid_ratio)]] = "valid"
    return names


def names_by_speaker(table, folds, fold, valid_ratio):
    """Names the split of each clip, if the speakers of a fold are tested
    and the next ones validate."""
    ring = list(itertools.chain(*folds[fold:], *folds[: fold - 1]))
    valid = choose_speakers(table, ring, valid_ratio)
    names = pd.Series("train", index=table.index)
    names[table["spk_id"].isin(valid)] = "valid"
    names[table["spk_id"].isin(folds[fold - 1])] = "test"
    names[table["spk_id"] == UNKNOWN] = f"{LEFT_OUT}: its speaker is unknown"
    return names


def leave_sentences_out(table, names, fold):
    """Leaves clips out so that no sentence of the test set is trained on."""
    names = names.copy()
    sentences = sorted(set(table["sentence"]) - {""})
    number = min(TEXT_GROUPS, len(sentences))
    unseen = table["sentence"].isin(sentences[(fold - 1) % number :: number])
    test = names == "test"
    names[test & ~unseen] = f"{LEFT_OUT}: its sentence is trained on"
    names[~test & unseen] = f"{LEFT_OUT}: its sentence is tested"
    names[table["sentence"] == ""] = f"{LEFT_OUT}: its sentence is unknown"
    return names


def choose_clips(table, valid_ratio):
    """Chooses the clips that validate, a share of each emotion; returns a
    Series of bool."""
    number = min(max(2, round(1 / valid_ratio)), len(table))
    return table["audio"].isin(grouped_folds(table, "audio", number)[0])


def choose_speakers(table, ring, valid_ratio):
    """Chooses the speakers that validate: the next ones in the ring after
    those of the test set, the genders in turn, so that each fold has its own
    and they do not depend on a seed. If they lack an emotion, or leave none of
    it for training, others are chosen who do better."""
    if len(ring) < 2:
        raise RecipeError(
            f"{len(ring)} speakers are left to train and validate on, and "
            "each needs one: add speakers."
        )
    gender = table.drop_duplicates("spk_id").set_index("spk_id")["gender"]
    genders = [
        [s for s in ring if gender[s] == g] for g in gender[ring].unique()
    ]
    in_turn = itertools.chain(*itertools.zip_longest(*genders))
    in_turn = [speaker for speaker in in_turn if speaker]
    number = min(max(1, round(valid_ratio * len(ring))), len(ring) - 1)
    next_ones = in_turn[:number]
    clips = pd.crosstab(table["spk_id"], table["emotion"]).loc[in_turn]
    clips = clips.loc[:, clips.any()]  # [speaker, emotion]

    def emotions(chosen):
        """Counts those of training, which come first, and of validation."""
        return clips.drop(chosen).any().sum(), clips.loc[chosen].any().sum()

    if emotions(next_ones) == (clips.shape[1], clips.shape[1]):
        return next_ones
    others = (
        cover_emotions(clips, first, number, valid_ratio)
        for first in ([], *([speaker] for speaker in in_turn))
    )
    return max([next_ones, *filter(None, others)], key=emotions)


def cover_emotions(clips, chosen, number, valid_ratio):
    """Chooses speakers that validate so that no emotion is lost to training,
    and as many as can be are in validation.

    Arguments
    ---------
    clips : pandas.DataFrame
        Number of clips [speaker, emotion], the speakers in turn.
    chosen : list of str
        Speakers who validate in any case.
    number : int
        How many are chosen, unless the emotions need more.
    valid_ratio : float
        Share of an emotion's clips that should validate.

    Returns
    -------
    list of str
    """
    chosen = list(chosen)

    def can_go(speaker):
        """Tells whether the others have all emotions."""
        return clips.drop([*chosen, speaker]).any().all()

    # The emotions of fewest speakers leave the least choice.
    for emotion in clips.astype(bool).sum().sort_values(kind="stable").index:
        if not clips.loc[chosen, emotion].any():
            shares = clips[emotion] / clips[emotion].sum()
            far = (shares[shares > 0] - valid_ratio).abs()
            nearest = far.sort_values(kind="stable").index
            chosen += [s for s in nearest if can_go(s)][:1]
    for speaker in clips.index.difference(chosen, sort=False):
        if len(chosen) < number and can_go(speaker):
            chosen.append(speaker)
    return chosen
