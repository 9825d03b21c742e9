"""What all figures share."""

from textwrap import fill

import matplotlib

# Okabe-Ito colours: told apart with any common colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
HALF, FULL = 4.5, 9.2  # inches: one column of the page, both columns
STYLE = {
    "font.size": 9,
    "axes.prop_cycle": matplotlib.cycler(color=[BLUE, ORANGE, GREEN]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
    "grid.color": "#e3e3e3",
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a name is only text
    "svg.hashsalt": "report",  # same input, same bytes
}


def wrap(names):
    """Breaks the names of classes into lines that fit an axis: takes and returns
    a list of str."""
    return [fill(name.replace("_", " "), 18) for name in names]
