"""Names that classes, models and speakers may have."""

import re

from ser.errors import RecipeError

HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")  # USER/NAME
UNKNOWN = "unknown"  # a speaker who may be anyone, as in manifests
UNCERTAIN = "uncertain"  # the answer below a wanted probability
# Columns of predictions.csv, then of what predict.py writes
COLUMNS = set(
    "ID spk_id truth prediction protocol fold seed "
    f"path emotion duration start end note {UNCERTAIN}".split()
)


def find_bad_class(classes):
    """Finds a class that cannot have its name.

    Arguments
    ---------
    classes : list of str
        The names.

    Returns
    -------
    str or None
        One that is there twice, is a column of results, is blank or holds
        what a terminal obeys.
    """
    for name in classes:
        printable = name.strip() and name.isprintable()
        if not printable or name in COLUMNS or classes.count(name) > 1:
            return name


def compile_speaker_pattern(text):
    """Compiles a regular expression (str) whose one group is the speaker in a
    path; raises RecipeError if it is none, or has more or fewer groups."""
    try:
        pattern = re.compile(text)
        if pattern.groups != 1:
            raise re.error(f"it has {pattern.groups} groups")
    except re.error as error:
        raise RecipeError(
            f"--speaker_pattern is '{text}' ({error}): expected a regular "
            "expression with one group, the speaker, such as '([a-z]+)_[0-9]+'."
        ) from error
    return pattern
