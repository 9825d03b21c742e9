"""Bulk prediction on Ray Data, into a folder of Parquet parts.

A part counts once Ray has committed its checkpoint, a list of its clips that is
written before it and renamed after it. Each start has its own folder for them;
renaming that keeps workers which outlive a killed start from committing more.
"""

import contextlib
import hashlib
import json
import logging
import os
import pickle
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np
from prediction.output import TEXTS, WITHOUT_SPEAKERS, escaped, import_pyarrow
from ser.audio import SAMPLE_RATE
from ser.clips import find_length
from ser.cluster import start_ray
from ser.errors import RecipeError
from ser.files import as_text, write_text
from ser.inference import Prediction, load_model
from tqdm import tqdm

CORES = 2  # of a worker without a GPU
GPU_SPEED = 10  # of a GPU relative to these cores, at least
# A kill loses the parts that are being computed: half a minute of work, and a
# minute at most where it takes twice as long as measured.
PART_WORK = 30  # s
PART_AUDIO = 1800  # s at most, since reading is not measured
OPENING = 0.5  # s of audio that opening a file counts as
PARTS = 8  # a worker at least, so that all end at about the same time
# Readers of Parquet pass over what begins with _
JOB, CHECKPOINTS, CLOSED = "_job.json", "_checkpoints", ".closed"


def run_bulk(model, found, out_dir, address=None, abstain=0.0):
    """Predicts the emotion of very many files; after a kill, the same call goes
    on.

    Arguments
    ---------
    model : str or None
        As for `ser.inference.load_model`. On a cluster it, this repository,
        the files and `out_dir` have the same paths on all machines.
    found : list of (str, str)
        Paths, and why there is nothing to open, from `find_audio`.
    out_dir : str
        The folder for the parts.
    address : str or None
        Of a Ray cluster; None is this machine.
    abstain : float
        The probability below which the emotion is "uncertain".

    Returns
    -------
    int
        How many files in the folder have no answer.

    Raises
    ------
    RecipeError
        If Ray is missing, or the folder is of another job.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(CORES))
    recogniser, out_dir = load_model(model), Path(out_dir).absolute()
    print(escaped(recogniser.about), file=sys.stderr)
    if recogniser.normalise == "speaker":
        print(f"--bulk takes no speakers: {WITHOUT_SPEAKERS}", file=sys.stderr)
    open_job(out_dir, {"model": identify(recogniser), "abstain": abstain})
    clips = {as_text(clip[0]): clip for clip in found}
    done = settle(out_dir)
    if left := [clip for name, clip in clips.items() if name not in done]:
        speed = measure_speed(recogniser)
        with start_ray(address, "ray.data") as ray:
            compute(ray, left, (model, abstain, os.getcwd()), speed, out_dir)
        done = settle(out_dir)
    if clips.keys() - done.keys():
        raise RecipeError(
            f"clips are missing in '{out_dir}', which Ray did not commit: "
            "repeat the command."
        )
    failed = list(done.values()).count(None)
    print(
        f"{len(done)} rows, {len(left)} of them new, {failed} without an "
        f"answer (see their notes): pandas.read_parquet({str(out_dir)!r})"
    )
    return failed


def open_job(out_dir, settings):
    """Writes down what a job computes, and refuses to mix two in a folder."""
    if not (file := out_dir / JOB).exists():
        if out_dir.exists() and any(out_dir.iterdir()):
            raise RecipeError(f"'{out_dir}' is not empty: name a new folder.")
        write_text(json.dumps(settings, indent=2) + "\n", file)
    begun = json.loads(file.read_text("utf-8"))
    if other := [n for n, value in settings.items() if begun[n] != value]:
        raise RecipeError(
            f"'{out_dir}' was begun with another {' and '.join(other)} (see "
            f"{JOB} there): use the same, or name a new folder."
        )


def identify(recogniser):
    """Hashes the weights of a model, wherever they lie, or an ONNX file."""
    network = recogniser.network
    if not hasattr(network, "model"):
        return hashlib.sha256(Path(network.path).read_bytes()).hexdigest()
    from ser.hidden_states import weights_sha256

    weights = weights_sha256(network.model.state_dict())
    return f"{weights}, temperature {network.model.temperature}"


def settle(out_dir):
    """Closes the checkpoints of all starts and removes parts that were not
    committed or are damaged; returns the emotion of each clip that is done."""
    pyarrow, done = import_pyarrow(), {}
    for start in list((out_dir / CHECKPOINTS).glob("*")):
        if start.suffix != CLOSED:
            start = start.rename(start.with_suffix(CLOSED))
        files = {file.name for file in start.iterdir()}
        for name in {file.split(".")[0] for file in files}:
            part = out_dir / f"{name}-0.parquet"
            with contextlib.suppress(FileNotFoundError, pyarrow.ArrowException):
                # Also there if a second try of a committed part was killed
                if f"{name}.pending.parquet" not in files:
                    with pyarrow.parquet.ParquetFile(part) as file:
                        rows = file.read(["path", "emotion"]).to_pydict()
                    done.update(zip(rows["path"], rows["emotion"]))
                    continue
            part.unlink(missing_ok=True)
    return done


def measure_speed(recogniser):
    """Returns how many seconds of audio are classified in a second here."""
    noise = np.random.default_rng(0).normal(size=10 * SAMPLE_RATE)
    for _ in range(2):  # the first time is slower
        start = time.perf_counter()
        recogniser.classify([noise.astype(np.float32)])
    return 10 / (time.perf_counter() - start)


def make_parts(clips, seconds, workers):
    """Yields lists of clips of similar length, so many seconds in all."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        lengths = list(pool.map(find_length, [path for path, _ in clips]))
    costs = np.array(lengths) + OPENING
    order = np.argsort(-costs)
    most = min(seconds, PART_AUDIO, costs.sum() / PARTS / workers)
    numbers = np.cumsum(costs[order]) // most
    for _, part in groupby(zip(numbers, order), key=lambda pair: pair[0]):
        yield [clips[index] for _, index in part]


