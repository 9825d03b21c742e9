"""A picture of the emotions in a recording over time."""

from pathlib import Path
from textwrap import fill

import numpy as np
from ser.files import written_whole

CELLS = 400  # across; more cannot be told apart


def plot_timeline(segments, classes, picture, title=""):
    """Draws a row for each class: its probability over time, and a band where
    it is the emotion.

    Arguments
    ---------
    segments : list of ser.timeline.Segment
        In the order of time.
    classes : list of str
        The rows, from above.
    picture : str or pathlib.Path
        The file, which ends in .png, .svg or .pdf.
    title : str
        Above it.
    """
    import matplotlib  # late, as what follows: most predictions need none
    from matplotlib.dates import AutoDateLocator, DateFormatter
    from matplotlib.figure import Figure
    from ser.report.style import BLUE, FULL, STYLE, wrap

    edges, shares, votes = summarise(segments, [*classes, "uncertain", None])
    best = votes.argmax(axis=0)
    with matplotlib.rc_context(STYLE), written_whole(picture) as unfinished:
        fig = Figure((FULL, 1.3 + 0.5 * len(classes)))
        rows = fig.subplots(len(classes), sharex=True, squeeze=False)[:, 0]
        for number, (ax, name) in enumerate(zip(rows, wrap(classes))):
            for label, color, height in (
                ("likeliest emotion", "#F6C98F", best == number),
                ("no answer", "#E3E3E3", best == len(votes) - 1),
                ("probability (line: 50 %)", BLUE, shares[number]),
            ):
                look = {"color": color, "lw": 0, "label": label}
                ax.fill_between(edges, [*height, 0], step="post", **look)
            ax.set_ylabel(name, rotation=0, ha="right", va="center")
            ax.set(ylim=(0, 1), yticks=[0.5], yticklabels=[])
            ax.grid()
        ax.set(xlim=(edges[0], edges[-1]), xlabel="Time")
        ax.xaxis.set_major_locator(AutoDateLocator(minticks=3))
        ax.xaxis.set_major_formatter(DateFormatter("%H:%M:%S"))
        fig.legend(handles=ax.collections, loc="outside lower center", ncols=3)
        fig.suptitle(fill(title, 90))
        fig.savefig(unfinished, format=Path(picture).suffix[1:], dpi=150)


def summarise(segments, emotions):
    """Cuts time into cells where the middles of windows meet; returns their
    borders, and each emotion's mean probability and number of windows in each.
    """
    segments = [s for s in segments if s.end > s.start] or segments[:1]
    middles = np.array([(s.start + s.end) / 2 for s in segments])
    every = -(-len(segments) // CELLS)
    meets = ((middles[1:] + middles[:-1]) / 2)[every - 1 :: every]
    edges = np.array([segments[0].start, *meets, segments[-1].end])
    shares = [[s.probabilities.get(e, 0) for e in emotions] for s in segments]
    votes = [[int(s.emotion == e) for e in emotions] for s in segments]
    cells = range(0, len(segments), every)
    shares, votes = (np.add.reduceat(x, cells).T for x in (shares, votes))
    shares = shares / np.maximum(votes[:-1].sum(axis=0), 1)
    return (1000 * edges).astype("datetime64[ms]"), shares, votes
