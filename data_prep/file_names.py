"""What the name of a file tells about its clip."""

import re


def read_name(path, pattern, form, emotions=None, genders=None):
    """Reads speaker, gender, emotion and sentence from the name of a file.

    Arguments
    ---------
    path : pathlib.PurePath
        The file; folders and ending do not matter.
    pattern : str
        A regular expression for the name without its ending, with the group
        `emotion` and, where the name tells them, `spk_id`, `gender` (which
        begins with f or m, or is unknown), `sentence`, and `ID` where that is
        only part of the name.
    form : str
        The pattern in words, for the error.
    emotions : dict or None
        From codes to classes; by default, the code in lower case is the class.
    genders : dict or None
        From each speaker to the gender, where the name does not tell it; then
        other speakers are refused.

    Returns
    -------
    dict
        The groups, with "unknown" where the name has no `gender` and "" where
        it has no `sentence`.

    Raises
    ------
    ValueError
        If the name is not of this form, or its speaker or emotion is unknown.

    Example
    -------
    >>> from pathlib import PurePath
    >>> pattern = r"(?P<spk_id>(?P<gender>[fm])[0-9])-(?P<emotion>[a-z]+)"
    >>> path = PurePath("f1/f1-gio.wav")
    >>> read_name(path, pattern, "speaker-emotion", {"gio": "joy"})
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
