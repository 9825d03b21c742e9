#!/usr/bin/env python3
"""Starts a recipe for a new corpus, or exports one for SpeechBrain.

> python fork.py MyCorpus
> python fork.py --sync
> python fork.py --standalone RAVDESS /path/to/speechbrain

The second writes what follows from the corpora's declarations: facts in
READMEs and rows of the recipe tests.
"""

import argparse
from pathlib import Path

from data_prep.corpus import all_corpora
from forking.derived import sync
from forking.new_corpus import places_to_fill_in, start_corpus
from forking.standalone import export_recipe
from ser.errors import user_errors

ROOT = Path(__file__).resolve().parent


def start(name):
    """Starts a recipe for a new corpus and prints what to do next."""
    key, files = start_corpus(name, ROOT)
    all_corpora.cache_clear()
    print_written([*files, *sync(ROOT)])
    recipe = f"recipes/{name}/hparams/train.yaml"
    print(
        "It runs at once, on the built-in corpus:\n"
        f"  python train.py {recipe}\n"
        f"  python -m pytest tests/test_{key}.py\n"
        "Fill in, for three speakers or more (one each to train, validate and "
        "test):"
    )
    texts = {path: (ROOT / path).read_text("utf-8") for path in files}
    for place in places_to_fill_in(texts):
        print(f"  {place}")
    print(
        "Then:\n"
        "  python fork.py --sync\n"
        f"  python -m pytest tests/test_{key}.py\n"
        f"  python -m data_prep {key} /path/to/{name} "
        f"--save_folder manifests/{key}\n"
        f"  python crossval.py {recipe} --data_folder /path/to/{name} --seeds 3"
    )


def export(name, destination):
    """Exports a recipe and prints how to run it."""
    folder, files = export_recipe(name, destination)
    print_written((destination / path).as_posix() for path in files)
    print(
        "Next:\n"
        f"  cd {(destination / folder).as_posix()}\n"
        "  pip install -r extra_requirements.txt\n"
        "  python train.py hparams/train.yaml "
        f"--data_folder=/path/to/{folder.split('/')[1]}"
    )


def print_written(paths):
    """Prints a line for each file."""
    for path in paths:
        print(f"wrote {path}")


def main():
    """Does one of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ways = parser.add_mutually_exclusive_group(required=True)
    ways.add_argument("name", nargs="?", help="of a new corpus: MyCorpus")
    ways.add_argument(
        "--sync", action="store_true", help="write what is derived anew"
    )
    ways.add_argument(
        "--standalone",
        nargs=2,
        metavar=("CORPUS", "DEST"),
        help="export a recipe into DEST, such as a checkout of SpeechBrain",
    )
    args = parser.parse_args()
    if args.sync:
        written = sync(ROOT)
        print_written(written)
        if not written:
            print("Nothing has drifted.")
    elif args.standalone:
        export(args.standalone[0], Path(args.standalone[1]))
    else:
        start(args.name)


if __name__ == "__main__":
    with user_errors():
        main()
