"""The history of a training: it is checkpointed, and written to logs."""

import json
import logging
import shutil
from pathlib import Path

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import main_process_only

# It warns when it is imported that it draws no figures, and none is drawn.
logging.getLogger("speechbrain.utils.train_logger").addFilter(
    lambda record: "torchvision" not in record.getMessage()
)
from speechbrain.utils.train_logger import FileTrainLogger, TensorboardLogger


@register_checkpoint_hooks
class TrainingHistory(FileTrainLogger):
    """A train logger that remembers each epoch and is checkpointed, so that
    the logs of a resumed run are those of one that was never killed: a killed
    run may have logged an epoch that it lost.

    Arguments
    ---------
    save_file : str
        The text log.
    tensorboard_folder : str
        Where events for TensorBoard go.
    precision : int
        Decimal places of the text log.

    Example
    -------
    >>> folder = Path(getfixture("tmpdir"))
    >>> history = TrainingHistory(folder / "log.txt", str(folder / "events"))
    >>> history.log_stats({"epoch": 1}, {"loss": 2.0}, {"loss": 3.0})
    >>> history.epochs
    [{'epoch': 1, 'train_loss': 2.0, 'valid_loss': 3.0}]
    """

    def __init__(self, save_file, tensorboard_folder, precision=4):
        super().__init__(save_file, precision)
        self.tensorboard_folder = tensorboard_folder
        self.tensorboard = None
        self.logged = []  # the arguments of `log_stats` for each epoch

    @property
    def epochs(self):
        """Lists the epochs, each a dict such as `epoch` (in a training that
        nothing validates `refit epoch`), `lr`, `train_loss`, `valid_loss` and
        `valid_uar`."""
        return [
            meta
            | {f"train_{name}": value for name, value in train.items()}
            | {f"valid_{name}": value for name, value in (valid or {}).items()}
            for meta, train, valid in self.logged
        ]

    @main_process_only
    def log_stats(
        self, stats_meta, train_stats=None, valid_stats=None, test_stats=None
    ):
        """Logs an epoch, or the scores of the test set, as SpeechBrain's
        loggers do (each argument is a dict, or None); the first call of a
        process starts the logs over."""
        if self.tensorboard is None:
            Path(self.save_file).unlink(missing_ok=True)
            shutil.rmtree(self.tensorboard_folder, ignore_errors=True)
            self.tensorboard = TensorboardLogger(self.tensorboard_folder)
            for epoch in self.logged:
                self._write(*epoch)
        if train_stats is None:
            super().log_stats(stats_meta, test_stats=test_stats)
        else:
            self.logged.append((stats_meta, train_stats, valid_stats))
            self._write(stats_meta, train_stats, valid_stats)

    def _write(self, *stats):
        """Writes one epoch to both logs."""
        super().log_stats(*stats)
        self.tensorboard.log_stats(*stats)

    @mark_as_saver
    def save(self, path):
        """Saves the epochs so far with a checkpoint."""
        Path(path).write_text(json.dumps(self.logged), encoding="utf-8")

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Loads the epochs up to a checkpoint."""
        self.logged = json.loads(Path(path).read_text(encoding="utf-8"))
