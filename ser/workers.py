"""Processes of joblib that work for the one that started them."""

import multiprocessing
import os
import signal
import threading
import time


def serve():
    """Readies such a process: it ends with its parent, whatever kills that, and
    leaves Ctrl-C to it."""
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
