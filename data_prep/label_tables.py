"""Tables of labels that come with a corpus."""

import csv
from glob import iglob

from ser.errors import RecipeError


def read_tables(corpus, data_folder, name, columns, **dialect):
    """Reads the tables of one name, in the data folder or below, that have
    some columns; others are of something else.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        Whose tables they are.
    data_folder : pathlib.Path
        Where to look.
    name : str
        Of the files.
    columns : iterable of str
        What a table must have.
    **dialect
        Of `csv.DictReader`.

    Returns
    -------
    list of list of dict
        The rows of each table, in the order of their paths.

    Raises
    ------
    RecipeError
        If there is no such table, or none has a row.
    """
    tables = []
    paths = iglob(f"**/{name}", root_dir=data_folder, recursive=True)
    for path in sorted(paths):
        with open(data_folder / path, encoding="utf-8-sig", newline="") as f:
            reader = csv.DictReader(f, **dialect)
            if set(columns) <= set(reader.fieldnames or []):
                tables.append(list(reader))
    if not any(tables):
        raise RecipeError(
            f"no {name} of {corpus.name} in '{data_folder}': expected one, in "
            f"it or below, with the columns {', '.join(columns)}; pass the "
            "folder that holds it and the audio as --data_folder."
        )
    return tables
