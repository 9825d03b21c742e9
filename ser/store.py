"""Pooled embeddings on disk: each clip is encoded once, for all folds, seeds
and heads.
"""

import hashlib
import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass
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

RECENT = 2**30  # bytes of embeddings that stay in memory between epochs


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
        self.connection = None
        self.recent = {}  # embeddings in memory, as many as RECENT allows
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
        return self.__dict__ | {"connection": None, "recent": {}}

    def key(self, sha256):
        """Says under what the embedding of a file is kept.

        Arguments
        ---------
        sha256 : str
            Of the file's bytes.

        Returns
        -------
        bytes
        """
        return hashlib.sha256(self.made_of + bytes.fromhex(sha256)).digest()

    def read(self, sha256):
        """Reads the embedding of a file.

        Arguments
        ---------
        sha256 : str
            Of the file's bytes, which `fill` was given.

        Returns
        -------
        torch.Tensor
            [layer + 1, channel]
        """
        if sha256 in self.recent:
            return self.recent[sha256]
        if self.connection is None:
            self.connection = self.connect()
        (vectors,) = self.connection.execute(
            "SELECT vectors FROM embeddings WHERE key = ?", (self.key(sha256),)
        ).fetchone()
        size = len(vectors)
        vectors = torch.frombuffer(bytearray(vectors), dtype=torch.float32)
        vectors = vectors.view(self.shape)
        if (len(self.recent) + 1) * size <= RECENT:
            self.recent[sha256] = vectors
        return vectors

    def missing(self, hashes):
        """Lists the files whose embedding is not there.

        Arguments
        ---------
        hashes : iterable of str
            The sha256 of each file.

        Returns
        -------
        list of str
            Those without.
        """
        with closing(self.connect()) as connection:
            return [
                sha256
                for sha256 in hashes
                if not connection.execute(
                    "SELECT 1 FROM embeddings WHERE key = ?",
                    (self.key(sha256),),
                ).fetchone()
            ]

    def fill(self, clips, encoder, pooling, max_batch_length, num_workers=0):
        """Encodes what is missing, longest clips first, so that a machine
        with too little memory says so at once.

        Arguments
        ---------
        clips : dict
            From the sha256 of each file to its path and its length in
            seconds.
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
            clips = {sha256: clips[sha256] for sha256 in self.missing(clips)}
            if clips:
                self.encode(
                    sorted(clips.items(), key=lambda c: c[1][1], reverse=True),
                    encoder,
                    pooling,
                    max_batch_length,
                    num_workers,
                )
        except sqlite3.DatabaseError as error:
            raise self.broken(error) from error

    @torch.inference_mode()
    def encode(self, clips, encoder, pooling, max_batch_length, num_workers):
        """Encodes files and keeps their embeddings, a batch at a time.

        Arguments as those of `fill`, the clips as pairs, longest first.
        """
        device = next(encoder.parameters()).device
        durations = [duration for _, (_, duration) in clips]
        step = STEP / SAMPLE_RATE
        batches = batch_by_length(
            [math.ceil(duration / step) * step for duration in durations],
            max_batch_length,
        )
        loader = DataLoader(
            AudioFiles([(sha256, path) for sha256, (path, _) in clips]),
            batch_sampler=batches,
            collate_fn=PaddedBatch,
            num_workers=num_workers,
            # Or a run would draw other random numbers where the store is full.
            generator=torch.Generator(),
        )
        bar = tqdm(
            total=sum(durations),
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
                with connection:
                    connection.executemany(
                        "INSERT OR REPLACE INTO embeddings VALUES (?, ?)",
                        [
                            (self.key(clips[member][0]), vector.tobytes())
                            for member, vector in zip(members, vectors)
                        ],
                    )
                bar.update(sum(durations[member] for member in members))
                bar.set_postfix_str(f"{members[-1] + 1}/{len(clips)} clips")


class KeptEmbeddings(Dataset):
    """Clips and their kept embeddings, handed out a batch at a time: item by
    item, as SpeechBrain's dataset does it, takes longer than to train a head.

    Arguments
    ---------
    store : EmbeddingStore
        Filled with what the clips need.
    ids : list of str
        Of the clips.
    hashes : list of str
        The sha256 of each file.
    targets : list of int
        The class of each.
    """

    def __init__(self, store, ids, hashes, targets):
        self.store, self.ids, self.hashes = store, ids, hashes
        self.targets = torch.tensor(targets)

    def __len__(self):
        return len(self.ids)

    def __getitems__(self, indices):
        """Gives the clips of a batch.

        Arguments
        ---------
        indices : list of int
            Which.

        Returns
        -------
        EmbeddingBatch
        """
        vectors = [self.store.read(self.hashes[index]) for index in indices]
        return EmbeddingBatch(
            id=[self.ids[index] for index in indices],
            embedding=torch.stack(vectors),
            emotion_encoded=self.targets[indices],
        )


@dataclass
class EmbeddingBatch:
    """What the Brain is given in place of SpeechBrain's PaddedBatch, since
    embeddings are all of one length.

    Arguments
    ---------
    id : list of str
        Of the clips.
    embedding : torch.Tensor
        [batch, layer + 1, channel]
    emotion_encoded : torch.Tensor
        Classes [batch].
    """

    id: list
    embedding: torch.Tensor
    emotion_encoded: torch.Tensor

    def to(self, device):
        """Moves the tensors to a device."""
        self.embedding = self.embedding.to(device)
        self.emotion_encoded = self.emotion_encoded.to(device)
        return self


def as_it_is(batch):
    """Collates what is a batch already."""
    return batch


class AudioFiles(Dataset):
    """Reads audio files by their number.

    Arguments
    ---------
    files : list of (str, str)
        The sha256 of each and its path.
    """

    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        sha256, path = self.files[index]
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise RecipeError(
                f"{path} was readable when the manifests were made and is not "
                f"now ({error.strerror}): mend it, or prepare the data again."
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise RecipeError(
                f"{path} has changed since the manifests were made: delete "
                "them, or choose another --output_folder."
            )
        return {"wav": read_audio(content)}


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
