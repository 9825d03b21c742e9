#!/usr/bin/env python3
"""Writes the model of a finished run as a folder that others can load.

> python export.py results/crema_d/train/fold1/1 my_model
> python export.py results/crema_d/train/fold1/1 my_model --push USER/NAME

The folder needs no corpus, and holds weights, a card, and what stock
SpeechBrain and transformers load.
"""

import argparse
from pathlib import Path

from ser.errors import user_errors


def name_of(folder):
    """Names a folder in commands, without a path of this machine."""
    is_here = not folder.is_absolute() and ".." not in folder.parts
    return folder.as_posix() if is_here else f"path/to/{folder.name}"


def main():
    """Exports, pushes if asked to, and says what to do with the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("results", type=Path, help="folder of a finished run of train.py")
    add("dest", type=Path, help="folder to write, a new one")
    name = (
        "name a frozen encoder of the hub or of the repository, not include it"
    )
    add("--encoder_by_name", action="store_true", help=name)
    add("--onnx", action="store_true", help="write model.onnx as well")
    upload = "upload to the hub; a new repository is private"
    add("--push", metavar="USER/NAME", help=upload)
    args = parser.parse_args()
    # Here, since they take seconds to import.
    from sharing.push import check_push, push

    if args.push:
        check_push(args.push)
    from sharing.folder import export_model

    files = export_model(
        args.results,
        args.dest,
        args.push or name_of(args.dest),
        args.encoder_by_name,
        args.onnx,
    )
    print(*(f"wrote {args.dest / name}" for name in files), sep="\n")
    use = "share it"
    if args.push:
        print(f"pushed to {push(args.dest, args.push)}")
        use = "make the page public"
    print(
        f"Read the card, {args.dest / 'README.md'}, before you {use}. Try the "
        f"model:\n  python predict.py my.wav --model {args.push or args.dest}"
    )


if __name__ == "__main__":
    with user_errors():
        main()