class Worker:
    """Holds the model in an actor of Ray."""

    def __init__(self, model, abstain, folder, device):
        os.chdir(folder)  # where relative paths start
        self.recogniser, self.abstain = load_model(model, device), abstain

    def __call__(self, batch):
        """Turns a list of clips into rows."""
        clips = pickle.loads(batch["clips"][0].as_py())
        rows = [Prediction(p, None, {}, None, why) for p, why in clips if why]
        paths = [path for path, why in clips if not why]
        answers = self.recogniser.predict_files(paths, abstain=self.abstain)
        rows += [answer for _, answer in answers]
        for n, row in enumerate(rows):
            name = as_text(row.path)
            rows[n] = vars(row) | row.probabilities | {"path": name}
        pyarrow, classes = import_pyarrow(), self.recogniser.classes
        schema = [
            (name, pyarrow.string() if name in TEXTS else pyarrow.float64())
            for name in ("path", "emotion", *classes, "duration", "note")
        ]
        return pyarrow.Table.from_pylist(rows, pyarrow.schema(schema))


def compute(ray, clips, worker, speed, out_dir):
    """Computes and writes all parts."""
    from pyarrow.fs import LocalFileSystem
    from ray.data.checkpoint import CheckpointConfig

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context, files = ray.data.DataContext.get_current(), LocalFileSystem()
    context.enable_progress_bars = False  # they count parts
    checkpoints = out_dir / CHECKPOINTS / uuid.uuid4().hex
    checkpoints.mkdir(parents=True)
    context.checkpoint_config = CheckpointConfig(
        id_column="path",
        checkpoint_path=str(checkpoints),
        delete_checkpoint_on_success=False,
        override_filesystem=files,
    )
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if workers := int(sum(node.get("GPU", 0) for node in nodes)):
        device, each = "cuda", {"num_gpus": 1, "num_cpus": 1}
        speed *= GPU_SPEED
    else:
        nodes = [int(node.get("CPU", 0)) for node in nodes]
        cores = min(CORES, max(nodes)) or 1
        workers = sum(node // cores for node in nodes) or 1
        device, each = "cpu", {"num_cpus": cores}
    # A row, a block, a task and a part are one, so that a retry does all of it.
    rows = [
        {"clips": pickle.dumps(part)}
        for part in make_parts(clips, PART_WORK * speed, workers)
    ]
    data = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        Worker,
        fn_constructor_args=(*worker, device),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        **each,
    )
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=len(clips), unit="clip", disable=None) as bar,
    ):
        pool.submit(follow, checkpoints, bar)
        data.write_parquet(
            str(out_dir),
            filesystem=files,
            concurrency=1,  # or each part would start a process
            ray_remote_args={"num_cpus": 0},  # the workers have all cores
        )
        bar.update(bar.total - bar.n)


def follow(checkpoints, bar):
    """Moves a bar by the clips that are committed, until it is closed."""
    seen, pyarrow = set(), import_pyarrow()
    while not bar.disable:
        for file in set(checkpoints.glob("*[0-9].parquet")) - seen:
            seen.add(file)
            bar.update(pyarrow.parquet.read_metadata(file).num_rows)
        time.sleep(1)
