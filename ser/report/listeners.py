"""How near a model is to what listeners heard."""

import numpy as np
from scipy.stats import entropy
from ser.metrics import compute_intervals, count, over_seeds, uar
from ser.report.summary import interval, pair_seeds, percent

AGREED = 0.5  # the share of a clip's votes that most of its listeners exceed


def compare_listeners(predictions, classes, votes):
    """Compares probabilities with the votes of listeners.

    Arguments
    ---------
    predictions : pandas.DataFrame
        As for `ser.report.summary.summarise`.
    classes : list of str
        In the order of the classifier's outputs.
    votes : dict
        From IDs of clips to the share (0 to 1) of each class, as
        `data_prep.votes.read_votes` returns it.

    Returns
    -------
    dict
        `listeners`: the number of clips with votes, `n`; the mean of
        their `cross_entropy` against the votes and of the votes' own `entropy`,
        the least that it can be, both in nats; and `agreed`: the number `n` of
        clips on which most listeners agree, and the `uar` (0 to 1) on them, of
        the labels and, as `heard_uar`, of what they heard, each with its
        `_ci95`, or None if there is no such clip. Empty without votes.
    """
    clips = predictions[predictions["ID"].isin(votes)]
    if clips.empty:
        return {}
    shares = np.array([votes[clip] for clip in clips["ID"]])
    # As in the negative log-likelihood, a probability of 0 is not infinite.
    logs = np.log(clips[[*classes]].to_numpy(float).clip(min=1e-15))
    found = {
        "n": clips["ID"].nunique(),
        "cross_entropy": float(-(shares * logs).sum(axis=1).mean()),
        "entropy": float(entropy(shares, axis=1).mean()),
        "agreed": None,
    }
    heard = np.array(classes)[shares.argmax(axis=1)]
    agreed = clips.assign(heard=heard)[shares.max(axis=1) > AGREED]
    if len(agreed):
        found["agreed"] = {"n": agreed["ID"].nunique()}
        for name, column in {"uar": "truth", "heard_uar": "heard"}.items():
            table = agreed.assign(truth=agreed[column])
            cells = pair_seeds(table, classes)
            found["agreed"] |= score(name, cells, len(classes))
    return {"listeners": found}


def score(name, cells, num_classes):
    """Computes a UAR and its interval from what `pair_seeds` returned."""
    metric, speakers = over_seeds(uar), cells.index.get_level_values("spk_id")
    cells = cells.to_numpy()
    ends = compute_intervals({name: metric}, cells, speakers, num_classes)
    value = float(metric(count(cells, num_classes)))
    return {name: value, f"{name}_ci95": ends[f"{name}_ci95"]}


def describe_listeners(scores):
    """Says in sentences (list of str) what `compare_listeners` found, given
    what metrics.json or summary.json holds; none without votes."""
    found = scores.get("listeners")
    if not found:
        return []
    words = [
        f"Cross-entropy against the votes of listeners on {found['n']} clips: "
        f"{found['cross_entropy']:.3f} nats, of which {found['entropy']:.3f} are "
        "their own disagreement."
    ]
    if agreed := found["agreed"]:
        words.append(
            f"On the {agreed['n']} clips on which more than half of the "
            f"listeners agree: UAR {percent(agreed['uar'])} % (95 % interval "
            f"{interval(agreed['uar_ci95'])}), and "
            f"{percent(agreed['heard_uar'])} % "
            f"({interval(agreed['heard_uar_ci95'])}) if what they heard is taken "
            "for the truth."
        )
    return words
