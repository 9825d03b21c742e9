"""The reading of audio: any rate, format, number of channels and path."""

import numpy as np
import pytest
from ser.audio import SAMPLE_RATE, read_audio
from ser.errors import RecipeError
from trees import (
    ACTORS,
    NAME,
    encode,
    excluded,
    id3_tag,
    put,
    put_ravdess,
    run_prepare,
    whole,
)

from speechbrain.dataio.dataset import DynamicItemDataset


def tone(seconds=0.5, rate=SAMPLE_RATE):
    """Makes a sine of 440 Hz and amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def check_tone(wav, seconds, tolerance, amplitude=0.5):
    """Checks length (s), pitch and level of a tone that was read."""
    assert wav.ndim == 1
    assert len(wav) / SAMPLE_RATE == pytest.approx(seconds, abs=tolerance)
    wav = wav.numpy()
    spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav))))
    peak = spectrum.argmax() * SAMPLE_RATE / len(wav)
    assert peak == pytest.approx(440, abs=3)
    middle = wav[len(wav) // 4 : -len(wav) // 4]
    level = np.sqrt(2 * np.mean(middle**2))
    assert level == pytest.approx(amplitude, rel=0.05)


@pytest.mark.parametrize(
    "rate",
    [8000, 11025, 16000, 22050, 24414, 44100, 48000, 96000, 192000],
)
def test_any_sample_rate_is_read(tmp_path, rate):
    """The encoder always gets 16 kHz."""
    path = put(tmp_path / "a.wav", encode(tone(rate=rate), rate))
    check_tone(read_audio(path), 0.5, tolerance=0.005)


@pytest.mark.parametrize(
    "subtype",
    ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"],
)
def test_any_sample_format_is_read(tmp_path, subtype):
    """Full scale is 1 for each."""
    path = put(tmp_path / "a.wav", encode(tone(), subtype=subtype))
    check_tone(read_audio(path), 0.5, tolerance=0.005)


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(tmp_path, channels):
    """No channel is left out, none counts more."""
    gains = np.arange(1, channels + 1) / channels
    path = put(tmp_path / "a.wav", encode(tone()[:, None] * gains))
    amplitude = 0.5 * gains.mean()
    check_tone(read_audio(path), 0.5, 0.005, amplitude)


FORMATS = {  # and the tolerance of their length in seconds
    ("FLAC", "PCM_16"): 0.005,
    ("AIFF", "PCM_16"): 0.005,
    ("RF64", "PCM_16"): 0.005,
    ("WAVEX", "PCM_24"): 0.005,
    ("OGG", "VORBIS"): 0.1,
    ("OGG", "OPUS"): 0.1,
    ("MP3", "MPEG_LAYER_III"): 0.1,
}


def odd_files():
    """Makes files of one second that are unusual and sound."""
    plain = encode(tone(1.0))
    head, data = plain[:36], plain[36:]
    return {
        "unknown length": plain[:40] + b"\xff" * 4 + plain[44:],
        "wrong RIFF length": plain[:4] + bytes(4) + plain[8:],
        "odd chunk": head + b"junk\x03\0\0\0abc\0" + data,
        "bytes after the samples": plain + b"some more bytes",
        "tag after the samples": plain + id3_tag(100),
        "tag before MP3": id3_tag(100) + encode(tone(1.0), kind="MP3"),
        "picture before MP3": id3_tag(10_000) + encode(tone(1.0), kind="MP3"),
    }


def prepare_files(folder, contents):
    """Prepares files that are all named .wav; returns the paths of all, and
    the rows of those that are clips."""
    put_ravdess(folder / "data", ACTORS[:3])
    paths = {
        case: put(folder / "data" / f"03-01-03-01-01-{n:02}-01.wav", content)
        for n, (case, content) in enumerate(contents.items())
    }
    clips = whole(run_prepare(folder / "data", folder / "m"))
    assert excluded(folder / "m") == {}
    return paths, clips


@pytest.fixture(scope="module")
def formats(tmp_path_factory):
    """A second of all formats, at two rates."""
    contents = {
        (kind, subtype, rate): encode(tone(1.0, rate), rate, kind, subtype)
        for kind, subtype in FORMATS
        for rate in (16000, 48000)
    }
    return prepare_files(tmp_path_factory.mktemp("formats"), contents)


@pytest.mark.parametrize("kind, subtype", FORMATS)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_content_counts_and_not_the_name(formats, rate, kind, subtype):
    """Any format that is named .wav is prepared and read."""
    paths, clips = formats
    tolerance = FORMATS[kind, subtype]
    path = paths[kind, subtype, rate]
    check_tone(read_audio(path), 1.0, tolerance)
    clip = clips.loc[path.stem]
    assert clip["sample_rate"] == rate
    assert clip["channels"] == 1
    assert clip["duration"] == pytest.approx(1.0, abs=tolerance)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """All unusual files."""
    return prepare_files(tmp_path_factory.mktemp("odd"), odd_files())


@pytest.mark.parametrize("oddity", odd_files())
def test_unusual_file_is_a_clip(odd, oddity):
    """What other programs write and read is read here, too."""
    paths, clips = odd
    check_tone(read_audio(paths[oddity]), 1.0, 0.1)
    assert paths[oddity].stem in clips.index


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "\u00e9 \u4e2d \u00df",
        "e\u0301",
        "#1=a",
        'it\'s "quoted"',
        "a,b;c",
        "line\nbreak",
    ],
)
def test_any_folder_name_is_read(tmp_path, name):
    """From the file system to the CSV to the dataset and back."""
    folder = tmp_path / name / "data"
    try:
        put_ravdess(folder / name, ACTORS[:3])
    except OSError:
        pytest.skip("this file system does not take the name")
    run_prepare(folder, tmp_path / "m")
    run_prepare(folder, tmp_path / "m")  # reads what it wrote
    dataset = DynamicItemDataset.from_csv(
        tmp_path / "m" / "train.csv",
        replacements={"data_root": folder.as_posix()},
        dynamic_items=[{"func": read_audio, "takes": "wav", "provides": "sig"}],
        output_keys=["sig"],
    )
    assert [len(clip["sig"]) for clip in dataset] == [3200, 3200]


ENDINGS = (".WAV", ".Wav", ".flac", ".AIFF", ".mp3")


@pytest.fixture(scope="module")
def endings(tmp_path_factory):
    """Clips with all extensions."""
    folder = tmp_path_factory.mktemp("endings")
    put_ravdess(folder / "data", ACTORS[:3])
    for number, ending in enumerate(ENDINGS):
        put(folder / "data" / f"03-01-03-01-01-{number:02}-01{ending}")
    return whole(run_prepare(folder / "data", folder / "m"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings_of_audio_in_any_case(endings, ending):
    """The extension decides which files are looked at."""
    assert endings["wav"].str.endswith(ending).sum() == 1


def test_other_endings_are_not_looked_at(tmp_path):
    """Though the content is audio."""
    data = put_ravdess(tmp_path / "data", ACTORS[:3])
    put((data / NAME).with_suffix(".bin"))
    assert len(whole(run_prepare(data, tmp_path / "m"))) == 6
    assert excluded(tmp_path / "m") == {}


def test_file_that_broke_since_is_named(tmp_path):
    """A file that was prepared and then cut is an error, no crash."""
    path = put(tmp_path / "broken.wav", b"RIFF")
    with pytest.raises(RecipeError, match=r"broken\.wav"):
        read_audio(path)
