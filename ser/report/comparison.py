"""The comparison of two systems on the same clips."""

import numpy as np
from scipy.stats import permutation_test
from ser.errors import RecipeError
from ser.metrics import compute_interval, count, draw_clips, uar
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
    one, two = pair_systems(predictions, others, classes)
    speakers, units = np.unique(one["spk_id"], return_inverse=True)
    unit = "speakers"
    if len(speakers) == 1:
        unit, units = "clips", np.arange(len(one))
    seeds = len(one["cells"].iloc[0])
    cells = np.hstack([np.stack(one["cells"]), np.stack(two["cells"])])

    def difference(cells):
        """Computes the difference of the UARs of drawn clips."""
        uars = [uar(count(seed, len(classes))) for seed in cells.T]
        return np.mean(uars[:seeds]) - np.mean(uars[seeds:])

    interval = compute_interval(draw_clips(one["spk_id"]), difference, cells)
    return {
        "uar_difference": float(difference(cells)),
        "uar_difference_ci95": interval,
        "p_value": permute(cells, seeds, units, len(classes)),
        "n": len(one),
        "test": f"paired, two-sided permutation test that swaps {unit} "
        f"({units.max() + 1}); interval of a bootstrap of {unit}",
    }


def pair_systems(predictions, others, classes):
    """Puts the seeds of each clip side by side for both systems, as
    `pair_seeds` does, and raises unless the clips are the same."""
    if "seed" not in others:
        raise RecipeError(
            "the other predictions are those of one run: pass a summary.json "
            "that crossval.py wrote."
        )
    unknown = set(others["truth"]) | set(others["prediction"])
    unknown -= set(classes)
    if unknown:
        raise RecipeError(
            f"the other summary has classes that this one lacks "
            f"({', '.join(sorted(unknown))}): compare runs of one label set."
        )
    one, two = (pair_seeds(table, classes) for table in (predictions, others))
    same = one.index.equals(two.index) and (one["truth"] == two["truth"]).all()
    if not same:
        agree = (one["truth"] == two["truth"].reindex(one.index)).sum()
        raise RecipeError(
            f"the summaries are not of the same clips: {len(one)} here, "
            f"{len(two)} there, {agree} in both with one label; compare runs "
            "of one corpus, protocol and label set."
        )
    return one, two


def permute(cells, seeds, units, num_classes):
    """Computes the p value of swapping units, given the number of each clip's
    unit and cells [clip, seed] with the seeds of one system before the
    other's."""
    truth, prediction = np.divmod(cells, num_classes)
    right = truth == prediction
    systems = right[:, :seeds].mean(axis=1), right[:, seeds:].mean(axis=1)
    support = np.bincount(truth[:, 0], minlength=num_classes)
    occur = support > 0
    # Clips that a unit has right, [2 units, class]: their sums over one half
    # of the rows give the recalls of a system.
    number = np.arange(units.max() + 1)
    hits = np.zeros((2 * len(number), num_classes))
    for system, share in enumerate(systems):
        rows = system * len(number) + units
        np.add.at(hits, (rows, truth[:, 0]), share)

    def swapped(first, second):
        """Computes the difference of the UARs after units are swapped."""
        sums = hits[first].sum(axis=0) - hits[second].sum(axis=0)
        return (sums[occur] / support[occur]).mean()

    test = permutation_test(
        (number, number + len(number)),
        swapped,
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)
