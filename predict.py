#!/usr/bin/env python3
"""Says which emotion is heard in recordings.

> python predict.py my.wav
> python predict.py calls/ "more/*.wav" table.csv --out predictions.csv
> python predict.py interview.wav --window 4 --hop 1 --plot timeline.png

AUDIO is any mix of files, folders (with all below them), patterns, and CSV, TSV
or Parquet tables of paths (column path, wav, file or filename). A file that is
named twice is answered once. The exit status is 1 if a file got no answer: its
row says why.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from itertools import chain

from prediction import output
from prediction.sources import find_audio, find_speakers
from ser.errors import RecipeError, user_errors
from ser.files import as_text

PICTURES = (".png", ".svg", ".pdf")
STOPPED = "stopped before the table was written."


def parse_command_line():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("audio", nargs="+", metavar="AUDIO", help="what to listen to")
    model = "results folder, exported folder, .onnx file or hub name USER/NAME"
    add("--model", help=f"{model} (default: the one that ships)")
    out = ".csv, .jsonl or .parquet, in place of a table"
    add("--out", metavar="FILE", help=out)
    unsure = 'below this probability the answer is "uncertain"'
    add("--abstain", type=float, default=0.0, metavar="P", help=unsure)
    add("--device", help="cpu, cuda, cuda:1 or mps (default: cuda if there)")
    add = parser.add_argument_group(
        "speakers, for a model with speaker normalisation"
    ).add_argument
    column = "column of the tables that says who speaks"
    add("--speaker_column", metavar="NAME", help=column)
    pattern = "regular expression whose one group is the speaker in a path"
    add("--speaker_pattern", metavar="REGEX", help=pattern)
    add = parser.add_argument_group("long audio").add_argument
    windows = "answer for every window of so many seconds, such as 4"
    add("--window", type=float, metavar="S", help=windows)
    hop = "seconds from one window to the next (default: a quarter of it)"
    add("--hop", type=float, metavar="S", help=hop)
    smooth = "average over so many windows, an odd number"
    add("--smooth", type=int, default=0, metavar="N", help=smooth)
    add("--plot", metavar="FILE", help="draw the windows of one recording")
    add = parser.add_argument_group("very many files, on Ray").add_argument
    add("--bulk", metavar="DIR", help="write Parquet parts to this folder")
    add("--address", help="of a Ray cluster (default: this machine)")
    args = parser.parse_args()
    if reason := find_misuse(args):
        parser.error(reason)
    return args


def find_misuse(args):
    """Finds what is wrong with the options; returns a sentence or None."""
    if not 0 <= args.abstain <= 1:
        return f"--abstain is {args.abstain}: expected a probability, 0 to 1"
    if args.window is None and (
        args.hop is not None or args.smooth or args.plot
    ):
        return "--hop, --smooth and --plot need --window, such as --window 4"
    named = bool(args.speaker_column) + bool(args.speaker_pattern)
    if named > 1 or (named and (args.bulk or args.window is not None)):
        return (
            "--speaker_column and --speaker_pattern go with clips, one of them "
            "and without --window and --bulk"
        )
    if args.address and not args.bulk:
        return "--address needs --bulk"
    if args.bulk and (args.out or args.device or args.window is not None):
        return "--bulk goes with --model, --abstain and --address only"
    formats = {args.out: output.OUT_ENDINGS, args.plot: PICTURES}
    for file, endings in formats.items():
        if file and not file.lower().endswith(endings):
            return f"'{file}' has none of the endings {' '.join(endings)}"
        if file and os.path.isdir(file):
            return f"'{file}' is a folder: name a file"
    read = map(os.path.abspath, args.audio)
    if args.out and os.path.abspath(args.out) in read:
        return f"'{args.out}' is read, and --out would replace it"


def load(source, device):
    """Loads the model, and says what it is."""
    from ser.inference import load_model

    if device is None:
        device = "cpu"
        if not (source or "").endswith(".onnx"):
            import torch

            device = "cuda" if torch.cuda.is_available() else "cpu"
    recogniser = load_model(source, device)
    print(output.escaped(recogniser.about), file=sys.stderr)
    return recogniser


def predict(recogniser, found, speakers, args):
    """Yields the place in `found` of each file and its answers: one for a
    clip, one for each window of long audio. `speakers` has the speaker of each
    file that can be opened, or is None."""
    from ser.inference import Prediction
    from tqdm import tqdm

    for place, (path, reason) in enumerate(found):
        if reason:
            yield place, [Prediction(path, None, {}, None, reason)]
    places = [n for n, (_, reason) in enumerate(found) if not reason]
    paths = [found[place][0] for place in places]
    if args.window is None:
        clips = recogniser.predict_files(
            paths, abstain=args.abstain, speakers=speakers
        )
        bar = tqdm(clips, total=len(paths), unit="clip", disable=None)
        for index, prediction in bar:
            yield places[index], [prediction]
        return
    with tqdm(unit=" windows", disable=None) as bar:
        for number, (place, path) in enumerate(zip(places, paths), start=1):
            bar.set_description(f"file {number} of {len(paths)}")
            yield place, predict_windows(recogniser, path, args, bar)


def predict_windows(recogniser, path, args, bar):
    """Lists the segments of a recording, or what is the matter with it."""
    from ser.inference import Prediction
    from ser.timeline import timeline

    segments = []
    try:
        for segment in timeline(
            recogniser, path, args.window, args.hop, args.smooth, args.abstain
        ):
            segments.append(segment)
            bar.update()
    except RecipeError as error:
        note = str(error).removeprefix(path).lstrip(": ")
        return [Prediction(path, None, {}, None, note)]
    return segments


def has_failed(answers):
    """Tells whether a file got no answer, or ended before it should."""
    last = vars(answers[-1])
    cut_short = "start" in last and last["start"] == last["end"]
    return cut_short or all(answer.emotion is None for answer in answers)


def describe_speakers(answered):
    """Says how many of the clips that got an answer have too few of their
    speaker (a list of str) to be normalised."""
    from ser.speakers import MIN_CLIPS, UNKNOWN, has_statistics

    clips = Counter(answered)
    few = sum(n for s, n in clips.items() if not has_statistics(s, n))
    return (
        f"{len(clips.keys() - {UNKNOWN})} speakers were found; for {few} of "
        f"{len(answered)} clips the speaker is unknown or has fewer than "
        f"{MIN_CLIPS} clips: {output.WITHOUT_SPEAKERS}"
    )


def stop(*_):
    """Ends the program at once: as an exception, an interrupt may leave a lock
    locked, for which threads would wait without end."""
    os.write(2, f"\nerror: {STOPPED}\n".encode())
    os._exit(1)


def make_row(path, answer, columns):
    """Makes a row of the table, with None where there is no value."""
    values = vars(answer) | answer.probabilities | {"path": path}
    row = (values.get(name) for name in columns)
    return [round(v, 6) if isinstance(v, float) else v for v in row]


def run(args, found):
    """Answers for all files and writes the table; returns how many files got
    no answer."""
    if args.window is not None:
        from ser.timeline import check_arguments

        args.hop = args.window / 4 if args.hop is None else args.hop
        check_arguments(args.window, args.hop, args.smooth, args.abstain)
    if args.plot and len(found) > 1:
        raise RecipeError(
            f"--plot draws one recording, and {len(found)} were found: name one."
        )
    for file in filter(None, (args.out, args.plot)):
        output.check_file(file)
    paths = [path for path, reason in found if not reason]
    speakers = find_speakers(
        paths, args.audio, args.speaker_column, args.speaker_pattern
    )
    recogniser = load(args.model, args.device)
    if recogniser.normalise == "speaker" and speakers is None:
        print(
            f"no speakers were given: {output.WITHOUT_SPEAKERS}",
            file=sys.stderr,
        )
    classes, failed = recogniser.classes, 0
    columns = ["path", "emotion", *classes, "duration", "note"]
    if args.window is not None:
        columns = ["path", "start", "end", "emotion", *classes, "note"]
    rows, answered = [[] for _ in found], []
    speaker_of = dict(zip(paths, speakers or ()))
    before = signal.signal(signal.SIGINT, stop)
    for place, answers in predict(recogniser, found, speakers, args):
        path = as_text(found[place][0])
        rows[place] = [make_row(path, a, columns) for a in answers]
        failed += has_failed(answers)
        if speakers and answers[-1].emotion:
            answered.append(speaker_of[found[place][0]])
    signal.signal(signal.SIGINT, before)
    rows = list(chain.from_iterable(rows))
    output.write_table(args.out, columns, classes, rows)
    if args.out:
        print(f"wrote {args.out}", file=sys.stderr)
    if args.plot and any(answer.emotion for answer in answers):
        from prediction.plot import plot_timeline

        title = as_text(os.path.basename(found[0][0]))
        plot_timeline(answers, classes, args.plot, title)
        print(f"wrote {args.plot}", file=sys.stderr)
    if speakers:
        print(describe_speakers(answered), file=sys.stderr)
    if failed:
        count = f"{failed} of {len(found)} files"
        print(f"no answer for {count}: see their notes", file=sys.stderr)
    return failed


def main():
    """Predicts, here or as a bulk job."""
    args = parse_command_line()
    found = find_audio(args.audio)
    if args.bulk:
        from prediction.bulk import run_bulk

        job = args.bulk, args.address, args.abstain
        sys.exit(1 if run_bulk(args.model, found, *job) else 0)
    try:
        failed = run(args, found)
    except KeyboardInterrupt:
        raise RecipeError(STOPPED) from None
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    with user_errors():
        main()
