"""What makes an audio file unfit for training, apart from its length."""

import io
import re

import numpy as np
from ser.audio import SequentialFile, load_open

MIN_SAMPLE_RATE = 4000  # Hz, below it a header is wrong or speech is lost
MAX_SAMPLE_RATE = 384_000  # Hz, above it too
MAX_LENGTH = 1200  # s; longer audio is cut into clips, or is no clip
MAX_SIZE = 10**9  # bytes of a file
SILENCE = 1e-4  # peak of full scale (-80 dB), above the dither of 16 bits
UNKNOWN_SIZE = 0x7FFFF000  # bytes; larger sizes mean "unknown"
UNKNOWN_LENGTH = 2**62  # samples; of a FLAC that was streamed
OGG_TAIL = 2**20  # bytes at the end; a page has 64 KiB at most
MAGIC = (b"RIFF", b"fLaC", b"OggS", b"FORM", b"RF64")


def find_defect(content):
    """Finds the reason why a file cannot be used as a clip, and its facts.

    Arguments
    ---------
    content : bytes
        The whole file.

    Returns
    -------
    reason : str or None
        None if the file is sound.
    facts : dict or None
        `duration` in s, `sample_rate` in Hz, `channels`; None if unreadable.

    Example
    -------
    >>> find_defect(b"RIFF")
    ('truncated or damaged audio', None)
    """
    reason, facts, _ = examine(content)
    return reason, facts


def examine(content):
    """Finds what `find_defect` does, and the waveform.

    Arguments
    ---------
    content : bytes
        The whole file.

    Returns
    -------
    reason : str or None
        None if the file is sound.
    facts : dict or None
        As from `find_defect`.
    wav : numpy.ndarray or None
        Mono waveform [sample] of float32 at its own rate; None if there is a
        defect.
    """
    if not content:
        return "empty file", None, None
    if content.startswith(b"version https://git-lfs"):
        reason = "Git-LFS pointer, not audio (run 'git lfs pull')"
        return reason, None, None
    try:
        # Opened once, which takes a third of the time.
        with SequentialFile(io.BytesIO(content)) as header:
            if reason := find_excess(header):
                return reason, None, None
            sample_rate, channels = header.samplerate, header.channels
            frames, log = header.frames, header.extra_info
            wav = load_open(header)
    except RuntimeError:
        damaged = content.startswith(MAGIC)
        reason = "truncated or damaged audio" if damaged else "not audio"
        return reason, None, None
    if is_truncated(io.BytesIO(content), len(wav), frames, log):
        return "truncated file", None, None
    if not np.isfinite(wav).all():
        return "NaN or infinite samples", None, None
    if sample_rate < MIN_SAMPLE_RATE:
        return f"sampling rate below {MIN_SAMPLE_RATE} Hz", None, None
    facts = {
        "duration": len(wav) / sample_rate,
        "sample_rate": sample_rate,
        "channels": channels,
    }
    if is_silent(wav):
        return "silence", facts, None
    return None, facts, wav


def find_excess(header):
    """Finds what would take too much memory in an open `SequentialFile`;
    returns a reason or None."""
    if header.samplerate > MAX_SAMPLE_RATE:
        return f"sampling rate above {MAX_SAMPLE_RATE} Hz"
    duration = header.frames / header.samplerate
    if MAX_LENGTH < duration and header.frames < UNKNOWN_LENGTH:
        return f"longer than {MAX_LENGTH} s"
    return None


def is_silent(wav):
    """Tells whether a waveform [sample] holds nothing but an offset."""
    if not len(wav):
        return False
    mean = wav.mean()
    return max(wav.max() - mean, mean - wav.min()) < SILENCE


def is_truncated(file, samples_read, frames, log):
    """Tells whether an audio file ends before its header says.

    Arguments
    ---------
    file : binary file
        Open, and left open.
    samples_read : int
        How many samples a channel libsndfile reads of it.
    frames : int
        How many the header promises, as from `ser.audio.SequentialFile`.
    log : str
        What libsndfile notes as it opens the file, its `extra_info`.

    Returns
    -------
    bool
    """
    kind = read_at(file, 0, 4)
    if kind in (b"RIFF", b"RF64", b"FORM"):
        return chunks_are_cut(log)
    if kind == b"OggS":
        return pages_are_cut(file)
    # The length of an MP3 is an estimate if no frame says how many follow.
    return samples_read < frames < UNKNOWN_LENGTH and (
        kind == b"fLaC" or has_frame_count(file)
    )


def read_at(file, start, size):
    """Reads bytes of an open file."""
    file.seek(start)
    return file.read(size)


def chunks_are_cut(log):
    """Tells whether a WAV or AIFF file lacks samples, by libsndfile's log:
    "data : 192000 (should be 57569)"."""
    frames = re.search(
        r"frame count (\d+) does not match value from 'ds64' chunk of (\d+)",
        log,
    )
    if frames:  # RF64
        return int(frames[1]) < int(frames[2])
    # The log ends after 2048 characters: before the samples if there are
    # many other chunks, and then the size of the whole file must do.
    size = r"^ ?(?:{}) : (\d+)(?: \(should be (\d+)\))?$"
    found = re.search(size.format("data|SSND"), log, re.M) or re.search(
        size.format("RIFF|FORM"), log, re.M
    )
    if not found or not found[2] or int(found[1]) >= UNKNOWN_SIZE:
        return False
    return int(found[1]) > int(found[2])


def pages_are_cut(file):
    """Tells whether an Ogg stream lacks its end: the last page must be whole
    and carry the end-of-stream flag (RFC 3533). libsndfile's log does not
    tell a page that is cut from other bytes after the stream."""
    size = file.seek(0, io.SEEK_END)
    content = read_at(file, max(0, size - OGG_TAIL), OGG_TAIL)
    last = content.rfind(b"OggS")
    header = content[last : last + 27]
    table = content[last + 27 :][: header[26]] if len(header) == 27 else b""
    end = last + 27 + len(table) + sum(table)
    return not table or not header[5] & 4 or end > len(content)


def has_frame_count(file):
    """Tells whether the first frame of an MP3 says how many there are."""
    head = read_at(file, 0, 10)
    tag = int.from_bytes(head[6:10], "big")  # of 7 bits a byte
    tag = sum((tag >> 8 * n & 127) << 7 * n for n in range(4))
    start = tag + 10 if head[:3] == b"ID3" else 0
    return bool(re.search(b"Xing|Info", read_at(file, start, 4096)))
