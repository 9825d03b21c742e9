"""The comparison of two systems on the same clips."""

import numpy as np
from scipy.stats import permutation_test
from ser.errors import RecipeError
from ser.metrics import compute_intervals, over_seeds
from ser.report.summary import pair_seeds

PERMUTATIONS = 9999


def compare(predictions, others, classes):
    """Tests the difference of two systems on the same clips.

    The interval is that of a bootstrap that draws speakers, then clips. The p
    value is that of a permutation test that swaps the two systems speaker by
    speaker, since clips of a speaker are not independent; with few speakers
    it cannot be small (2 / 2 ** speakers).

    Arguments
    ---------
    predictions, others : pandas.DataFrame
        As for `summarise`, of this system and of the other.
    classes : list of str
        In the order of the classifier's outputs.

    Returns
    -------
    dict
        `uar_difference` (this one less the other, 0 to 1), its `_ci95`,
        `p_value`, `n` and `test`.

    Raises
    ------
    RecipeError
        If they have not tested the same clips.
    """
    tables = pair_systems(predictions, others, classes)
    one, two = (table.to_numpy() for table in tables)
    speakers = tables[0].index.get_level_values("spk_id")
    names, units = np.unique(speakers, return_inverse=True)
    unit = "speakers"
    if len(names) == 1:
        unit, units = "clips", np.arange(len(one))
    seeds, uar = one.shape[1], over_seeds(len(classes))["uar"]
    cells = np.hstack([one, two])

    def difference(cells):
        """Computes the difference of the UARs of drawn clips."""
        return uar(cells[:, :seeds]) - uar(cells[:, seeds:])

    found = compute_intervals({"difference": difference}, cells, speakers)
    return {
        "uar_difference": float(difference(cells)),
        "uar_difference_ci95": found["difference_ci95"],
        "p_value": permute(one, two, units, len(classes)),
        "n": len(one),
        "test": f"paired, two-sided permutation test that swaps {unit} "
        f"({units.max() + 1}); interval of a bootstrap of {unit}",
    }


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


def permute(one, two, units, num_classes):
    """Computes the p value of swapping units, given each clip's unit and the
    cells [clip, seed] of two systems."""
    truth = one[:, 0] // num_classes
    # What a clip adds to the UAR if it is right, and a unit to each UAR.
    support = np.bincount(truth)
    share = 1 / support[truth] / np.count_nonzero(support)
    right = [
        (cells.T % num_classes == truth).mean(axis=0) for cells in (one, two)
    ]
    test = permutation_test(
        [np.bincount(units, share * clips) for clips in right],
        # Rounded, so that equal differences tie.
        lambda one, two: np.round((one - two).sum(), 12),
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)
