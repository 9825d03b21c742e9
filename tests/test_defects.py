"""What makes a file unfit for training, and what does not."""

import re
import struct

import numpy as np
import pytest
from trees import (
    ACTORS,
    encode,
    excluded,
    id3_tag,
    noise,
    put,
    put_ravdess,
    run_prepare,
    whole,
)

KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


def with_sample(value):
    """Makes a second of noise, one sample of which is `value`, as floats."""
    signal = noise("sample", 1.0)
    signal[100] = value
    return encode(signal, subtype="FLOAT")


def with_header(offset, layout, value):
    """Makes a WAV of a second with one field of its header changed."""
    content = bytearray(encode(noise("header", 1.0)))
    struct.pack_into(layout, content, offset, value)
    return bytes(content)


def with_comments(number):
    """Makes a WAV of a second with chunks before the samples."""
    content = encode(noise("long", 1.0))
    comment = b"LIST" + struct.pack("<I", 212) + b"INFOICMT"
    comment += struct.pack("<I", 200) + b"x" * 199 + b"\0"
    content = content[:36] + number * comment + content[36:]
    return content[:4] + struct.pack("<I", len(content) - 8) + content[8:]


def cut(content, kept):
    """Keeps a share of a file."""
    return content[: int(kept * len(content))]


def bad_content():
    """Makes useless files: for each, its content and the reason."""
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:"
    yield "empty", b"", "empty"
    yield "text", b"This is a text, not a recording.\n" * 99, "not audio"
    yield "html", b"<html><body>404</body></html>", "not audio"
    yield "lfs", lfs + b"0" * 64 + b"\nsize 123456\n", "Git-LFS"
    yield "nan", with_sample(np.nan), "NaN"
    yield "infinite", with_sample(np.inf), "infinite"
    yield "minus infinite", with_sample(-np.inf), "infinite"
    yield "silence", encode(np.zeros(8000)), "silence"
    yield "constant", encode(np.full(8000, 0.25)), "silence"
    yield "short", encode(noise("short", 0.09)), "shorter than 0.1 s"
    yield "no samples", encode(np.zeros(0)), "shorter than 0.1 s"


def truncated():
    """Makes files that end in the middle, or shortly before their end."""
    for kind, subtype in KINDS:
        content = encode(noise("long", 6.0), kind=kind, subtype=subtype)
        for kept in (0.3, 0.6, 0.98):
            yield f"{kind} {subtype} {kept}", cut(content, kept)
    content = encode(noise("long", 2.0), kind="OGG")
    for left in range(1, 28, 3):  # bytes of the header of the last page
        page = content.rfind(b"OggS")
        yield f"OGG with {left} bytes of a page", content[: page + left]
    # Other chunks before the samples, or a tag, must not hide it.
    for number in (3, 30):
        content = with_comments(number)
        yield f"WAV with {number} comments", content[:-16000]
    for size in (100, 10_000):
        content = cut(encode(noise("long", 4.0), kind="MP3"), 0.5)
        yield f"MP3 with a tag of {size} bytes", id3_tag(size) + content


def impossible_headers():
    """Makes files with headers that no recording has."""
    yield "0 channels", with_header(22, "<H", 0)
    yield "65535 channels", with_header(22, "<H", 65535)
    yield "0 Hz", with_header(24, "<I", 0)
    yield "7 Hz", with_header(24, "<I", 7)
    yield "2 GHz", with_header(24, "<I", 2**31 - 1)
    yield "0 bits", with_header(34, "<H", 0)


UNFIT = {name: (content, why) for name, content, why in bad_content()}
UNFIT |= {name: (content, "truncated") for name, content in truncated()}
UNFIT |= {name: (content, ".") for name, content in impossible_headers()}
SOUND = {
    "RIFF length too large": with_header(4, "<I", 32044),
    "no RIFF length": with_header(4, "<I", 0),
    "unknown length": with_header(40, "<I", 0xFFFFFFFF),
    "largest length": with_header(40, "<I", 0x7FFFFFFF),
    "3 comments": with_comments(3),
    "30 comments": with_comments(30),
    "bytes after OGG": encode(noise("ogg", 1.0), kind="OGG") + b"more bytes",
}


def name_of(number):
    """Names the clip of a case."""
    return f"03-01-03-01-01-{number:02}-01.wav"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The reasons for all cases, prepared at once beside six good clips, and
    what is left."""
    folder = tmp_path_factory.mktemp("defects")
    data = put_ravdess(folder / "data", ACTORS[:3])
    cases = [content for content, _ in UNFIT.values()] + list(SOUND.values())
    for number, content in enumerate(cases):
        put(data / name_of(number), content)
    clips = whole(run_prepare(data, folder / "m"))
    return excluded(folder / "m"), clips


@pytest.mark.parametrize("case", UNFIT)
def test_unfit_file_is_excluded(prepared, case):
    """Each kind of useless file gets its reason."""
    reasons, _ = prepared
    path = name_of(list(UNFIT).index(case))
    assert re.search(UNFIT[case][1], reasons[path])


@pytest.mark.parametrize("case", SOUND)
def test_file_with_an_odd_size_is_sound(prepared, case):
    """Wrong sizes in a header and bytes after the end do not matter where no
    sample is missing."""
    reasons, clips = prepared
    path = name_of(len(UNFIT) + list(SOUND).index(case))
    assert path not in reasons
    assert clips.loc[path.removesuffix(".wav"), "duration"] == 1.0


def test_nothing_else_is_excluded(prepared):
    """The good clips beside them are used."""
    reasons, clips = prepared
    assert len(reasons) == len(UNFIT)
    assert len(clips) == 6 + len(SOUND)
