"""Several systems over several corpora: ranks, and paired tests that are
corrected for their number.
"""

import itertools

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from ser.report.comparison import compare


def rank(uars):
    """Ranks systems on each corpus, and over those that all were scored on.

    Arguments
    ---------
    uars : pandas.DataFrame
        The pooled UAR (0 to 1) of each [system, corpus]; NaN where there is
        none.

    Returns
    -------
    ranks : pandas.DataFrame
        From 1, the best; equal UARs share a rank.
    mean : pandas.Series
        The mean rank of each system over the corpora without a NaN.
    """
    ranks = uars.apply(
        lambda column: pd.Series(
            # Rounded, so that equal UARs tie.
            rankdata(-column.round(12), method="min", nan_policy="omit"),
            column.index,
        )
    )
    return ranks, ranks.loc[:, uars.notna().all()].mean(axis=1)


def compare_all(predictions, classes):
    """Tests each pair of systems on each corpus.

    Arguments
    ---------
    predictions : dict
        From (system, corpus) to a table as `ser.report.summary.summarise` takes
        it.
    classes : dict
        From corpora to their classes, a list of str.

    Returns
    -------
    list of dict
        What `ser.report.comparison.compare` returns, with `corpus`, `system`,
        `other` and `p_holm`, the p value corrected for the number of tests,
        None if there is none.
    """
    found = []
    for corpus, names in classes.items():
        systems = [s for s, where in predictions if where == corpus]
        for one, two in itertools.combinations(systems, 2):
            pair = predictions[one, corpus], predictions[two, corpus]
            found.append(
                {"corpus": corpus, "system": one, "other": two}
                | compare(*pair, names)
            )
    tested = [test for test in found if test["p_value"] is not None]
    corrected = holm([test["p_value"] for test in tested])
    for test in found:
        test["p_holm"] = None
    for test, p_value in zip(tested, corrected):
        test["p_holm"] = p_value
    return found


def holm(p_values):
    """Corrects p values (list of float) for their number, so that the chance of
    any false difference stays below the level; returns a list of float.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979
    """
    p_values = np.array(p_values, dtype=float)
    order = p_values.argsort()
    steps = np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.maximum.accumulate(p_values[order] * steps)
    return corrected.clip(max=1).tolist()
