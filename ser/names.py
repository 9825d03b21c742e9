"""Names that classes and models may have."""

import re

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
