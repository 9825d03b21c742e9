"""What the page says of a recording, in HTML."""

from itertools import cycle, pairwise
from pathlib import Path
from statistics import fmean

import jinja2
import numpy as np
from prediction.plot import summarise
from ser.clips import find_length
from ser.errors import RecipeError
from ser.timeline import timeline

TEMPLATE = Path(__file__).parent / "templates/answer.html.jinja"
MAX_MINUTES = 30
LONG = 8.0  # s; what is longer is answered in windows
WINDOW, HOP = 4.0, 1.0  # s
# Told apart with any common colour vision; other classes take what is left.
COLOURS = {
    **{"angry": "#d55e00", "disgust": "#009e73", "fearful": "#cc79a7"},
    **{"happy": "#e69f00", "neutral": "#8c8c8c", "sad": "#0072b2"},
    **{"calm": "#56b4e9", "surprised": "#f0e442"},
}


def answer(recogniser, path, progress):
    """Answers for a recording: an emotion and a bar for each class; over time
    too, if it is long.

    Arguments
    ---------
    recogniser : ser.inference.Recogniser
        The model.
    path : str or None
        The file; None says that an answer will appear.
    progress : callable
        Is given the share that is done, 0 to 1, of a long recording.

    Returns
    -------
    str
        HTML. What gets no answer gets a sentence that says why.
    """
    if path is None:
        return fill()
    duration = find_length(path)  # 0 if something is wrong
    if duration > 60 * MAX_MINUTES:
        return fill(
            problem=f"it has {duration / 60:.0f} minutes, and {MAX_MINUTES} are "
            "the most here; python predict.py --window 4 takes any length"
        )
    try:
        if duration > LONG:
            return fill(**over_time(recogniser, path, duration, progress))
        prediction = recogniser.predict(path)
    except RecipeError as error:
        return fill(problem=str(error).removeprefix(f"{path}: "))
    return fill(
        problem=prediction.note,
        shares=prediction.probabilities,
        source=f"from {prediction.duration or 0:.1f} s of audio",
    )


def over_time(recogniser, path, duration, progress):
    """Answers for a long recording; returns what the template needs."""
    segments = []
    for segment in timeline(recogniser, path, WINDOW, HOP):
        segments.append(segment)
        progress(min(segment.end / duration, 1.0))
    heard = [s.probabilities for s in segments if s.probabilities]
    notes = sorted({s.note for s in segments if s.note})
    if not heard:
        return {"problem": ", ".join(notes)}
    classes = recogniser.classes
    edges, shares, votes = summarise(segments, [*classes, None])
    edges, shares = edges.astype(float) / 1000, shares[:-1]
    # A rectangle for each class and cell: a stack from the bottom up.
    paths = [
        "".join(
            f"M{start:.2f} {y:.3f}H{end:.2f}v{height:.3f}H{start:.2f}z"
            for start, end, y, height in zip(edges, edges[1:], top, row)
        )
        for top, row in zip(1 - shares.cumsum(axis=0), shares)
    ]
    best = votes.argmax(axis=0)
    changes = [0, *np.flatnonzero(np.diff(best)) + 1, len(best)]
    names = [*classes, "no answer"]
    return {
        "shares": {name: fmean(p[name] for p in heard) for name in classes},
        "source": f"on average over {len(heard)} windows of {WINDOW:g} s",
        "notes": notes,
        "duration": edges[-1],
        "paths": dict(zip(classes, paths)),
        "runs": [
            (edges[a], edges[b], names[best[a]]) for a, b in pairwise(changes)
        ],
    }


def fill(shares=(), **content):
    """Fills in the template; `shares` is a dict of the classes."""
    page = jinja2.Environment(autoescape=True, trim_blocks=True)
    page.filters |= {"percent": "{:.0%}".format, "clock": clock}
    template = page.from_string(TEMPLATE.read_text("utf-8"))
    left = [c for name, c in COLOURS.items() if name not in shares]
    left = cycle(left or COLOURS.values())
    colours = {n: COLOURS[n] if n in COLOURS else next(left) for n in shares}
    return template.render(shares=shares, colours=colours, **content)


def clock(seconds):
    """Shows a time as minutes and seconds."""
    minutes, seconds = divmod(round(float(seconds), 1), 60)
    return f"{minutes:.0f}:{seconds:04.1f}"
