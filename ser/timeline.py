"""Emotions over time: long audio in overlapping windows."""

from collections import deque
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from ser.audio import SAMPLE_RATE
from ser.defects import is_silent
from ser.errors import RecipeError
from ser.inference import MAX_DURATION, MIN_DURATION
from ser.stream import stream_audio

BATCH = 40  # s of audio that are classified at once


@dataclass(frozen=True)
class Segment:
    """What a model says of a window; without an answer the emotion is None,
    the dict is empty and the note says why."""

    start: float  # s
    end: float  # s
    emotion: str | None  # "uncertain" below the wanted probability
    probabilities: dict  # from classes to floats
    note: str = ""


def timeline(recogniser, path, window=4.0, hop=1.0, smooth=0, abstain=0.0):
    """Classifies overlapping windows of a recording, each like a clip of its
    own.

    Windows start at multiples of `hop`, and the last one ends with the
    recording, unless less than 0.1 s is left.

    Arguments
    ---------
    recogniser : ser.inference.Recogniser
        The model.
    path : str or pathlib.Path
        The recording, of any length; one shorter than a window is one window.
    window, hop : float
        Length of a window, and from one start to the next, in s.
    smooth : int
        How many windows around each are averaged, an odd number; 0 is none.
        Windows without an answer do not count.
    abstain : float
        The probability below which the emotion is "uncertain".

    Yields
    ------
    Segment
        In the order of time. If the file is cut short or damaged, a last one
        of no length says so.

    Raises
    ------
    RecipeError
        If the file cannot be read as audio, or an argument is out of range.
    """
    check_arguments(window, hop, smooth, abstain)
    size, step = round(window * SAMPLE_RATE), max(1, round(hop * SAMPLE_RATE))
    blocks = stream_audio(path, recogniser.resample)
    windows = cut_windows(blocks, size, step)
    rows = classify(recogniser, windows, max(1, int(BATCH / window)))
    # The row in the middle is due when half of its neighbours have come.
    late, near = smooth // 2, deque(maxlen=max(1, smooth))
    for row in chain(rows, [(None, None, None, "")] * late):
        near.append(row)
        if len(near) <= late:
            continue
        start, end, answer, note = near[-1 - late]
        if answer is None:
            yield Segment(start, end, None, {}, note)
            continue
        answers = [answer for _, _, answer, _ in near if answer is not None]
        mean = np.mean(answers, axis=0)
        emotion = recogniser.choose(mean, abstain)
        yield Segment(start, end, emotion, recogniser.named(mean))


def check_arguments(window, hop, smooth, abstain):
    """Refuses what cannot be done or would leave audio out.

    Arguments
    ---------
    window, hop, smooth, abstain
        As for `timeline`.

    Raises
    ------
    RecipeError
        If one is out of range.
    """
    if not MIN_DURATION <= window <= MAX_DURATION:
        wrong = (
            f"window is {window}: expected {MIN_DURATION} to {MAX_DURATION} s"
        )
    elif not 0 < hop <= window:
        wrong = f"hop is {hop}: expected more than 0 and at most {window} s"
    elif smooth != 0 and not (smooth > 0 and smooth % 2 == 1):
        wrong = f"smooth is {smooth}: expected an odd number of windows, or 0"
    elif not 0 <= abstain <= 1:
        wrong = f"abstain is {abstain}: expected a probability, 0 to 1"
    else:
        return
    raise RecipeError(f"{wrong}.")


def cut_windows(blocks, size, step):
    """Cuts a signal that comes in blocks into overlapping windows; yields the
    first sample of each and its samples, which are None where the file is cut
    short."""
    held, offset, start, end = np.zeros(0, np.float32), 0, 0, None
    try:
        for block in blocks:
            held = np.concatenate([held, block])
            while start + size <= offset + len(held):
                yield start, held[start - offset :][:size]
                start += step
            # The last window may reach back by its whole size.
            offset += max(0, len(held) - size)
            held = held[-size:]
    except EOFError:
        end = offset + len(held)
    rest = offset + len(held) - (start - step + size)
    if start == 0 or rest >= MIN_DURATION * SAMPLE_RATE:
        yield offset, held
    if end is not None:
        yield end, None


def classify(recogniser, windows, number):
    """Classifies so many windows at once; yields the start and the end of each
    in s, its probabilities or None, and why there are none."""
    while batch := list(islice(windows, number)):
        notes = [find_fault(wav) for _, wav in batch]
        sound = [wav for (_, wav), note in zip(batch, notes) if not note]
        answers = iter(recogniser.classify(sound) if sound else [])
        for (start, wav), note in zip(batch, notes):
            end = start + (0 if wav is None else len(wav))
            answer = None if note else next(answers)
            if not note and not np.isfinite(answer).all():
                answer, note = None, "no finite probability"
            yield start / SAMPLE_RATE, end / SAMPLE_RATE, answer, note


def find_fault(wav):
    """Says why a window cannot be classified, or ""."""
    if wav is None:
        return "truncated or damaged audio"
    if len(wav) < MIN_DURATION * SAMPLE_RATE:
        return f"shorter than {MIN_DURATION} s"
    if not np.isfinite(wav).all():
        return "NaN or infinite samples"
    return "silence" if is_silent(wav) else ""
