"""What the name of a file tells about its clip."""

import re


def read_name(pattern, form, emotions, genders, path):
    """Reads what the name of a file tells about its clip.

    Arguments
    ---------
    pattern : str
        A regular expression for the name without its ending, with the group
        `emotion` and, if the name tells them, `spk_id`, `gender` (beginning
        with f or m, or else unknown), `sentence`, and `ID` if only a part.
    form : str
        The pattern in words, for the error.
    emotions : dict or None
        From codes to classes; None if the code in lower case is the class.
    genders : dict or None
        From each speaker to the gender; None if the name tells it.
    path : pathlib.PurePath
        The file; folders and ending do not matter.

    Returns
    -------
    dict
        The groups, `gender` ("unknown" if not told) and `sentence` ("").

    Raises
    ------
    ValueError
        If it is no clip, with the reason.

    Example
    -------
    >>> from pathlib import PurePath
    >>> pattern = r"(?P<spk_id>(?P<gender>[fm])[0-9])-(?P<emotion>[a-z]+)"
    >>> codes = {"gio": "joy"}
    >>> read_name(pattern, "in words", codes, None, PurePath("f1-gio.wav"))
    {'gender': 'female', 'sentence': '', 'spk_id': 'f1', 'emotion': 'joy'}
    """
    name = re.fullmatch(pattern, path.stem)
    if not name or (genders and name["spk_id"] not in genders):
        raise ValueError(f"name does not parse as {form}")
    clip = {"gender": "unknown", "sentence": ""} | name.groupdict()
    if genders:
        clip["gender"] = genders[clip["spk_id"]]
    else:
        letters = {"f": "female", "m": "male"}
        clip["gender"] = letters.get(clip["gender"][0].lower(), "unknown")
    if emotions is None:
        clip["emotion"] = clip["emotion"].lower()
    elif clip["emotion"] in emotions:
        clip["emotion"] = emotions[clip["emotion"]]
    else:
        raise ValueError(f"emotion not in the class set: {clip['emotion']}")
    return clip
