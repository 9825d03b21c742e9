"""Processes of joblib that work for the one that started them."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time


@contextlib.contextmanager
def without_interrupts():
    """Ignores Ctrl-C in a block, and so does each process that starts in it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # interrupts are the main thread's
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def serve():
    """Readies such a process: it ends with its parent, whatever kills that, and
    leaves Ctrl-C to it, where that is not inherited."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=exit_with_parent, daemon=True).start()


def exit_with_parent():
    """Ends this process when its parent is gone; what it did not save is made
    again at the next start."""
    parent = multiprocessing.parent_process()
    if os.name == "nt":
        parent.join()
    else:  # where joblib's processes cannot wait for it
        while os.getppid() == parent.pid:
            time.sleep(0.5)  # s
    os._exit(1)
