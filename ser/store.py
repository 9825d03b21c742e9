"""The store of pooled embeddings: each clip is encoded once, for all folds, seeds
and heads.

> python -m ser.store cache/embeddings.sqlite
> python -m ser.store cache/embeddings.sqlite --delete crema_d_small

The first lists what was encoded by what, the second deletes what an encoder made.
"""

import argparse
import hashlib
import math
import sqlite3
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import torch
from ser.audio import SAMPLE_RATE
from ser.encoding import encode
from ser.errors import RecipeError, advise, check_finite, user_errors
from tqdm import tqdm

from speechbrain.utils.distributed import (
    ddp_barrier,
    ddp_broadcast,
    if_main_process,
)
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

# Raise it with any change to the reading, encoding or pooling of audio that
# changes an embedding.
VERSION = 2

DIGEST = 32  # bytes after each embedding, by which damage is found
DTYPES = {"fp32": np.float32, "fp16": np.float16}
WAIT, TIMES = 10, 60  # s for another process, and how often
RECENT = 2**30  # bytes of embeddings that stay in memory between epochs
AT_ONCE = 100  # embeddings in a query


class EmbeddingStore:
    """A file of embeddings whose keys tell what they were made from.

    The key is a hash of the file's bytes, of the encoder's weights and
    config, of the pooling and of the pre-processing, so a vector made from
    anything else is never found. Each batch is a transaction of SQLite: a
    killed run loses at most the batch in flight, and no reader sees half of
    one. Each has a digest, and one that is damaged is encoded again.

    Arguments
    ---------
    path : str or pathlib.Path
        The file, made if it is missing.
    encoder : ser.encoder.Encoder
        A frozen encoder.
    pooling : ser.pooling.Pooling
        A pooling without parameters.
    precision : str
        fp32, or fp16 for half the space: a relative error of 2 ** -11 at most.
    """

    def __init__(self, path, encoder, pooling, precision="fp32"):
        if precision not in DTYPES:
            raise RecipeError(
                f"the precision of the store is {precision}: expected "
                f"{' or '.join(DTYPES)}."
            )
        self.dtype = DTYPES[precision]
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.encoder, self.pooling = encoder, pooling
        self.shape = (encoder.num_layers + 1, pooling.output_size)
        made_of = (VERSION, SAMPLE_RATE, encoder.fingerprint(), pooling.kind)
        self.made_of = repr((*made_of, precision)).encode()
        name = Path(encoder.source).name
        self.source = f"{name} {made_of[2][:8]}, {pooling.kind}, {precision}"
        self.connection = None
        self.recent = {}  # embeddings in memory, as many as RECENT allows
        self.whole = set()  # hashes of files whose embedding was found whole
        with closing(self._connect()):
            pass  # a file that is no store is found before anything is made

    def _connect(self):
        """Opens the file; waits while others write to it."""
        try:
            connection = sqlite3.connect(self.path, timeout=WAIT)
            connection.execute("PRAGMA page_size = 32768")
            self._wait_for(
                lambda: connection.execute(
                    "CREATE TABLE IF NOT EXISTS embeddings"
                    " (key BLOB PRIMARY KEY, vectors BLOB NOT NULL,"
                    " source TEXT NOT NULL, day TEXT NOT NULL)"
                )
            )
            return connection
        except sqlite3.DatabaseError as error:
            raise unusable(self.path, error) from error

    def _wait_for(self, work):
        """Does what needs the file, and says so if another process has it."""
        for waited in range(TIMES):
            try:
                return work()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or waited == TIMES - 1:
                    raise
                if not waited:
                    logger.warning(
                        "waiting for another process, which writes to %s",
                        self.path,
                    )

    def __getstate__(self):
        """Leaves behind what a worker process cannot use or does not need."""
        dropped = {"connection": None, "encoder": None, "pooling": None}
        return self.__dict__ | dropped | {"recent": {}}

    def _key(self, sha256):
        """Returns the key of a file's embedding, bytes."""
        return hashlib.sha256(self.made_of + bytes.fromhex(sha256)).digest()

    def _seal(self, key, vectors):
        """Returns what is stored of an embedding: its bytes and their digest."""
        content = vectors.tobytes()
        return content + compute_digest(key, content)

    def _open(self, key, sealed, is_whole):
        """Returns the embedding [layer + 1, channel] of what is stored; None if
        that is damaged, for which one that was whole is not searched again."""
        size = self.dtype().itemsize * math.prod(self.shape)
        if not isinstance(sealed, bytes) or len(sealed) != size + DIGEST:
            return None
        content = memoryview(sealed)[:size]
        vectors = np.frombuffer(content, self.dtype).reshape(self.shape)
        if is_whole:
            return vectors
        is_whole = sealed[size:] == compute_digest(key, content)
        return vectors if is_whole and np.isfinite(vectors).all() else None

    def read(self, hashes):
        """Reads the embeddings [file, layer + 1, channel] of files, by the hashes
        of their bytes. Raises RecipeError if one is damaged or not there."""
        unread = [sha256 for sha256 in hashes if sha256 not in self.recent]
        try:
            if unread and self.connection is None:
                self.connection = self._connect()
            found = dict(self._find(self.connection, unread))
        except sqlite3.DatabaseError as error:
            raise unusable(self.path, error) from error
        batch = np.empty((len(hashes), *self.shape), np.float32)
        for vectors, sha256 in zip(batch, hashes):
            stored = self.recent.get(sha256, found.get(sha256))
            if stored is None:
                raise RecipeError(
                    f"an embedding in {self.path} was damaged or deleted while "
                    "it was used: start the same command again, which encodes "
                    "it again."
                )
            vectors[:] = stored
        return torch.from_numpy(batch)

    def _find(self, connection, hashes):
        """Reads what is stored of files, many at once, which is faster; yields
        hashes and embeddings, None where one is damaged."""
        for first in range(0, len(hashes), AT_ONCE):
            part = hashes[first : first + AT_ONCE]
            hash_of = {self._key(sha256): sha256 for sha256 in part}
            query = "SELECT key, vectors FROM embeddings WHERE key IN ({})"
            query = query.format(", ".join("?" * len(hash_of)))
            work = partial(connection.execute, query, list(hash_of))
            for key, sealed in self._wait_for(lambda: work().fetchall()):
                sha256 = hash_of[key]
                vectors = self._open(key, sealed, sha256 in self.whole)
                if vectors is not None:
                    self.whole.add(sha256)
                    if (len(self.recent) + 1) * vectors.nbytes <= RECENT:
                        self.recent[sha256] = vectors
                yield sha256, vectors

    def missing(self, hashes):
        """Lists the hashes of files whose embedding is not in the store, or is
        damaged, and says how many are."""
        hashes = list(hashes)
        with closing(self._connect()) as connection:
            found = self._find(connection, hashes)
            found = {sha256: vectors is not None for sha256, vectors in found}
        if damaged := [*found.values()].count(False):
            logger.warning(
                "%d embeddings in %s are damaged, and are encoded again",
                damaged,
                self.path,
            )
        return [sha256 for sha256 in hashes if not found.get(sha256)]

    def fill(self, clips, max_batch_length, num_workers=0):
        """Encodes what is missing of some clips (a dict from the sha256 of
        files to paths and seconds) as `ser.encoding.encode` does; the first
        process of a distributed run is the one that writes. Raises RecipeError if
        a file can no longer be read, or the disk is full."""
        try:
            missing = self.missing(clips) if if_main_process() else None
            missing = ddp_broadcast(missing)
            clips = [(sha256, *clips[sha256]) for sha256 in missing]
            if clips:
                clips.sort(key=lambda clip: clip[2], reverse=True)
                self._encode(clips, max_batch_length, num_workers)
            ddp_barrier()
        except sqlite3.DatabaseError as error:
            raise unusable(self.path, error) from error

    def insert(self, connection, hashes, vectors):
        """Writes the embeddings [clip, layer + 1, channel] of files, given the
        hashes of their bytes, in one transaction."""
        day, keys = str(date.today()), map(self._key, hashes)
        rows = [
            (key, self._seal(key, vector), self.source, day)
            for key, vector in zip(keys, vectors)
        ]

        def write():
            """Writes all or, if it is killed, none."""
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)",
                    rows,
                )

        self._wait_for(write)

    def _encode(self, clips, max_batch_length, num_workers):
        """Encodes (sha256, path, seconds) of clips, longest first, and keeps
        their embeddings, a batch at a time."""
        bar = tqdm(
            total=sum(seconds for *_, seconds in clips),
            desc="encoding",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s "
            "of audio{postfix} [{elapsed}<{remaining}]",
            disable=None if if_main_process() else True,
        )
        encoded = encode(
            clips, self.encoder, self.pooling, max_batch_length, num_workers
        )
        with closing(self._connect()) as connection, bar:
            for members, vectors in encoded:
                vectors = vectors.astype(self.dtype)
                paths = [clips[member][1] for member in members]
                check_finite(vectors, [f"the embedding of {p}" for p in paths])
                hashes = [clips[member][0] for member in members]
                self.insert(connection, hashes, vectors)
                bar.update(sum(clips[member][2] for member in members))
                bar.set_postfix_str(f"{members[-1] + 1}/{len(clips)} clips")


