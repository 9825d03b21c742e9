"""From a file to a mono waveform: the only place where audio is read."""

import io
from fractions import Fraction
from pathlib import Path

import torch
import torchaudio
from ser.errors import RecipeError

from speechbrain.dataio import audio_io

SAMPLE_RATE = 16000  # Hz, the input of wav2vec 2.0 models


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
    wav : torch.Tensor
        Mono waveform [sample], full scale is 1.
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
    wav, sample_rate = audio_io.load(io.BytesIO(content), dtype=torch.float32)
    return wav.mean(dim=0), sample_rate, wav.shape[0]


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
    >>> path = getfixture("tmpdir") / "a.wav"
    >>> audio_io.save(path, torch.rand(2, 48000), 48000)
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
    # 24414 Hz and the like share no factor with 16 kHz, and torchaudio's
    # filter bank would take gigabytes; this ratio is within 0.01 % of theirs.
    ratio = Fraction(sample_rate, SAMPLE_RATE).limit_denominator(1000)
    return torchaudio.functional.resample(
        wav, ratio.numerator, ratio.denominator
    )
