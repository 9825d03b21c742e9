"""A clip of a corpus in the tests, and what files of trees share."""

from itertools import cycle
from pathlib import PurePath

SEX = {"f": "female", "m": "male"}


class Clip:
    """A clip of a tree: its path, its row in a manifest, and its name where
    the folders are not needed."""

    def __init__(self, path, row, flat=None):
        self.path = PurePath(path)
        self.row = tuple(row)
        self.flat = PurePath(flat or self.path.name)


def pairs_of(codes):
    """Pairs up codes with their emotions, without end."""
    codes = cycle(codes.items())
    return zip(codes, codes)