def unusable(path, error):
    """Returns the error for a store that SQLite cannot read or write."""
    advice = advise(error, "delete it to have it rebuilt")
    return RecipeError(
        f"the embedding store {path} cannot be used ({error}): {advice}."
    )


def compute_digest(key, content):
    """Computes the digest of an embedding's bytes and of whose they are."""
    digest = hashlib.sha256(key)
    digest.update(content)
    return digest.digest()


def list_sources(connection):
    """Lists what was encoded by what: (source, clips, bytes, last day)."""
    return connection.execute(
        "SELECT source, COUNT(*), SUM(LENGTH(vectors)), MAX(day)"
        " FROM embeddings GROUP BY source ORDER BY source"
    ).fetchall()


def main():
    """Lists what a store holds, or deletes a part of it."""
    parser = argparse.ArgumentParser(
        prog="python -m ser.store", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "path", type=Path, help="such as cache/embeddings.sqlite"
    )
    parser.add_argument(
        "--delete", metavar="NAME", help="of what encoders so named made"
    )
    args = parser.parse_args()
    if not args.path.is_file():
        raise RecipeError(f"there is no embedding store at {args.path}.")
    try:
        with closing(sqlite3.connect(args.path, timeout=WAIT)) as connection:
            for source, clips, size, day in list_sources(connection):
                delete = args.delete and source.startswith(args.delete)
                what = "deleted" if delete else "holds"
                size = f"{size / 2**20:.1f} MiB"
                print(f"{what} {clips} clips, {size}, {source}, up to {day}")
                if delete:
                    with connection:
                        connection.execute(
                            "DELETE FROM embeddings WHERE source = ?", (source,)
                        )
            if args.delete:
                connection.execute("VACUUM")
    except sqlite3.DatabaseError as error:
        raise unusable(args.path, error) from error


if __name__ == "__main__":
    with user_errors():
        main()
