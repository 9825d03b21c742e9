"""Errors that a user can cause and put right."""

import contextlib
import gc
import logging
import os
import re
import sys
import traceback
from pathlib import Path


class RecipeError(Exception):
    """An error whose message is one sentence for the user: what was found,
    what was expected and what to do."""


ROOT = Path(__file__).resolve().parents[1]
INSTALL = (
    "activate the environment (source .venv/bin/activate, on Windows "
    ".venv\\Scripts\\activate), or install what is missing (python -m pip install "
    "-r requirements.txt; with --force-reinstall, what is broken)."
)

UNWRITABLE = "make it and its folder writable, or pass another --cache_folder"
ADVICE = {  # by a word of SQLite's error
    "locked": "end the process that has it, or pass another --cache_folder",
    "readonly": UNWRITABLE,
    "unable to open": UNWRITABLE,
    "full": "free some disk space",
}


def advise(error, otherwise):
    """Says what to do about an error of SQLite; `otherwise` (str) if the file
    itself is damaged."""
    found = (text for word, text in ADVICE.items() if word in str(error))
    return next(found, otherwise)


def check_finite(values, names):
    """Raises a RecipeError if there is NaN or infinity.

    Arguments
    ---------
    values : torch.Tensor or numpy.ndarray
        [row, ...].
    names : list of str
        What each row is, such as "the embedding of a.wav".
    """
    finite = (values - values == 0).reshape(len(values), -1).all(1)
    if not finite.all():
        name = next(name for name, good in zip(names, finite) if not good)
        raise RecipeError(
            f"{name} is not finite: remove clips with samples far beyond full "
            "scale, or, if a training diverged, lower --lr or --lr_wav2vec2 or "
            "use --precision fp32; everything saved is kept."
        )


@contextlib.contextmanager
def user_errors():
    """Ends the program with one sentence and exit status 1 where the user or
    the machine (a full disk, a missing permission) is at fault; any other
    error keeps its traceback, since it is a bug."""
    try:
        yield
    except KeyboardInterrupt:
        end("stopped; everything saved is kept, and the same command goes on.")
    except PermissionError as error:
        end(
            f"{error}: make it readable and its folder writable, or choose "
            "another one, such as by --output_folder and --cache_folder."
        )
    except BrokenPipeError:  # what reads the output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ImportError as error:
        package = (error.name or "").split(".")[0]
        if package and {package, f"{package}.py"} & set(os.listdir(ROOT)):
            raise  # of this repository
        end(f"{error}: {INSTALL}")
    except (RecipeError, OSError) as error:
        # As soundfile and torchaudio say that a library in C is missing
        broken = re.search("load (this )?library|shared object", str(error))
        end(f"{error}: {INSTALL}" if broken else str(error))
    except Exception as error:
        # PyTorch's, by name, since not every program imports PyTorch.
        if type(error).__name__ != "OutOfMemoryError":
            raise
        end(
            f"the GPU has too little memory ({error}): for training, lower "
            "--encode_batch_length, --max_batch_length or the batch size, else "
            "take --device cpu."
        )
    finally:
        # Python would examine all that was imported once more, for a second.
        gc.freeze()


def end(message):
    """Ends the program with a message as one line and status 1; logs it where a
    log is kept, and shows the traceback if --debug was given."""
    sentence = " ".join(message.split())
    words = __name__, logging.ERROR, "", 0, sentence, (), None
    for handler in logging.getLogger().handlers:
        # Others would say it twice.
        if isinstance(handler, logging.FileHandler):
            handler.handle(logging.LogRecord(*words))
    if "--debug" in sys.argv:
        traceback.print_exc()
    sys.exit(f"error: {sentence}")


@contextlib.contextmanager
def refused_options():
    """Turns what SpeechBrain raises about options, such as fp16 on a CPU or a
    GPU that does not exist, into a RecipeError."""
    try:
        yield
    except (ValueError, AssertionError, RuntimeError) as error:
        raise RecipeError(
            f"SpeechBrain refuses these options ({error}): correct them, such as "
            "--device cpu where there is no GPU, and --precision fp32."
        ) from error
