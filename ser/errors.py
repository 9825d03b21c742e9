"""Errors that a user can cause and put right."""

import contextlib
import logging
import sys


class RecipeError(Exception):
    """An error whose message is one sentence for the user: what was found,
    what was expected and what to do."""


@contextlib.contextmanager
def user_errors():
    """Ends the program with one sentence and exit status 1 where the user or
    the machine (a full disk, a missing permission) is at fault; any other
    error keeps its traceback, since it is a bug.

    Example
    -------
    >>> with user_errors():
    ...     pass
    """
    try:
        yield
    except KeyboardInterrupt:
        end(
            "stopped; everything saved is kept, and the same command resumes a "
            "run or a job."
        )
    except (RecipeError, OSError) as error:
        end(str(error))
    except Exception as error:
        # PyTorch's, by name, since not every program imports PyTorch.
        if type(error).__name__ != "OutOfMemoryError":
            raise
        end(
            f"the GPU has too little memory ({error}): for training, lower "
            "--encode_batch_length, --max_batch_length or the batch size, else "
            "take --device cpu."
        )


def end(message):
    """Logs a message as one line, where a log is kept, and exits with status
    1."""
    sentence = " ".join(message.split())
    if logging.getLogger().handlers:
        logging.getLogger(__name__).error(sentence)
    sys.exit(f"error: {sentence}")


@contextlib.contextmanager
def refused_options():
    """Turns what SpeechBrain raises about options, such as fp16 on a CPU or a
    GPU that does not exist, into a RecipeError."""
    try:
        yield
    except (ValueError, AssertionError, RuntimeError) as error:
        raise RecipeError(
            f"SpeechBrain refuses these options: {error}"
        ) from error
