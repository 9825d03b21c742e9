"""From audio files to pooled embeddings, in batches that the processes of a
distributed run share.
"""

import hashlib
import math
from pathlib import Path

import torch
from ser.audio import SAMPLE_RATE, STEP, read_audio
from ser.batches import batch_by_length
from ser.errors import RecipeError
from torch.utils.data import DataLoader, Dataset

from speechbrain.dataio.batch import PaddedBatch


@torch.inference_mode()
def encode(clips, encoder, pooling, max_batch_length, num_workers):
    """Encodes audio files in batches. Processes take them in turn and send their
    embeddings to the first after each, so that none waits long for another.

    Arguments
    ---------
    clips : list of (str, str, float)
        The sha256, the path and the seconds of each file, longest first, so that
        a machine with too little memory fails at once.
    encoder, pooling
        As for `ser.store.EmbeddingStore`.
    max_batch_length : float
        Seconds of audio in a batch at most, padding included.
    num_workers : int
        Processes that read ahead.

    Yields
    ------
    members : list of int
        The numbers of a batch's clips; in processes but the first, nothing is
        yielded.
    vectors : numpy.ndarray
        Their embeddings [batch, layer + 1, channel].

    Raises
    ------
    RecipeError
        If a file is no longer what it was.
    """
    device = next(encoder.parameters()).device
    step = STEP / SAMPLE_RATE
    batches = batch_by_length(
        [math.ceil(seconds / step) * step for *_, seconds in clips],
        max_batch_length,
    )
    rank, processes = 0, 1
    if torch.distributed.is_initialized():
        rank = torch.distributed.get_rank()
        processes = torch.distributed.get_world_size()
    loader = iter(
        DataLoader(
            AudioFiles([(sha256, path) for sha256, path, _ in clips]),
            batch_sampler=batches[rank::processes],
            collate_fn=PaddedBatch,
            num_workers=num_workers,
            pin_memory=device.type == "cuda",
            # Or a run would draw other random numbers with a full store.
            generator=torch.Generator(),
        )
    )
    for first in range(0, len(batches), processes):
        turn, vectors = batches[first : first + processes], None
        if rank < len(turn):
            wavs, lens = next(loader).to(device).wav
            padding = -wavs.shape[1] % STEP
            lens = lens * wavs.shape[1] / (wavs.shape[1] + padding)
            wavs = torch.nn.functional.pad(wavs, (0, padding))
            vectors = pooling(*encoder(wavs, lens)).float().cpu().numpy()
        yield from zip(turn, gather(vectors, rank, processes))


def gather(part, rank, processes):
    """Returns the parts of all processes to the first, and none to others."""
    if processes == 1:
        return [part]
    parts = None if rank else [None] * processes
    torch.distributed.gather_object(part, parts)
    return parts or []


class AudioFiles(Dataset):
    """Reads audio files, given as pairs of sha256 and path, by their number;
    workers of a DataLoader pickle it."""

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
                f"now ({error.strerror}): repair it, or prepare the data again."
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise RecipeError(
                f"{path} has changed since the manifests were made: delete "
                "them, or choose another --output_folder."
            )
        return {"wav": read_audio(content)}
