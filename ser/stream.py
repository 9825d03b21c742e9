"""Long audio piece by piece, so that memory does not grow with its length."""

import math
import os
import stat

import numpy as np
from ser.audio import SequentialFile, open_unnamed, resampling_ratio
from ser.defects import MIN_SAMPLE_RATE, find_defect, is_truncated
from ser.errors import RecipeError

CONTEXT = 0.02  # s, more than the filter of the resampler reaches


def stream_audio(path, resample, seconds=1.0):
    """Reads a file of any length.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    resample : callable
        From an array [sample] of float32 and its rate in Hz to one at 16 kHz.
    seconds : float
        Length of a piece, rounded up.

    Yields
    ------
    numpy.ndarray
        Pieces [sample] of float32, mono and at 16 kHz; in a row they are the
        whole file resampled at once.

    Raises
    ------
    RecipeError
        If it cannot be read as audio.
    EOFError
        After the last piece, if it is damaged or ends before its header says.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait
            raise RecipeError(f"{path}: not a regular file")
        content = open_unnamed(path)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise RecipeError(f"{path}: {reason}") from error
    with content, open_audio(content, path) as file:
        rate, ratio = file.samplerate, resampling_ratio(file.samplerate)
        # As many samples end where one at 16 kHz does.
        unit = ratio.numerator
        piece, context = (
            unit * math.ceil(time * rate / unit) for time in (seconds, CONTEXT)
        )
        # The resampler, too, takes what is before and after for silence.
        held = np.zeros(context, np.float32)
        wav, samples_read, damage = np.zeros(piece), 0, None
        while len(wav) == piece:
            try:
                wav = file.read(piece, "float32", always_2d=True).mean(axis=1)
            except RuntimeError as error:
                wav, damage = np.zeros(0, np.float32), error
            samples_read += len(wav)
            after = 0 if len(wav) == piece else context
            held = np.concatenate([held, np.pad(wav, (0, after))])
            first, last = (
                math.ceil(count * ratio.denominator / unit)
                for count in (context, len(held) - context)
            )
            yield resample(held, rate)[first:last]
            held = held[-2 * context :]
        header = file.frames, file.extra_info
        if damage or is_truncated(content, samples_read, *header):
            raise EOFError(f"{path}: truncated or damaged audio") from damage


def open_audio(content, path):
    """Opens an open file as audio, or says of which it is none."""
    try:
        file = SequentialFile(content)
    except RuntimeError as error:
        content.seek(0)
        reason, _ = find_defect(content.read(4096))
        raise RecipeError(f"{path}: {reason}") from error
    if file.samplerate < MIN_SAMPLE_RATE:
        raise RecipeError(f"{path}: sampling rate below {MIN_SAMPLE_RATE} Hz")
    return file
