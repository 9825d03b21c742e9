"""Encoders trained with this repository, and the recipe that trains them."""

from pathlib import Path


def built_in_encoder():
    """Returns the folder of the encoder that ships with the repository, which
    was trained on the acted English of CREMA-D (its README.md tells more).

    Returns
    -------
    str
    """
    return (Path(__file__).parent / "crema_d_small").as_posix()
