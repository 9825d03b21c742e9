"""Pooled embeddings on disk: each clip is encoded once, for all folds, seeds
and heads.
"""

import hashlib
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import torch
from speechbrain.dataio.batch import PaddedBatch
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ser.audio import SAMPLE_RATE, read_audio
from ser.errors import RecipeError

# Raise it with any change to the reading, encoding or pooling of audio that
# changes an embedding.
VERSION = 1

# Batches are padded to a multiple of it. Each new shape of a batch has PyTorch
# keep new kernels on a CPU, so without it memory grows with the clips.
STEP = SAMPLE_RATE // 10  # samples


class EmbeddingStore:
    """A file of embeddings, found by what they were made of.

    The key is a hash of the file's bytes, of the encoder's weights and
    config, of the pooling and of the pre-processing, so a vector that was
    made of anything else is never found. Each batch is a transaction of
    SQLite: a killed run loses at most the batch in flight, and no reader sees
    half of one.

    Arguments
    ---------
    path : str or pathlib.Path
        The file, made if it is not there.
    encoder : ser.encoder.Encoder
        A frozen encoder.
    pooling : ser.pooling.Pooling
        A pooling without parameters.
    """

    def __init__(self, path, encoder, pooling):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.shape = (encoder.num_layers + 1, pooling.output_size)
        made_of = (VERSION, SAMPLE_RATE, encoder.fingerprint(), pooling.kind)
        self.made_of = repr(made_of).encode()
        self.keys = {}  # of each file that was asked for
        self.connection = None
        with closing(self.connect()):
            pass  # a file that is no store is found before anything is made

    def connect(self):
        """Opens the file.

        Returns
        -------
        sqlite3.Connection
        """
        try:
            # Others may write to the same store: wait for them, in seconds.
            connection = sqlite3.connect(self.path, timeout=600)
            connection.execute("PRAGMA page_size = 32768")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS embeddings"
                " (key BLOB PRIMARY KEY, vectors BLOB NOT NULL)"
            )
            return connection
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error

    def broken(self, error):
        """Returns the error for a store that cannot be read or written."""
        return RecipeError(
            f"the embedding store {self.path} cannot be used ({error}): free "
            "some disk space, or delete it and it is made anew."
        )

    def __getstate__(self):
        """Leaves the connection behind, which no other process may use."""
        return self.__dict__ | {"connection": None}

    def key(self, path):
        """Says under what the embedding of a file is kept.

        Arguments
        ---------
        path : str
            The audio file.

        Returns
        -------
        bytes
        """
        if path not in self.keys:
            digest = hashlib.sha256(self.made_of)
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            self.keys[path] = digest.digest()
        return self.keys[path]

    def read(self, path):
        """Reads the embedding of a file.

        Arguments
        ---------
        path : str
            The audio file, which `fill` was given.

        Returns
        -------
        torch.Tensor
            [layer + 1, channel]
        """
        if self.connection is None:
            self.connection = self.connect()
        (vectors,) = self.connection.execute(
            "SELECT vectors FROM embeddings WHERE key = ?", (self.key(path),)
        ).fetchone()
        vectors = torch.frombuffer(bytearray(vectors), dtype=torch.float32)
        return vectors.view(self.shape)

    def missing(self, paths):
        """Lists the files whose embedding is not there.

        Arguments
        ---------
        paths : list of str
            Audio files.

        Returns
        -------
        list of str
            Those without, each once where several are byte-identical.
        """
        with closing(self.connect()) as connection:
            found = {
                key: path
                for path in paths
                if not connection.execute(
                    "SELECT 1 FROM embeddings WHERE key = ?",
                    (key := self.key(path),),
                ).fetchone()
            }
        return list(found.values())

    def fill(
        self, durations, encoder, pooling, max_batch_length, num_workers=0
    ):
        """Encodes what is missing, longest clips first, so that a machine
        with too little memory says so at once.

        Arguments
        ---------
        durations : dict
            From audio file to its length in seconds.
        encoder : ser.encoder.Encoder
            The one that the store was opened with.
        pooling : ser.pooling.Pooling
            The one that the store was opened with.
        max_batch_length : float
            Most seconds of audio in a batch, padding included.
        num_workers : int
            Processes that read audio ahead.

        Raises
        ------
        RecipeError
            If a file is not readable any more, or the disk is full.
        """
        try:
            paths = self.missing(list(durations))
            paths.sort(key=durations.get, reverse=True)
            if paths:
                self.encode(
                    paths,
                    durations,
                    encoder,
                    pooling,
                    max_batch_length,
                    num_workers,
                )
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error

    @torch.inference_mode()
    def encode(
        self, paths, durations, encoder, pooling, max_batch_length, num_workers
    ):
        """Encodes files and keeps their embeddings, a batch at a time."""
        device = next(encoder.parameters()).device
        step = STEP / SAMPLE_RATE
        batches = batch_by_length(
            [math.ceil(durations[path] / step) * step for path in paths],
            max_batch_length,
        )
        loader = DataLoader(
            AudioFiles(paths),
            batch_sampler=batches,
            collate_fn=PaddedBatch,
            num_workers=num_workers,
            # Or a run would draw other random numbers where the store is full.
            generator=torch.Generator(),
        )
        bar = tqdm(
            total=sum(durations[path] for path in paths),
            desc="encoding",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s "
            "of audio{postfix} [{elapsed}<{remaining}]",
            disable=None,
        )
        with closing(self.connect()) as connection, bar:
            for batch, members in zip(loader, batches):
                wavs, lens = batch.to(device).wav
                padding = -wavs.shape[1] % STEP
                lens = lens * wavs.shape[1] / (wavs.shape[1] + padding)
                wavs = torch.nn.functional.pad(wavs, (0, padding))
                vectors = pooling(*encoder(wavs, lens)).float().cpu().numpy()
                files = [paths[member] for member in members]
                with connection:
                    connection.executemany(
                        "INSERT OR REPLACE INTO embeddings VALUES (?, ?)",
                        [
                            (self.key(file), vector.tobytes())
                            for file, vector in zip(files, vectors)
                        ],
                    )
                bar.update(sum(durations[file] for file in files))
                bar.set_postfix_str(f"{members[-1] + 1}/{len(paths)} clips")


class AudioFiles(Dataset):
    """Reads audio files by their number.

    Arguments
    ---------
    paths : list of str
        The files.
    """

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return {"wav": read_audio(self.paths[index])}


def batch_by_length(lengths, max_batch_length):
    """Cuts a list that is sorted by length into batches.

    Arguments
    ---------
    lengths : list of float
        In seconds, the longest first.
    max_batch_length : float
        Most seconds in a batch, padding included; a longer clip is alone.

    Returns
    -------
    list of list of int
        Indices of the members of each batch.

    Example
    -------
    >>> batch_by_length([9, 4, 3, 2, 2], max_batch_length=8)
    [[0], [1, 2], [3, 4]]
    """
    batches = []
    for index, length in enumerate(lengths):
        if batches and (
            lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= max_batch_length
        ):
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
