"""How far the scores depend on who speaks."""

import numpy as np
from ser.metrics import (
    count,
    count_speakers,
    jackknife,
    over_seeds,
    t_interval,
    uar,
)

# The UAR of a speaker with less says little: one clip in 20 is 5 points.
MIN_CLIPS, MIN_CLASSES = 20, 2
RULE = f"at least {MIN_CLIPS} clips of {MIN_CLASSES} or more emotions"
mean_uar = over_seeds(uar)


def compare_speakers(cells, num_classes):
    """Computes the UAR of each speaker, over the emotions of that speaker.

    Arguments
    ---------
    cells : pandas.DataFrame
        As `pair_seeds` returns them.
    num_classes : int
        How many classes the cells are of.

    Returns
    -------
    dict
        `speakers`, the UAR of each (0 to 1), the mean over the seeds. Of those
        with enough clips and classes, `speaker_spread`: their `number`, the
        `quartiles` and the standard deviation, `std`; and `worst_speaker`, its
        `spk_id` and `uar`. None if there are too few.
    """
    speakers, enough = {}, {}
    for speaker, clips in cells.groupby("spk_id"):
        score = float(mean_uar(count(clips.to_numpy(), num_classes)))
        speakers[speaker] = score
        emotions = clips.index.get_level_values("truth").nunique()
        if len(clips) >= MIN_CLIPS and emotions >= MIN_CLASSES:
            enough[speaker] = score
    spread, worst = None, min(enough, key=enough.get, default=None)
    scores = list(enough.values())
    if len(scores) > 1:
        spread = {
            "number": len(scores),
            "quartiles": np.percentile(scores, [25, 50, 75]).tolist(),
            "std": float(np.std(scores, ddof=1)),
        }
    return {
        "speakers": speakers,
        "speaker_spread": spread,
        "worst_speaker": worst and {"spk_id": worst, "uar": enough[worst]},
        "speaker_rule": RULE,
    }


def compare_genders(cells, genders, num_classes):
    """Computes the UAR of the clips of each gender and the gap.

    Arguments
    ---------
    cells, genders, num_classes
        As for `compare_speakers` and `summarise`.

    Returns
    -------
    dict
        `gender`: for "female" and "male" the `uar` (0 to 1), the number of
        `speakers` and of clips, `n`; `gap`, female less male, None if one
        gender lacks an emotion of the other; and `gap_ci95`, from leaving out
        the speakers of each gender in turn, None for a lone speaker. Empty
        unless clips of both are there.
    """
    of_clip = cells.index.get_level_values("ID").map(genders)
    found, counts = {}, []
    for gender in ("female", "male"):
        clips = cells[of_clip == gender]
        if clips.empty:
            return {}
        names = clips.index.get_level_values("spk_id")
        counts.append(count_speakers(clips.to_numpy(), names, num_classes))
        found[gender] = {
            "uar": float(mean_uar(counts[-1].sum(axis=0))),
            "speakers": len(counts[-1]),
            "n": len(clips),
        }
    has = [whole.sum(axis=(0, 1, 3)) > 0 for whole in counts]
    gap = ends = None
    if (has[0] == has[1]).all():
        gap = found["female"]["uar"] - found["male"]["uar"]
        sizes = [len(whole) for whole in counts]
        if min(sizes) > 1:
            variances = [jackknife(mean_uar, whole) for whole in counts]
            ends = t_interval(gap, variances, sizes, lowest=-1)
    return {"gender": found | {"gap": gap, "gap_ci95": ends}}
