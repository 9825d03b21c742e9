"""Batches of clips of similar length."""

import numpy as np

from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.sampler import DynamicBatchSampler

MAX_PADDING = 0.03  # of a batch; on a CPU it costs more than a small batch


def loader_options(dataset, options):
    """Copies the options of a loader, which SpeechBrain changes for the test,
    and adds how the dataset is collated."""
    return {**options, "collate_fn": getattr(dataset, "collate", PaddedBatch)}


def batches_by_length(dataset, seed, num_buckets, **options):
    """Makes SpeechBrain's sampler of batches of clips of similar length."""
    durations = [clip["duration"] for clip in dataset.data.values()]
    # Its own buckets are quantiles of a log-normal law, not of these clips.
    bounds = np.quantile(durations, np.linspace(0, 1, num_buckets + 1)[1:])
    return DynamicBatchSampler(
        dataset,
        bucket_boundaries=np.unique(bounds).tolist(),
        seed=seed,
        **options,
    )


def batch_by_length(lengths, max_batch_length):
    """Cuts lengths in seconds, the longest first, into batches of at most so
    many seconds, of which little is padding, and returns the indices in each; a
    longer clip is alone.

    Example
    -------
    >>> batch_by_length([9, 4, 3, 2, 2, 2], max_batch_length=4.5)
    [[0], [1], [2], [3, 4], [5]]
    """
    batches, total = [], 0.0
    for index, length in enumerate(lengths):
        if batches:
            padded = lengths[batches[-1][0]] * (len(batches[-1]) + 1)
            total += length
            if (
                total >= (1 - MAX_PADDING) * padded
                and padded <= max_batch_length
            ):
                batches[-1].append(index)
                continue
        batches.append([index])
        total = length
    return batches
