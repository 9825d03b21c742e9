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

from ser.errors import user_errors

ROOT = Path(__file__).resolve().parent

NEXT = """\
It runs at once, on the built-in corpus:
  python train.py recipes/{name}/hparams/train.yaml
  python -m pytest tests/test_{key}.py
Fill in what says FILL IN, for three speakers or more (one each to train,
validate and test):
  data_prep/{key}_prepare.py: 1 the classes, 2 the names of files, 3 the facts,
    4 the data
  tests/test_{key}.py: 5 paths of clips, 6 paths of other files
  recipes/{name}/README.md: 7 what it is, 8 its defects
Then:
  python fork.py --sync
  python -m pytest tests/test_{key}.py
  python -m data_prep {key} /path/to/{name} --save_folder manifests/{key}
  python crossval.py recipes/{name}/hparams/train.yaml \
--data_folder /path/to/{name} --seeds 3"""


def main():
    """Does one of the three, and prints what was written and what is next."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_mutually_exclusive_group(required=True).add_argument
    add("name", nargs="?", help="of a new corpus: MyCorpus")
    add("--sync", action="store_true", help="rewrite what is derived")
    where = "export a recipe into DEST, such as a checkout of SpeechBrain"
    words = "CORPUS", "DEST"
    add("--standalone", nargs=2, metavar=words, help=where)
    args = parser.parse_args()
    # Here, since they take a second to import.
    from forking.derived import sync
    from forking.new_corpus import start_corpus
    from forking.standalone import export_recipe

    if args.sync:
        files = sync(ROOT)
        following = [] if files else ["Nothing has drifted."]
    elif args.standalone:
        name, destination = args.standalone
        folder, files = export_recipe(name, Path(destination))
        files = [f"{destination}/{path}" for path in files]
        following = [
            f"Next:\n  cd {destination}/{folder}",
            "  pip install -r extra_requirements.txt",
            "  python train.py hparams/train.yaml "
            f"--data_folder=/path/to/{folder.split('/')[1]}",
        ]
    else:
        key, files = start_corpus(args.name, ROOT)
        files = dict.fromkeys([*files, *sync(ROOT)])
        following = [NEXT.format(name=args.name, key=key)]
    print(*(f"wrote {path}" for path in files), *following, sep="\n")


if __name__ == "__main__":
    with user_errors():
        main()
