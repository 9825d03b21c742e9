"""Where the runs of a cross-validation are made: side by side on this machine by
joblib, or on the machines of a cluster by Ray. Both know one function, that makes
a run; a killed run goes on from its last checkpoint when it is made again.
"""

import functools
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from cross_validation.runs import make_run
from filelock import FileLock, Timeout
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from ser.cluster import start_ray
from ser.errors import RecipeError
from ser.workers import serve, without_interrupts
from tqdm import tqdm

TRIES = 3  # of what a dead worker left, without a run that ends between them


def run_all(hparams_file, run_opts, runs, todo, jobs, address):
    """Makes the runs that have not ended yet.

    Arguments
    ---------
    hparams_file, run_opts
        As for `cross_validation.runs.make_run`.
    runs, todo : list of dict
        All runs, and those that are left.
    jobs : int
        How many at a time on this machine; 0: as many as it has GPUs or cores.
    address : str
        Of a Ray cluster, whose machines share the folders; "" for this machine.

    Raises
    ------
    RecipeError
        If a run cannot be made, or workers keep dying.
    """
    job = functools.partial(make_run, hparams_file, run_opts)
    device = str(run_opts["device"])
    bar = tqdm(
        desc=f"{len(runs)} runs",
        total=len(runs),
        initial=len(runs) - len(todo),
        unit="run",
    )
    with bar:
        if not todo:
            return
        for _ in (
            on_cluster(job, todo, device, address)
            if address
            else on_this_machine(job, todo, device, jobs)
        ):
            bar.update()


def on_this_machine(job, todo, device, jobs):
    """Makes runs in processes of joblib; yields as each ends."""
    gpus = torch.cuda.device_count() if device.startswith("cuda") else 0
    jobs = min(jobs or gpus or os.cpu_count(), len(todo))
    if jobs == 1:  # no process is started, which takes seconds
        nothing = silence()  # left open, since loggers keep it
        for run in todo:
            with redirect_stderr(nothing), redirect_stdout(nothing):
                job(run, device)
            yield
        return
    left, tries = dict(enumerate(todo)), TRIES
    while left:
        tries -= 1
        try:
            for number in start(job, left, device, gpus, jobs):
                del left[number]
                tries = TRIES
                yield
        except TerminatedWorkerError as error:
            if not tries:
                raise RecipeError(
                    f"the process of a run was killed {TRIES} times in a row, as "
                    "it is where memory is short: pass a smaller --jobs than "
                    f"{jobs}; finished runs are kept."
                ) from error


def start(job, left, device, gpus, jobs):
    """Starts runs, a dict from their numbers; returns an iterator over the
    numbers of those that end."""
    with without_interrupts():
        threads = max(1, os.cpu_count() // jobs)
        with parallel_config("loky", inner_max_num_threads=threads):
            parallel = Parallel(jobs, return_as="generator_unordered")
            return parallel(
                delayed(work)(job, number, run, device, gpus)
                for number, run in list(left.items())
            )


def work(job, number, run, device, gpus):
    """Makes a run in a process of joblib, and returns its number."""
    job(run, settle(gpus) or device)
    return number


@functools.cache
def settle(gpus):
    """Readies a process of joblib, once: silences it, ends it when the one that
    started it is killed, and claims a GPU for it; returns that, or None."""
    sys.stdout = sys.stderr = silence()
    serve()
    for number in range(gpus):
        lock = FileLock(Path(tempfile.gettempdir(), f"ser_gpu{number}.lock"))
        try:
            claims.append(lock.acquire(blocking=False))
            return f"cuda:{number}"
        except Timeout:
            pass
    return f"cuda:{os.getpid() % gpus}" if gpus else None  # more jobs than GPUs


def silence():
    """Opens a file for what no one reads: runs have logs."""
    return open(os.devnull, "w", encoding="utf-8")


claims = []  # locks on a GPU, which live as long as the process


def on_cluster(job, todo, device, address):
    """Makes runs on the machines of a Ray cluster, one for each GPU or core;
    yields as each ends. Ray repeats what a dead worker left."""
    cuda = device.startswith("cuda")
    with start_ray(address) as ray:
        task = ray.remote(num_cpus=1, num_gpus=int(cuda), max_retries=TRIES)
        make = task(work_on_cluster)
        # Ray shows each of its workers the GPU that is its own, as number 0.
        device = "cuda:0" if cuda else device
        pending = [make.remote(job, os.getcwd(), run, device) for run in todo]
        while pending:
            (ended,), pending = ray.wait(pending)
            ray.get(ended)
            yield


def work_on_cluster(job, folder, run, device):
    """Makes a run in a process of Ray, from the folder where paths start."""
    os.chdir(folder)
    job(run, device)
