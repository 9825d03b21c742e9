"""From a file to a mono waveform: the only place where audio is read."""

import io
import re
from fractions import Fraction
from pathlib import Path

import soundfile
import torch
import torchaudio
from speechbrain.dataio import audio_io

from ser.errors import RecipeError

SAMPLE_RATE = 16000  # Hz, what wav2vec 2.0 models hear
MIN_SAMPLE_RATE = 4000  # Hz, below it a header is wrong or speech is lost
SILENCE = 1e-4  # peak of full scale (-80 dB), above the dither of 16 bits


def load(source):
    """Reads a file as it is and averages its channels.

    The content decides the format, not the name, so an AIFF file that is
    named .wav is read.

    Arguments
    ---------
    source : str, pathlib.Path or bytes
        The file, or its content.

    Returns
    -------
    wav : torch.Tensor
        Mono waveform [samples], full scale is 1.
    sample_rate : int
        In Hz, as found.
    channels : int
        As found.

    Raises
    ------
    RuntimeError
        If it is not audio that libsndfile reads.
    """
    # libsndfile is given no name: it would trust an ending such as .raw.
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    wav, sample_rate = audio_io.load(io.BytesIO(content), dtype=torch.float32)
    return wav.mean(dim=0), sample_rate, wav.shape[0]


def read_audio(source):
    """Reads a file as the encoder wants it: mono, 16 kHz.

    The encoder normalises each clip by its own mean and variance, before any
    padding, if it was trained so (`ser.encoder.Encoder`).

    Arguments
    ---------
    source : str, pathlib.Path or bytes
        The file, or its content.

    Returns
    -------
    wav : torch.Tensor
        Mono waveform [samples] at 16 kHz.

    Raises
    ------
    RecipeError
        If the file cannot be read any more.

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
            f"now ({error}): mend it, or prepare the data again."
        ) from error
    # 24414 Hz and its like share no factor with 16 kHz, and torchaudio's
    # filter bank would take gigabytes; this ratio is within 0.01 % of theirs.
    ratio = Fraction(sample_rate, SAMPLE_RATE).limit_denominator(1000)
    return torchaudio.functional.resample(
        wav, ratio.numerator, ratio.denominator
    )


def find_defect(content):
    """Says why a file cannot serve as a clip, but for its length.

    Arguments
    ---------
    content : bytes
        Content of the file.

    Returns
    -------
    reason : str or None
        None where the file is fine.
    facts : dict or None
        `duration` in seconds, `sample_rate` in Hz and `channels`, as found;
        None where it could not be read.
    """
    if not content:
        return "empty file", None
    if content.startswith(b"version https://git-lfs"):
        return "Git-LFS pointer, not audio (run 'git lfs pull')", None
    try:
        wav, sample_rate, channels = load(content)
    except RuntimeError:
        if content[:4] in (b"RIFF", b"fLaC", b"OggS", b"FORM", b"RF64"):
            return "truncated or damaged audio", None
        return "not audio", None
    if is_truncated(content, len(wav)):
        return "truncated file", None
    if not torch.isfinite(wav).all():
        return "NaN or infinite samples", None
    if sample_rate < MIN_SAMPLE_RATE:
        return f"sampling rate below {MIN_SAMPLE_RATE} Hz", None
    silent = len(wav) and (wav - wav.mean()).abs().max() < SILENCE
    return "silence" if silent else None, {
        "duration": len(wav) / sample_rate,
        "sample_rate": sample_rate,
        "channels": channels,
    }


def is_truncated(content, samples_read):
    """Says whether a file ends before its header says, which libsndfile
    forgives.

    Arguments
    ---------
    content : bytes
        Content of a file that libsndfile could read.
    samples_read : int
        How many samples a channel were decoded.

    Returns
    -------
    bool
    """
    kind = content[:4]
    if kind in (b"RIFF", b"RF64", b"FORM"):
        return chunks_are_cut(content)
    if kind == b"OggS":
        return pages_are_cut(content)
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        promised = file.frames
    if kind != b"fLaC":  # MP3: the first frame may say how many there are
        tag = int.from_bytes(content[6:10], "big")  # of 7 bits a byte
        tag = sum((tag >> 8 * n & 127) << 7 * n for n in range(4))
        start = tag + 10 if content[:3] == b"ID3" else 0
        if not re.search(b"Xing|Info", content[start : start + 4096]):
            return False  # its length is only an estimate
    return samples_read < promised


def chunks_are_cut(content):
    """Says whether the samples of a WAV or AIFF file end too early."""
    order = "big" if content[:4] == b"FORM" else "little"
    position, long_size = 12, 0
    while position + 8 <= len(content):
        name = content[position : position + 4]
        size = int.from_bytes(content[position + 4 : position + 8], order)
        position += 8
        if name == b"ds64":  # sizes above 4 GiB
            long_size = int.from_bytes(content[position + 8 :][:8], order)
        if name in (b"data", b"SSND"):
            # A writer that could not seek back leaves a size of no meaning.
            size = long_size or (size if size < 0x7FFFF000 else 0)
            return position + size > len(content)
        position += size + size % 2
    return True


def pages_are_cut(content):
    """Says whether an Ogg stream lacks its end: the last page must be whole
    and carry the end-of-stream flag (RFC 3533)."""
    last = content.rfind(b"OggS")
    header = content[last : last + 27]
    table = content[last + 27 :][: header[26]] if len(header) == 27 else b""
    end = last + 27 + len(table) + sum(table)
    return not table or not header[5] & 4 or end > len(content)
