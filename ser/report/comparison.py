"""The comparison of two systems on the same clips."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import permutation_test
from ser.errors import RecipeError
from ser.metrics import compute_intervals, count, over_seeds, uar
from ser.report.summary import pair_seeds

PERMUTATIONS = 9999
ENOUGH_GROUPS = 6  # 2 / 2 ** 6 is below 0.05, and 2 / 2 ** 5 is not


def compare(predictions, others, classes):
    """Tests the difference of two systems on the same clips.

    The p value is that of a permutation test that swaps the two systems fold
    by fold, all seeds of a fold at once: clips and speakers of a fold were
    tested by the same networks, so their differences are not independent.
    With few folds it cannot be small, and one fold has none.

    Arguments
    ---------
    predictions, others : pandas.DataFrame
        As for `summarise`, of this system and of the other.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    dict
        `uar_difference` (this one less the other, -1 to 1), its `_ci95` over
        speakers, `p_value` (None if there is none), `n`, and `test`, what was
        done or why there is no p value.

    Raises
    ------
    RecipeError
        If they have not tested the same clips.
    """
    tables = pair_systems(predictions, others, classes)
    one, two = (table.to_numpy() for table in tables)
    clips = tables[0].index.get_level_values("ID")
    speakers = tables[0].index.get_level_values("spk_id")
    seeds, cells = one.shape[1], np.hstack([one, two])

    def difference(confusion):
        """Computes the difference of the UARs, each the mean of its seeds."""
        here, there = confusion[..., :seeds, :, :], confusion[..., seeds:, :, :]
        return over_seeds(uar)(here) - over_seeds(uar)(there)

    found = compute_intervals(
        {"difference": difference}, cells, speakers, len(classes), lowest=-1
    )
    groups = connect_folds(clips, predictions, others)
    number = groups.max() + 1
    p_value = None
    test = (
        "no p value: all clips were tested by one fold, so there is nothing to "
        f"swap; with F folds the least is 2 / 2^F, below 0.05 from "
        f"{ENOUGH_GROUPS} folds on"
    )
    if number > 1:
        p_value = permute(one, two, groups, len(classes))
        test = (
            f"paired, two-sided permutation test that swaps {number} groups of "
            "clips, each a fold with all its seeds, or folds that share clips"
        )
    if 1 < number < ENOUGH_GROUPS:
        test += (
            f"; the least p value of {number} is {2 / 2**number:.3g}, and "
            f"{ENOUGH_GROUPS} are needed for one below 0.05"
        )
    return {
        "uar_difference": float(difference(count(cells, len(classes)))),
        "uar_difference_ci95": found["difference_ci95"],
        "p_value": p_value,
        "n": len(one),
        "test": f"{test}; the interval resamples {found['ci_resamples']}",
    }


def connect_folds(clips, *systems):
    """Numbers the groups of clips that share a fold, in any of the systems or
    by way of other clips.

    Arguments
    ---------
    clips : list of str
        The ID of each clip.
    systems : pandas.DataFrame
        `ID` and `fold` of the clips that each system tested.

    Returns
    -------
    numpy.ndarray
        The number of each clip's group, from 0, [clip].
    """
    table = pd.concat(systems, keys=range(len(systems)), names=["system"])
    clip = pd.Index(clips).get_indexer(table["ID"])
    fold = len(clips) + table.groupby(["system", "fold"]).ngroup().to_numpy()
    size = fold.max() + 1
    links = coo_array((np.ones(len(table)), (clip, fold)), (size, size))
    _, groups = connected_components(links, directed=False)
    return np.unique(groups[: len(clips)], return_inverse=True)[1]


def pair_systems(predictions, others, classes):
    """Pairs the seeds of each system, and raises unless the clips are the
    same."""
    if "seed" not in others:
        raise RecipeError(
            "the other predictions are those of one run: pass a summary.json "
            "that crossval.py wrote."
        )
    unknown = {*others["truth"], *others["prediction"]} - set(classes)
    if unknown:
        raise RecipeError(
            f"the other summary has classes that this one lacks "
            f"({', '.join(sorted(unknown))}): compare runs of one label set."
        )
    one, two = (pair_seeds(table, classes) for table in (predictions, others))
    here, there = (table.index.droplevel("spk_id") for table in (one, two))
    if not here.equals(there):
        raise RecipeError(
            f"the summaries are not of the same clips: {len(here)} here, "
            f"{len(there)} there, {len(here.intersection(there))} in both with "
            "one label; compare runs of one corpus, protocol and label set."
        )
    return one, two


def permute(one, two, groups, num_classes):
    """Computes the p value of swapping groups, given each clip's group and the
    cells [clip, seed] of two systems."""
    truth = one[:, 0] // num_classes
    # What a clip adds to the UAR if it is right, and a group to each UAR.
    support = np.bincount(truth)
    share = 1 / support[truth] / np.count_nonzero(support)
    right = [
        (cells.T % num_classes == truth).mean(axis=0) for cells in (one, two)
    ]
    test = permutation_test(
        [np.bincount(groups, share * clips) for clips in right],
        # Rounded, so that equal differences tie.
        lambda one, two: np.round((one - two).sum(), 12),
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)
