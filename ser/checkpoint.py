"""Checkpoints that are whole or absent, whatever kills a run or harms a disk."""

import hashlib
import json
import logging
import os
import shutil

import torch
from ser.errors import RecipeError

from speechbrain.utils.checkpoints import (
    CKPT_PREFIX,
    Checkpointer,
    ckpt_recency,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import ddp_barrier, if_main_process
from speechbrain.utils.epoch_loop import EpochCounterWithStopper
from speechbrain.utils.logger import get_logger

# SpeechBrain leaves it out, so a resumed run would forget its best epoch and
# stop too late.
register_checkpoint_hooks(EpochCounterWithStopper)

logger = get_logger(__name__)

UNFINISHED = "unfinished"
HASHES = "sha256.json"  # of the other files of a checkpoint


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's checkpointer, with checkpoints that are whole or absent.

    The stock one writes into the final folder, the meta file first, so that
    a run killed in the middle leaves what looks like a checkpoint and does not
    load; the same happens when it deletes. One whose files are not as they were
    written is left out, since some damage loads without a word.

    Arguments
    ---------
    *args, **kwargs
        As for `speechbrain.utils.checkpoints.Checkpointer`.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> checkpointer = AtomicCheckpointer(folder, {"x": torch.nn.Linear(1, 1)})
    >>> checkpointer.save_and_keep_only(meta={"valid_uar": 0.5})
    >>> checkpointer.find_checkpoint().meta["valid_uar"]
    0.5
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.checked = {}  # from paths to whether they are whole

    def list_checkpoints(self):
        """Lists the whole checkpoints; raises RecipeError if there are none but
        damaged ones."""
        paths = [
            path
            for path in self.checkpoints_dir.iterdir()
            if path.is_dir() and path.name.startswith(CKPT_PREFIX)
        ]
        for path in set(paths) - self.checked.keys():
            self.checked[path] = is_whole(path)
            if not self.checked[path]:
                logger.warning("%s is damaged, and is left out", path)
        whole = [path for path in paths if self.checked[path]]
        if paths and not whole:
            raise RecipeError(
                f"every checkpoint in {self.checkpoints_dir} is damaged: delete "
                "that folder to train from the start."
            )
        return self._construct_checkpoint_objects(whole)

    def _new_checkpoint_dirpath(self):
        """Puts a new checkpoint where no search finds it."""
        final = super()._new_checkpoint_dirpath()
        return final.parent / UNFINISHED / final.name

    def save_checkpoint(self, *args, **kwargs):
        """Saves into a folder beside, then moves it into place."""
        try:
            if if_main_process():
                shutil.rmtree(
                    self.checkpoints_dir / UNFINISHED, ignore_errors=True
                )
            saved = super().save_checkpoint(*args, **kwargs)
            if if_main_process():
                final = self.checkpoints_dir / saved.path.name
                hashes = json.dumps(hash_files(saved.path))
                (saved.path / HASHES).write_text(hashes, "utf-8")
                os.replace(saved.path, final)
                self.checked[final] = True
                (saved,) = self._construct_checkpoint_objects([final])
        except torch.OutOfMemoryError:
            raise
        # PyTorch's writer turns a full disk into a RuntimeError.
        except (OSError, RuntimeError) as error:
            writers = ("PytorchStreamWriter", "inline_container", "iostream")
            if not isinstance(error, OSError) and not any(
                word in str(error) for word in writers
            ):
                raise
            raise RecipeError(
                f"a checkpoint could not be written to {self.checkpoints_dir} "
                f"({error}): free some disk space and start the same command "
                "again; it resumes from the last checkpoint, which is kept."
            ) from error
        ddp_barrier()
        return saved

    def delete_checkpoints(
        self,
        *,
        num_to_keep=1,
        min_keys=None,
        max_keys=None,
        importance_keys=(ckpt_recency,),
        ckpt_predicate=None,
        verbosity=logging.INFO,
    ):
        """Deletes all but the `num_to_keep` first in each order."""
        # One listing for all orders: it parses a file for each checkpoint.
        found = self.find_checkpoints(ckpt_predicate=ckpt_predicate)
        orders = list(importance_keys)
        orders += [lambda c, key=key: -c.meta[key] for key in min_keys or []]
        orders += [lambda c, key=key: c.meta[key] for key in max_keys or []]
        kept = {
            ckpt.path
            for order in orders
            for ckpt in sorted(found, key=order, reverse=True)[:num_to_keep]
        }
        ddp_barrier()
        if if_main_process():
            for path in {ckpt.path for ckpt in found} - kept:
                # Out of sight in one step, since removing a folder takes many.
                deleted = self.checkpoints_dir / UNFINISHED / "deleted"
                os.replace(path, deleted)
                shutil.rmtree(deleted)
        ddp_barrier()


def hash_files(folder):
    """Hashes the files of a checkpoint's folder (pathlib.Path), but for the
    hashes; returns a dict from names to hexadecimal digits."""
    hashes = {}
    for path in folder.iterdir():
        if path.name != HASHES:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(2**20):
                    digest.update(block)
            hashes[path.name] = digest.hexdigest()
    return hashes


def is_whole(folder):
    """Tells whether the files of a checkpoint are as they were written."""
    try:
        hashes = json.loads((folder / HASHES).read_text("utf-8"))
        return hashes == hash_files(folder)
    except (OSError, ValueError):
        return False
