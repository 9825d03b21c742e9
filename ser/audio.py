"""From a file to a mono waveform: the only place where audio is read."""

import io
import os
from fractions import Fraction
from pathlib import Path

import soundfile
from ser.errors import RecipeError

SAMPLE_RATE = 16000  # Hz, the input of wav2vec 2.0 models

# Batches are padded to a multiple of it. For each new shape of a batch PyTorch
# keeps new kernels on a CPU, so without it memory grows with the clips.
STEP = SAMPLE_RATE // 10  # samples


def load(source):
    """Reads a file at its own rate and averages its channels.

    The content decides the format, not the name, so an AIFF file that is
    named .wav is read.

    Arguments
    ---------
    source : str, pathlib.Path or bytes
        The file, or its content.

    Returns
    -------
    wav : numpy.ndarray
        Mono waveform [sample] of float32, full scale is 1.
    sample_rate : int
        In Hz, as found.
    channels : int
        As found.

    Raises
    ------
    RuntimeError
        If it is not audio that libsndfile reads.
    """
    # libsndfile is given no name: it would trust an extension such as .raw.
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    with SequentialFile(io.BytesIO(content)) as file:
        return load_open(file), file.samplerate, file.channels


class SequentialFile(soundfile.SoundFile):
    """Is read without seeking: soundfile seeks after each read, which takes time,
    spoils MP3 and fails in a FLAC without a length."""

    def seekable(self):
        """Denies it."""
        return False


def load_open(file):
    """Reads a whole `SequentialFile` as `load` does; returns the waveform."""
    try:
        wav = file.read(file.frames, dtype="float32", always_2d=True)
    except ValueError as error:  # a FLAC that does not say how long it is
        raise RuntimeError(f"unknown length: {error}") from error
    return wav[:, 0] if file.channels == 1 else wav.mean(axis=1)


def open_unnamed(path):
    """Opens a file (str or pathlib.Path) for soundfile without its name, of which
    it would trust an ending such as .raw; returns a binary file."""
    return open(os.open(path, os.O_RDONLY), "rb")


def read_audio(source):
    """Reads a file as the encoder needs it: mono, 16 kHz.

    Arguments
    ---------
    source : str, pathlib.Path or bytes
        The file, or its content.

    Returns
    -------
    torch.Tensor
        Mono waveform [sample] at 16 kHz; the encoder normalises it.

    Example
    -------
    >>> import numpy
    >>> path = getfixture("tmpdir") / "a.wav"
    >>> soundfile.write(path, numpy.zeros([48000, 2]), 48000)
    >>> read_audio(path).shape
    torch.Size([16000])
    """
    try:
        wav, sample_rate, _ = load(source)
    except (OSError, RuntimeError) as error:
        name = "audio" if isinstance(source, bytes) else source
        raise RecipeError(
            f"{name} was readable when the manifests were made and is not "
            f"now ({error}): repair it, or prepare the data again."
        ) from error
    return resample(wav, sample_rate)


def resample(wav, sample_rate):
    """Resamples a waveform to 16 kHz.

    Arguments
    ---------
    wav : numpy.ndarray
        Waveform [sample] of float32.
    sample_rate : int
        Its rate, in Hz.

    Returns
    -------
    torch.Tensor
        Waveform [sample] at 16 kHz.
    """
    # Imported late: the preparation of data does without them.
    import torch
    from torchaudio.functional import resample

    old, new = resampling_ratio(sample_rate).as_integer_ratio()
    return resample(torch.from_numpy(wav), old, new)


def resampling_ratio(sample_rate):
    """Approximates a rate in Hz by a Fraction of 16 kHz, within 0.01 %: 24414 Hz
    and the like share no factor with it, and a filter bank takes gigabytes."""
    return Fraction(sample_rate, SAMPLE_RATE).limit_denominator(1000)
