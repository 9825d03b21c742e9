"""Tables of predictions, as any system writes them."""

import csv
import io
import json
import warnings

import pandas as pd
from data_prep.corpus import AUDIO_ENDINGS
from ser.errors import RecipeError

# Names of columns, the first that is there. In what nkululeko writes, `emotion`
# is the truth beside `predicted` or `predictions`; else it is the answer.
FILE = "file path wav filename key id utterance".split()
ANSWER = "predicted prediction predictions pred emotion_pred emotion".split()
TRUTH = "truth class_label label emotion".split()


def read_table(path):
    """Reads a table of predictions.

    Arguments
    ---------
    path : pathlib.Path
        A CSV or TSV file, JSON lines, a JSON list of objects, or a results
        folder of this repository.

    Returns
    -------
    pandas.DataFrame
        All as text: `file`, `answer`, and `truth`, `fold` and `seed` where the
        table has them, then its other columns, in lower case.

    Raises
    ------
    RecipeError
        If it cannot be read, or lacks files or answers.
    """
    path = path / "predictions.csv" if path.is_dir() else path
    try:
        table = parse(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, csv.Error, RecursionError, Warning) as error:
        reason = " ".join(str(error).split())
        raise RecipeError(
            f"{path} cannot be read as predictions ({reason}): expected CSV, TSV, "
            "JSON lines or a JSON list, a row for each clip."
        ) from error
    names = {}
    for ours, theirs in (("file", FILE), ("answer", ANSWER), ("truth", TRUTH)):
        there = (n for n in theirs if n in table and n not in names.values())
        names[ours] = next(there, None)
    # Beside another label, `emotion` is one too.
    if names["answer"] == "emotion" and names["truth"]:
        names["answer"] = None
    if table.empty or not (names["file"] and names["answer"]):
        raise RecipeError(
            f"{path} has {len(table)} rows and the columns "
            f"{', '.join(table.columns[:12])}: expected a row for each clip, with "
            f"a column for the file ({', '.join(FILE)}) and one for the answer "
            f"({', '.join(ANSWER)})."
        )
    found = {ours: table[theirs] for ours, theirs in names.items() if theirs}
    rest = table.drop(columns=[n for n in names.values() if n])
    return pd.DataFrame(found).join(
        rest.drop(columns=[*found], errors="ignore")
    )


def parse(text):
    """Reads the text of a table, whatever its ending; all values are text, "" if
    missing, and names of columns in lower case."""
    if text.lstrip()[:1] in ("{", "["):
        table = pd.DataFrame(parse_json(text)).fillna("").astype(str)
        heading = [*table.columns]
    else:
        head = text.partition("\n")[0]
        separator = max(",\t;", key=head.count)
        heading = next(csv.reader([head], delimiter=separator), [])
        # What nkululeko.demo writes with a fine-tuned model has no heading.
        if heading and heading[0].strip().lower().endswith(AUDIO_ENDINGS):
            heading, text = ["file", "predicted"], f"file{separator}x\n{text}"
        with warnings.catch_warnings():  # of rows that are too long
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype=str,
                keep_default_na=False,
                index_col=False,
                skipinitialspace=separator == ",",
            )
    names = [str(name).strip().lower() for name in heading]
    if doubled := [n for n in names if names.count(n) > 1]:
        raise ValueError(f"it has two columns {doubled[0]}")
    return table.set_axis(names, axis=1)


def parse_json(text):
    """Reads a JSON list, or JSON lines; returns a list of dict."""
    try:
        rows = json.loads(text)
    except ValueError:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(rows, dict):  # a single line
        rows = (
            [rows] if not any(type(v) is dict for v in rows.values()) else [0]
        )
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is no list of objects")
    return rows
