"""The command line of a recipe, as its help and as a command to repeat."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

DEFAULT = Path(__file__).resolve().parents[1] / "hparams/train.yaml"
HEADING = re.compile(r"^# -+ ([A-Z ]+) -+$", re.MULTILINE)
# What a value is, unless it is a section or follows from others
VALUE = re.compile(r"^[a-z]\w*: *(?=[^\s!&*\[{])([^#\n]*?) *(?:# *(.*))?$")
TEST = "  --test_only                tests a run that has ended\n"
OPTIONS = f"""\
options of SpeechBrain:
  --device cuda:0            or cpu, or mps
  --precision fp32           bf16 or fp16 where the settings have it
{TEST}\
  --debug                    a few batches, and tracebacks"""


def print_usage(about, default=DEFAULT):
    """Ends the program with the help if the command line asks for it, and with a
    sentence if it is wrong: before anything is imported that takes seconds.

    Arguments
    ---------
    about : str
        What the program is, as in its docstring.
    default : pathlib.Path
        The settings file whose keys are listed if none is given.
    """
    sys.excepthook = explain
    from ser.arguments import check_options
    from ser.errors import user_errors

    with user_errors():
        if {"-h", "--help"} & set(sys.argv[1:]):
            show(about, default)
            sys.exit()
        check_options(sys.argv[1:])


def show(about, default):
    """Prints the help of the settings file on the command line, or of the
    default one."""
    from ser.settings_file import read_settings, split_blocks

    given = [word for word in sys.argv[1:] if word.endswith((".yaml", ".yml"))]
    path = given[0] if given else default
    print(about.strip())
    print("\nEvery key of the settings file is an option (--lr 1e-4).")
    _, blocks = split_blocks(read_settings(path))
    for key, (lead, body) in blocks.items():
        if heading := HEADING.search(lead):
            print(f"\n{heading[1].strip().lower()}:")
        value, comment = find_value(body)
        if value is not None:
            option = f"--{key} {value}"
            print(f"  {option:<26} {comment}".rstrip())
    print(f"\n{OPTIONS if default == DEFAULT else OPTIONS.replace(TEST, '')}")


def explain(kind, error, trace):
    """Says in a sentence that a package is missing or broken, or that the user
    stopped the program, while it started; takes what `sys.excepthook` does."""
    from ser.errors import user_errors

    try:
        with user_errors():
            raise error
    except SystemExit as ended:
        print(ended, file=sys.stderr)
    except BaseException:
        sys.__excepthook__(kind, error, trace)


def find_value(body):
    """Finds the default and the comment of a key in its lines; the default is
    None if it is no plain value."""
    first, *others = body.splitlines()
    if any(line.strip() for line in others):
        return None, ""
    if reference := re.match(r"^\w+: !ref ([^#]*?) *(?:# *(.*))?$", first):
        is_file = "/" in reference[1] and reference[2]
        return (reference[1], reference[2]) if is_file else (None, "")
    if needed := re.match(r"^\w+: !PLACEHOLDER *(?:# *(.*))?$", first):
        return "(needed)", needed[1] or ""
    if applied := re.match(r"^\w+: !apply:\S+ \[\] *# *(.*)$", first):
        return "(built in)", applied[1]
    found = VALUE.match(first)
    return (found[1], found[2] or "") if found else (None, "")


def own_command(changes):
    """Writes the command that this process was started by, with other values
    for some options (a dict from keys)."""
    words, skipped = [], False
    for word in sys.argv[1:]:
        skipped = skipped and not word.startswith("--")
        if not skipped:
            key, equals, _ = word.removeprefix("--").partition("=")
            if word.startswith("--") and key in changes:
                skipped = not equals
            else:
                words.append(word)
        else:
            skipped = False
    words += [w for key, value in changes.items() for w in (f"--{key}", value)]
    program = ["python"]
    if "TORCHELASTIC_RUN_ID" in os.environ:
        processes = os.environ["LOCAL_WORLD_SIZE"]
        machines = int(os.environ["WORLD_SIZE"]) // int(processes)
        where = (
            ["--nnodes", str(machines)] if machines > 1 else ["--standalone"]
        )
        program = ["torchrun", *where, "--nproc_per_node", processes]
    return join_words([*program, Path(sys.argv[0]).name, *words])


def join_words(words):
    """Writes words (a list of str) as a command of this system."""
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return join(words)
