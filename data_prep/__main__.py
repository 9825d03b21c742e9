"""Prepares a corpus without training, and prints what it found.

python -m data_prep                     lists the corpora
python -m data_prep CORPUS DATA_FOLDER --save_folder DIR
"""

import argparse
import logging
from pathlib import Path

from data_prep.corpus import PROTOCOLS
from ser.errors import user_errors


def parse_arguments():
    """Reads the command line: the options of `Corpora` and of `prepare`."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("corpus", nargs="?", help="one of the list, several with commas")
    add("data_folder", nargs="?", help="where it is")
    add("--save_folder", default="manifests", help="where manifests go")
    add("--protocol", default="default", choices=("default", *PROTOCOLS))
    add("--fold", type=int, default=1, help="which is tested, from 1")
    add("--num_folds", type=int, default=5, help="of kfold and random")
    add("--label_set", default="own", help="own, common, or classes")
    add("--text_independent", action="store_true")
    add("--test_corpus", default="", help="tested in place of a fold")
    add("--test_data_folder", default="", help="where that is")
    add("--columns", default="", help="of a table: wav=file emotion=label")
    add("--speaker_pattern", default="", help="of a folder: finds a speaker")
    add("--valid_ratio", type=float, default=0.2)
    add("--min_duration", type=float, default=0.1, help="in seconds")
    add("--max_duration", type=float, default=120.0, help="in seconds")
    add("--audio_index", default="cache/audio_index.sqlite")
    args = parser.parse_args()
    if args.corpus and not args.data_folder:
        parser.error("pass the folder of the corpus too")
    return vars(args)


def describe_splits(splits):
    """Makes a table of clips, hours, speakers and emotions of each split."""
    import pandas as pd

    everything = pd.concat(splits.values())
    columns = {
        name: {
            "clips": len(clips),
            "hours": f"{clips['duration'].sum() / 3600:.2f}",
            "speakers": clips["spk_id"].nunique(),
            # Indented, so that no emotion has the name of a line above.
            **clips["emotion"].value_counts().sort_index().add_prefix("  "),
        }
        for name, clips in (splits | {"all": everything}).items()
    }
    return pd.DataFrame(columns, dtype=object).fillna(0).to_string()


def print_results(corpora, folder, fold, messages):
    """Prints what a fold holds, what is missing, and what to cite."""
    from data_prep.manifest import SPLITS, read_manifest, read_split
    from data_prep.prepare import shorten

    splits = {n: read_manifest(Path(folder, f"{n}.csv")) for n in SPLITS}
    facts = read_split(folder)
    print(
        f"\n{corpora.name}: {facts['protocol']}; fold {fold} of "
        f"{facts['num_folds']}\n"
    )
    print(describe_splits(splits))
    for name, clips in splits.items():
        print(f"{name} speakers: {shorten(sorted(clips['spk_id'].unique()))}")
    print("\n".join(["", *messages]))
    for corpus in corpora.all:
        if corpus.citation:
            print(f"cite: {corpus.citation} (licence: {corpus.licence})")
    print(f"manifests: {folder}")


def main():
    """Lists the corpora, or prepares some of them."""
    args = parse_arguments()
    if args["corpus"] is None:
        from data_prep.facts import list_corpora

        print(list_corpora())
        return
    from data_prep.corpora import Corpora

    names = (
        "corpus data_folder label_set test_corpus test_data_folder columns "
        "speaker_pattern"
    ).split()
    corpora = Corpora(**{name: args.pop(name) for name in names})
    corpora.check(args["protocol"])
    # After the checks: the help and mistakes are answered at once.
    from data_prep.prepare import prepare

    logging.disable(logging.WARNING)  # all of it is printed below
    messages = prepare(corpora, **args)
    logging.disable(logging.NOTSET)
    print_results(corpora, args["save_folder"], args["fold"], messages)


if __name__ == "__main__":
    with user_errors():
        main()
