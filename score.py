#!/usr/bin/env python3
"""Scores predictions that any system made, on the folds of a corpus.

> python score.py predictions.csv --corpus emodb --data_folder /path/to/emodb
> python score.py ours=a.csv theirs=b.csv theirs=c.csv --corpus emodb,ravdess --data_folder /path/to/emodb,/path/to/ravdess

PREDICTIONS are CSV, TSV, JSON lines or JSON, a row a clip with its file and the
emotion, as this repository, nkululeko and EmoBox write them, or results folders.
Tables with one NAME= are one system: of other clips (folds), of the same clips
(seeds) or of other corpora. Refused are tables in which clips of the test are
missing or doubled, or which hold clips that the fold was trained on.
"""

import argparse
import contextlib
import json
import re
from datetime import date
from pathlib import Path

from data_prep.corpus import PROTOCOLS
from ser.errors import RecipeError, user_errors


def parse_command_line():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("predictions", nargs="+", metavar="[NAME=]PREDICTIONS")
    add("--corpus", required=True, help="as for train.py, several with commas")
    add("--data_folder", required=True, help="where they are, with commas")
    add("--protocol", default="default", choices=("default", *PROTOCOLS))
    add("--fold", type=int, help="the only fold that was tested, from 1")
    add("--num_folds", type=int, default=5, help="of kfold and random")
    add("--label_set", default="own", help="own, common, or classes")
    words = (
        "what an answer means, such as 0=angry, or EmoBox's label_encoder.txt"
    )
    add("--words", nargs="+", default=[], help=words)
    add("--columns", default="", help="of a table: wav=file emotion=label")
    add("--speaker_pattern", default="", help="of a folder: finds a speaker")
    add("--min_duration", type=float, default=0.1, help="in seconds")
    add("--max_duration", type=float, default=120.0, help="in seconds")
    add("--audio_index", default="cache/audio_index.sqlite")
    add("--out", type=Path, default=Path("results/scores"), help="a folder")
    return parser.parse_args()


def read_systems(given):
    """Reads the tables; returns a list of (name of the system, path, table)."""
    from scoring.tables import read_table

    tables, systems = [], {}
    for item in given:
        name, equals, path = item.partition("=")
        if not equals or Path(item).exists():
            name, path = "", item
        path = Path(path)
        if path.name in ("predictions.csv", "summary.json"):
            path = path.resolve().parent
        table = read_table(path)
        own = path.resolve().name if path.is_dir() else path.stem
        shown = " ".join(
            (name or own).encode("utf-8", "replace").decode().split()
        )
        # Tables are one system only if the user says so.
        known = systems.setdefault(folder_of(shown).casefold(), (shown, item))
        if known != (shown, item) and (known[0] != shown or not name):
            raise RecipeError(
                f"two systems would be called {shown}: name them, such as "
                f"ours={item}."
            )
        if any(shown == other and path == where for other, where, _ in tables):
            raise RecipeError(
                f"{path} is given twice for {shown}: leave one out."
            )
        tables.append((shown, path, table))
    return tables


def folder_of(name):
    """Names the folder of a system."""
    return re.sub(r"[^\w.-]+", "_", name).strip(".") or "system"


def expect(args):
    """Finds the clips that are tested of each corpus; returns a list of
    `scoring.audit.Expected`."""
    from data_prep.corpora import Corpora, pair_folders
    from scoring.audit import Expected

    options = args.label_set, "", "", args.columns, args.speaker_pattern
    return [
        Expected(
            Corpora(name, folder, *options),
            args.protocol,
            args.num_folds,
            args.fold,
            args.min_duration,
            args.audio_index,
            args.max_duration,
        )
        for name, folder in pair_folders(args.corpus, args.data_folder)
    ]


