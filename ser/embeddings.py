"""Datasets of pooled embeddings, in place of the clips that they were made from."""

from dataclasses import dataclass

import numpy as np
import torch
from ser.speakers import fit_speakers
from ser.store import EmbeddingStore
from torch.utils.data import Dataset

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)


class StoredEmbeddings(Dataset):
    """Clips and their stored embeddings, loaded a batch at a time: item by
    item, as SpeechBrain's dataset does it, takes longer than to train a head."""

    def __init__(self, store, dataset, by_speaker=False):
        self.store = store
        keys = ["id", "sha256", "spk_id", "emotion_encoded"]
        with dataset.output_keys_as(keys):
            rows = [clip.values() for clip in dataset]
        self.ids, self.hashes, speakers, targets = map(list, zip(*rows))
        self.targets = torch.from_numpy(np.array(targets))
        self.own = [None] * len(rows)
        if by_speaker:
            self.own = fit_speakers(
                lambda numbers: store.read([self.hashes[n] for n in numbers]),
                speakers,
            )

    def __len__(self):
        return len(self.ids)

    def __getitems__(self, indices):
        """Loads a batch of clips by their numbers, as PyTorch asks for it."""
        return EmbeddingBatch(
            id=[self.ids[index] for index in indices],
            embedding=self.store.read([self.hashes[i] for i in indices]),
            emotion_encoded=self.targets[indices],
            own=[self.own[index] for index in indices],
        )

    @staticmethod
    def collate(batch):
        """Returns the batch, which `__getitems__` has collated already."""
        return batch


@dataclass
class EmbeddingBatch:
    """A batch for the Brain in place of SpeechBrain's PaddedBatch, since
    embeddings are all of one length."""

    id: list
    embedding: torch.Tensor  # [batch, layer + 1, channel]
    emotion_encoded: torch.Tensor  # classes [batch], or shares [batch, class]
    own: list  # statistics of the speakers, as from `fit_speakers`

    def to(self, device):
        """Moves the tensors to a device."""
        self.embedding = self.embedding.to(device)
        self.emotion_encoded = self.emotion_encoded.to(device)
        return self


def store_embeddings(
    datasets,
    path,
    encoder,
    pooling,
    max_batch_length,
    num_workers,
    normalise="none",
    precision="fp32",
):
    """Encodes what a store lacks, and makes datasets that read from it.

    Arguments
    ---------
    datasets : dict
        From names to DynamicItemDatasets, whose clips have `wav`, `sha256`,
        `spk_id` and `duration` in seconds.
    path, encoder, pooling, precision
        As for `ser.store.EmbeddingStore`.
    max_batch_length, num_workers
        As for its `fill`.
    normalise : str
        "none", or "speaker" to take statistics of each speaker's clips in each
        dataset.

    Returns
    -------
    dict
        From the same names to StoredEmbeddings, in the same order of clips;
        the datasets themselves if the pooling is learned.
    """
    if pooling.kind == "attention":
        logger.warning(
            "attention pooling is learned, so its embeddings cannot be "
            "stored: every epoch encodes every clip again"
        )
        return datasets
    store = EmbeddingStore(path, encoder, pooling, precision)
    clips = {
        clip["sha256"]: (clip["wav"], clip["duration"])
        for dataset in datasets.values()
        for clip in dataset.data.values()
    }
    store.fill(clips, max_batch_length, num_workers)
    return {
        name: StoredEmbeddings(store, dataset, normalise == "speaker")
        for name, dataset in datasets.items()
    }
