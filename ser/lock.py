"""One process at a time in an output folder."""

import contextlib
import os
import platform
from pathlib import Path

from filelock import FileLock, Timeout
from ser.errors import RecipeError

from speechbrain.utils.distributed import if_main_process


@contextlib.contextmanager
def locked(folder):
    """Keeps other processes out of a folder, which is made; the lock ends with
    the process, whatever kills it.

    Arguments
    ---------
    folder : str or pathlib.Path
        Output folder of a run, or of all runs of a cross-validation.

    Raises
    ------
    RecipeError
        If another process has it.
    """
    if not if_main_process():  # of several that make one run together
        yield
        return
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / ".lock"), folder / ".lock_holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = "another process"
        with contextlib.suppress(OSError):
            who = holder.read_text("utf-8").strip() or who
        raise RecipeError(
            f"{folder} is in use by {who}: wait for it, stop it, or choose "
            "another --output_folder."
        ) from None
    with lock:
        holder.write_text(
            f"process {os.getpid()} on {platform.node()}", "utf-8"
        )
        yield
        holder.unlink(missing_ok=True)
