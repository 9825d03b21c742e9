"""The history of a training, and the epoch counter, through a checkpoint."""

from ser.checkpoint import AtomicCheckpointer
from ser.history import TrainingHistory

from speechbrain.utils.epoch_loop import EpochCounterWithStopper


def resume(folder):
    """Starts as a new process does: what is checkpointed, recovered."""
    history = TrainingHistory(folder / "log.txt", str(folder / "events"))
    counter = EpochCounterWithStopper(9, 2, 0, "min")
    recoverables = {"history": history, "counter": counter}
    checkpointer = AtomicCheckpointer(folder / "save", recoverables)
    checkpointer.recover_if_possible()
    return history, counter, checkpointer


def train(folder, errors):
    """Trains on from the last checkpoint: an epoch for each error."""
    history, counter, checkpointer = resume(folder)
    for error in errors:
        epoch = next(counter)
        counter.update_metric(error)
        history.log_stats({"epoch": epoch}, {"loss": 1.0}, {"uar": 1 - error})
        checkpointer.save_checkpoint()
    history.tensorboard.writer.close()
    return history


def test_a_lost_epoch_is_not_logged_twice(tmp_path):
    """An epoch that was logged and not saved is logged by the resumed run."""
    train(tmp_path, [0.5])
    history, counter, _ = resume(tmp_path)
    history.log_stats({"epoch": 2}, {"loss": 9.0}, {"uar": 0.9})  # not saved
    history.tensorboard.writer.close()
    resumed = train(tmp_path, [0.4])
    resumed.log_stats({"best epoch": 2}, test_stats={"uar": 0.7})
    lines = (tmp_path / "log.txt").read_text("utf-8").splitlines()
    assert [line.split(" - ")[0] for line in lines] == [
        *("epoch: 1", "epoch: 2", "best epoch: 2")
    ]
    assert "valid uar: 6.0000e-01" in lines[1]
    assert [e["valid_uar"] for e in resumed.epochs] == [0.5, 0.6]
    assert len(list((tmp_path / "events").glob("events*"))) == 1


def test_a_resumed_run_remembers_its_best_epoch(tmp_path):
    """Killed at any epoch, training stops two epochs after the best one."""
    for error in (0.3, 0.5, 0.4):
        train(tmp_path, [error])
    _, counter, _ = resume(tmp_path)
    assert counter.should_stop
    assert (counter.best_limit, counter.best_score) == (1, 0.3)
