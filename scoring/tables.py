"""Tables of predictions, as any system writes them."""

import json

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
        table = parse(path)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{path} cannot be read as predictions ({error}): expected CSV, TSV, "
            "JSON lines or a JSON list, a row for each clip."
        ) from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    doubled = table.columns[table.columns.duplicated()]
    names = {}
    for ours, theirs in (("file", FILE), ("answer", ANSWER), ("truth", TRUTH)):
        there = (n for n in theirs if n in table and n not in names.values())
        names[ours] = next(there, None)
    if table.empty or len(doubled) or not (names["file"] and names["answer"]):
        what = f"the columns {', '.join(table.columns[:12])}"
        if len(doubled):
            what = f"two columns {doubled[0]}"
        raise RecipeError(
            f"{path} has {len(table)} rows and {what}: expected a row for each "
            f"clip, with a column for the file ({', '.join(FILE)}) and one for "
            f"the answer ({', '.join(ANSWER)})."
        )
    found = {theirs: ours for ours, theirs in names.items() if theirs}
    return table.rename(columns=found)


def parse(path):
    """Reads a file by its ending; all values are text, "" if missing."""
    ending = path.suffix.lower()
    if ending in (".jsonl", ".json"):
        text = path.read_text("utf-8-sig")
        if ending == ".json" or text.lstrip().startswith("["):
            rows = json.loads(text)
        else:
            rows = [
                json.loads(line) for line in text.splitlines() if line.strip()
            ]
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) for row in rows
        ):
            raise ValueError("it is no list of objects")
        return pd.DataFrame(rows).fillna("").astype(str)
    with open(path, encoding="utf-8-sig", newline="") as file:
        head = file.readline()
    tabs = ending == ".tsv" or head.count("\t") > head.count(",")
    options = {"sep": "\t"} if tabs else {"sep": ",", "skipinitialspace": True}
    # What nkululeko.demo writes with a fine-tuned model has no header.
    if head.split(options["sep"])[0].strip().lower().endswith(AUDIO_ENDINGS):
        options["names"] = ["file", "predicted"]
    return pd.read_csv(
        path,
        dtype=str,
        keep_default_na=False,
        encoding="utf-8-sig",
        index_col=False,
        **options,
    )
