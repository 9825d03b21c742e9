"""Errors that a user can cause and mend."""

import contextlib
import sys

import speechbrain as sb
import torch


class RecipeError(Exception):
    """An error whose message is one sentence for the user: what was found,
    what was expected and what to do."""


@contextlib.contextmanager
def one_sentence_errors():
    """Ends the program with one sentence and exit status 1 where the user or
    the machine (a full disk, a missing permission) is at fault; any other
    error keeps its traceback, since it is ours.

    Example
    -------
    >>> with one_sentence_errors():
    ...     pass
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        end(
            f"the GPU has too little memory ({error}): lower "
            "--encode_batch_length, --max_batch_length or the batch size."
        )
    except KeyboardInterrupt:
        end("stopped; what was saved is kept, and the same command goes on.")
    except (RecipeError, OSError) as error:
        end(str(error))


def end(message):
    """Logs a message as one line and ends the program with status 1."""
    sentence = " ".join(message.split())
    sb.utils.logger.get_logger(__name__).error(sentence)
    sys.exit(f"error: {sentence}")