def assign(tables, expected):
    """Finds the corpus of each table, of which it has most clips; returns a dict
    from (system, number of the corpus) to the tables with `ID`s, their paths
    and notes."""
    found = {}
    for name, path, table in tables:
        ids = [table["file"].map(corpus.find) for corpus in expected]
        known = [clips.notna().sum() for clips in ids]
        number = known.index(max(known))
        corpus = expected[number]
        table["ID"] = ids[number]
        corpus.check_known(table, path)
        part = found.setdefault((name, number), ([], [], []))
        excluded = table["ID"] == ""
        if excluded.any():
            part[2].append(
                f"{excluded.sum()} answers of {path} are not scored, since their "
                "clips are excluded here (python -m data_prep says why)"
            )
        part[0].append(table[~excluded])
        part[1].append(path)
    return found


def read_notice(path):
    """Reads what must be printed with every score of a results folder of this
    repository; "" of a table."""
    for name in ("summary.json", "metrics.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
            found = json.loads((path / name).read_text("utf-8"))
            return str(found["facts"].get("Notice", ""))
    return ""


def describe(name, paths, notes, words, expected, predictions):
    """Describes in words what is scored."""
    corpora = expected.corpora
    only = "" if expected.fold is None else f"; only fold {expected.fold}"
    (corpus,) = corpora.train
    notices = [*map(read_notice, paths)]
    if corpora.notice not in " ".join(notices):
        notices.insert(0, corpora.notice)
    facts = {
        "Notice": " ".join(dict.fromkeys(filter(None, notices))),
        "System": name,
        "Predictions": ", ".join(path.name for path in paths),
        "Corpus": corpora.name,
        "Language": corpus.language,
        "Licence": corpus.licence,
        "Citation": corpus.citation,
        "Classes": ", ".join(corpora.classes),
        "Protocol": expected.words + only,
        "Clips": f"{predictions['ID'].nunique()} clips",
        "Training": "as its authors say; a table does not tell what else a "
        "system has heard",
        "Words": " ".join(words),
        "Notes": "; ".join(notes),
        "Date": date.today().isoformat(),
    }
    return {name: fact for name, fact in facts.items() if fact}


def score(name, paths, notes, words, expected, predictions):
    """Sums up the predictions of one system on one corpus."""
    from ser.report.summary import summarise

    facts = describe(name, paths, notes, words, expected, predictions)
    genders = expected.clips["gender"].to_dict()
    classes = expected.corpora.classes
    return {"facts": facts, "protocol": facts["Protocol"]} | summarise(
        predictions, classes, genders
    )


def main():
    """Scores all tables, and compares systems if there are several."""
    args = parse_command_line()
    # Here, since they take seconds to import.
    import pandas as pd
    from scoring.audit import audit, combine
    from scoring.ranking import compare_all, rank
    from scoring.words import read_words
    from ser.files import write_csv, write_text
    from ser.report.pages import write_scores, write_summary
    from ser.report.summary import print_summary

    words = read_words(args.words)
    tables = read_systems(args.predictions)
    expected = expect(args)
    summaries, predictions = {}, {}
    for (name, number), (parts, paths, notes) in assign(
        tables, expected
    ).items():
        corpus = expected[number]
        table, more = audit(combine(parts, name), corpus, words, name)
        key = corpus.corpora.train[0].key
        folder = args.out / key / folder_of(name)
        if folder.resolve() in [path.resolve() for path in paths]:
            raise RecipeError(
                f"{folder} is read, and --out would replace it: choose another."
            )
        notes += more
        summary = score(name, paths, notes, args.words, corpus, table)
        write_csv(table, folder / "predictions.csv")
        write_summary(folder, summary)
        write_text(json.dumps(summary, indent=2), folder / "summary.json")
        print(f"\n{name}, {corpus.corpora.name}", end="")
        print_summary(summary, folder / "summary.html")
        for note in notes:
            print(f"Note: {note}.")
        summaries[name, key], predictions[name, key] = summary, table
    if len(summaries) > 1:
        classes = {c.corpora.train[0].key: c.corpora.classes for c in expected}
        uars = pd.Series(
            {
                key: summary["uar"]["pooled"]
                for key, summary in summaries.items()
            }
        ).unstack()
        tests = compare_all(predictions, classes)
        write_scores(args.out, summaries, rank(uars), tests)
        print(f"\n{(args.out / 'scores.md').read_text('utf-8')}")
        print(f"Table: {args.out / 'scores.html'}")


if __name__ == "__main__":
    with user_errors():
        main()
