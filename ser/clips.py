"""Clips that are read ahead and put into batches, for prediction."""

import os
import stat
from collections import deque
from pathlib import Path

import numpy as np
import soundfile
from ser.audio import SAMPLE_RATE, open_unnamed
from ser.defects import UNKNOWN_LENGTH


def find_length(source):
    """Reads a clip's length in seconds from its header, for the order of
    clips; 0 if there is none or it does not tell."""
    if not isinstance(source, (str, Path)):
        return len(source) / SAMPLE_RATE if np.ndim(source) == 1 else 0.0
    try:
        if stat.S_ISREG(os.stat(source).st_mode):  # or a pipe would wait
            with open_unnamed(source) as file:
                facts = soundfile.info(file)
            if facts.frames < UNKNOWN_LENGTH:
                return facts.duration
    except (OSError, RuntimeError):
        pass
    return 0.0


def read_ahead(pool, read, order, ahead=16):
    """Reads clips in threads, a few more than are needed next; yields each
    index in an order with what was read."""
    waiting, order = deque(), iter(order)
    while True:
        while len(waiting) < ahead and (index := next(order, None)) is not None:
            waiting.append((index, pool.submit(read, index)))
        if not waiting:
            return
        index, result = waiting.popleft()
        yield index, result.result()


def in_batches(clips, max_batch_length):
    """Puts clips, as `read_ahead` yields what `Recogniser.read` returned, into
    batches of at most so many seconds; yields the index and the duration of
    each, their waveforms, and "", or those of one clip alone, no waveform and
    why there is none."""
    batch, wavs = [], []
    for index, (wav, duration, note) in clips:
        if wav is None:
            yield [(index, duration)], [], note
            continue
        # Headers may be wrong, so the first is not always the longest.
        longest = max(map(len, [wav, *wavs]))
        length = longest / SAMPLE_RATE * (len(batch) + 1)
        if batch and length > max_batch_length:
            yield batch, wavs, ""
            batch, wavs = [], []
        batch.append((index, duration))
        wavs.append(wav)
    if batch:
        yield batch, wavs, ""
