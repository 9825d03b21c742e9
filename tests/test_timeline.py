"""Long audio: its windows are clips, whatever its format and length, and its
memory is that of a short one."""

import csv
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import ENVIRONMENT, ROOT, fork_program
from ser.audio import read_audio
from ser.errors import RecipeError
from ser.inference import load_model
from ser.stream import stream_audio
from ser.timeline import timeline

RATE = 16000


@pytest.fixture(scope="module")
def model(small_run):
    """A small trained model."""
    return load_model(small_run)


@pytest.fixture(scope="module")
def speech(small_corpus):
    """Ten seconds of several voices at 16 kHz."""
    clips = sorted(small_corpus.glob("*.wav"))[::5]
    wavs = [soundfile.read(clip, dtype="float32")[0] for clip in clips]
    return np.concatenate(wavs)[: 10 * RATE]


@pytest.fixture
def put(tmp_path):
    """Writes a waveform as a file, and returns its path."""

    def write(wav, rate=RATE, name="a.wav", subtype="FLOAT", kind="WAV"):
        path = tmp_path / name
        channels = np.ndim(wav) if np.ndim(wav) == 1 else wav.shape[1]
        # Bit by bit, since libsndfile crashes where it writes much Vorbis.
        with soundfile.SoundFile(
            path, "w", rate, channels, subtype, format=kind
        ) as file:
            for start in range(0, len(wav), rate):
                file.write(wav[start : start + rate])
        return path

    return write


def music(rate, seconds, channels=1):
    """Makes a random walk, quiet at first and then loud."""
    steps = np.random.default_rng(0).uniform(-1, 1, (seconds * rate, channels))
    wav = np.cumsum(steps, axis=0)
    wav -= np.linspace(0, 1, len(wav))[:, None] * wav[-1]
    wav *= 0.9 / np.abs(wav).max()
    wav[: len(wav) // 3] *= 0.01
    return wav


def times(segments):
    """Returns the starts and ends of segments."""
    return [(segment.start, segment.end) for segment in segments]


def rows(segments):
    """Returns the probabilities of segments [segment, class]."""
    return np.array([list(s.probabilities.values()) for s in segments])


def cut_file(path, kept):
    """Keeps a share of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    return path


@pytest.mark.parametrize("window, hop", [(4, 1), (1.5, 0.7), (2, 2)])
def test_windows_are_clips(model, speech, put, window, hop):
    """Each window gets what `predict` says of the samples in it."""
    segments = list(timeline(model, put(speech), window, hop))
    clips = [
        speech[round(start * RATE) : round(end * RATE)]
        for start, end in times(segments)
    ]
    predictions = model.predict(clips, RATE)
    np.testing.assert_allclose(rows(segments), rows(predictions), atol=1e-5)
    assert [s.emotion for s in segments] == [p.emotion for p in predictions]
    assert all(list(s.probabilities) == model.classes for s in segments)
    assert segments[0].start == 0 and segments[-1].end == 10


@pytest.mark.parametrize(
    "length, expected",
    [
        (5, [(0, 4), (1, 5)]),
        (5.05, [(0, 4), (1, 5)]),  # a rest of less than 0.1 s
        (5.5, [(0, 4), (1, 5), (1.5, 5.5)]),
        (4, [(0, 4)]),
        (2.5, [(0, 2.5)]),
    ],
)
def test_windows_cover_the_recording(model, speech, put, length, expected):
    """Windows start at multiples of the hop, and the last ends at the end."""
    path = put(speech[: round(length * RATE)])
    assert times(timeline(model, path, 4, 1)) == expected


def test_no_audio_to_classify(model, put):
    """A recording of next to nothing is one window, which says so."""
    for samples in (0, 1000):
        (segment,) = timeline(model, put(np.ones(samples)))
        assert segment.emotion is None and segment.probabilities == {}
        assert "shorter than 0.1 s" in segment.note


@pytest.mark.parametrize(
    "rate", [4000, 8000, 11025, 16000, 22050, 24414, 44100, 48000]
)
def test_pieces_are_the_whole(model, put, rate):
    """What is read in pieces equals the whole file, resampled at once."""
    for length in (rate // 3, 3 * rate, 4 * rate + 77, 5 * rate - 5):
        path = put(music(rate, 6, channels=2)[-length:], rate)
        pieces = list(stream_audio(path, model.resample))
        assert len(pieces) >= length // rate
        whole = read_audio(path).numpy()
        np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


@pytest.mark.parametrize(
    "kind, subtype",
    [
        ("WAV", "PCM_24"),
        ("WAV", "IMA_ADPCM"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"),
    ],
)
def test_formats(model, put, kind, subtype):
    """This holds for every format, whatever the name of the file."""
    path = put(music(24000, 12, 2), 24000, "a.bin", subtype, kind)
    path = path.rename(path.with_suffix(".raw"))
    pieces = list(stream_audio(path, model.resample))
    whole = read_audio(path).numpy()
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-6)


def test_flac_of_unknown_length(model, put):
    """A FLAC that was streamed, so that its header lacks the length, is read to
    its end."""
    path = put(music(RATE, 10), subtype="PCM_16", kind="FLAC")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # of 36 bits, the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert times(timeline(model, path, 4, 4)) == [(0, 4), (4, 8), (6, 10)]


def test_silence_and_nan(model, speech, put):
    """A window without sound, or with a sample that is no number, has no
    answer; the others are as they were."""
    wav = speech.copy()
    wav[2 * RATE : 4 * RATE] = 0.25  # an offset is silence, too
    wav[7 * RATE + 5] = np.nan
    before = list(timeline(model, put(speech), 2, 1))
    segments = list(timeline(model, put(wav), 2, 1))
    notes = {s.start: s.note for s in segments if s.note}
    assert notes == {
        2: "silence",
        6: "NaN or infinite samples",
        7: "NaN or infinite samples",
    }
    for segment, old in zip(segments, before, strict=True):
        if segment.note:
            assert segment.emotion is None and segment.probabilities == {}
        elif segment.start in (0, 4, 5, 8):
            np.testing.assert_allclose(rows([segment]), rows([old]), atol=1e-5)


def test_resampled_nan_stays_where_it_is(model, put):
    """One sample that is no number spoils no window beside its own."""
    wav = music(44100, 6)
    wav[3 * 44100 + 100] = np.inf
    segments = list(timeline(model, put(wav, 44100), 1, 1))
    assert [s.start for s in segments if s.note] == [3]


@pytest.mark.parametrize("number", [1, 3, 5, 99])
def test_smoothing(model, speech, put, number):
    """Smoothed probabilities are means of the windows around, those without an
    answer left out."""
    wav = speech.copy()
    wav[4 * RATE : 6 * RATE] = 0
    path, reach = put(wav), number // 2
    plain = list(timeline(model, path, 1, 0.5))
    smooth = list(timeline(model, path, 1, 0.5, smooth=number))
    assert times(smooth) == times(plain)
    for index, segment in enumerate(smooth):
        near = plain[max(0, index - reach) : index + reach + 1]
        assert segment.note == plain[index].note
        if not segment.note:
            mean = rows([s for s in near if not s.note]).mean(axis=0)
            np.testing.assert_allclose(rows([segment])[0], mean, atol=1e-6)
            assert segment.emotion == model.classes[mean.argmax()]
    assert sum(bool(segment.note) for segment in smooth) == 3


def test_abstain(model, speech, put):
    """Below the wanted probability the emotion is uncertain."""
    path = put(speech)
    best = [max(s.probabilities.values()) for s in timeline(model, path)]
    threshold = sorted(best)[len(best) // 2]
    segments = list(timeline(model, path, abstain=threshold))
    unsure = [segment.emotion == "uncertain" for segment in segments]
    assert unsure == [share < threshold for share in best]
    assert any(unsure) and not all(unsure)


@pytest.mark.parametrize(
    "kind, subtype",
    [
        ("WAV", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
def test_file_that_is_cut_short(model, put, kind, subtype):
    """What there is gets its answers, and then the end is told."""
    path = put(music(RATE, 20), subtype=subtype, kind=kind)
    whole = list(timeline(model, path, 2, 2))
    *segments, last = timeline(model, cut_file(path, 0.7), 2, 2)
    assert not any(segment.note for segment in [*whole, *segments])
    assert 4 < last.start == last.end == segments[-1].end < 19
    assert last.note == "truncated or damaged audio" and last.emotion is None
    count = int(last.end / 2)
    assert times(segments)[:count] == times(whole)[:count]


def test_file_that_is_damaged(model, put):
    """A file with a hole is read up to it."""
    path = put(music(RATE, 20), subtype="PCM_16", kind="FLAC")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    *segments, last = timeline(model, path, 2, 2)
    assert 5 < last.start == segments[-1].end < 15
    assert last.note == "truncated or damaged audio"


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "empty file"),
        (b"not a recording " * 999, "not audio"),
        (b"RIFF....WAVE", "damaged"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_no_audio(model, tmp_path, content, reason):
    """What is not audio is refused by name."""
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"a.wav: .*{reason}"):
        list(timeline(model, path))


def test_what_cannot_be_read(model, tmp_path, put):
    """Folders, missing files and rates without speech are refused by name."""
    low = put(music(3000, 5), 3000)
    for path in (tmp_path, tmp_path / "missing.wav", low):
        with pytest.raises(RecipeError, match=re.escape(str(path))):
            list(timeline(model, path))


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0.05},
        {"window": 121},
        {"window": float("nan")},
        {"hop": 0},
        {"hop": -1},
        {"hop": 5},
        {"smooth": 2},
        {"smooth": -3},
        {"abstain": 1.5},
        {"abstain": float("nan")},
    ],
)
def test_wrong_arguments(model, speech, put, wrong):
    """An argument that is out of range is named with its value."""
    (name, value), path = *wrong.items(), put(speech)
    with pytest.raises(RecipeError, match=f"{name} is {value}: expected"):
        list(timeline(model, path, **wrong))


@pytest.mark.skipif(sys.platform == "win32", reason="has no module resource")
def test_memory(small_run, put, tmp_path):
    """Forty minutes take no more memory than two: 20 MiB at most, where the
    waveform alone has 150."""
    rate = 8000
    sound, silence = 0.1 * music(rate, 60), np.zeros([38 * 60 * rate, 1])
    two = put(np.concatenate([sound, sound]), rate, "two.wav", "PCM_16")
    wav = np.concatenate([sound, silence, sound])
    forty = put(wav, rate, "forty.wav", "PCM_16")
    code = """if True:
        import resource, sys
        from ser.inference import load_model
        from ser.timeline import timeline
        model = load_model(sys.argv[1])
        for path in sys.argv[2:]:
            number = sum(bool(s.emotion) for s in timeline(model, path, 4, 4))
            print(number, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, (small_run, two, forty))],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    short, long = (
        [int(number) for number in line.split()]
        for line in done.stdout.splitlines()
    )
    assert short[0] == long[0] == 30  # windows with sound
    unit = 2**20 if sys.platform == "darwin" else 2**10
    assert (long[1] - short[1]) / unit < 20


def test_command_line(small_run, model, speech, put, tmp_path):
    """The command line writes the same, and the picture."""
    path, out, plot = put(speech), tmp_path / "a.csv", tmp_path / "a.svg"
    done = fork_program(
        *(ROOT / "predict.py", path, "--model", small_run),
        *("--window", 4, "--hop", 1, "--out", out, "--plot", plot),
    )
    assert done.returncode == 0, done.stderr
    segments = list(timeline(model, path, 4, 1))
    table = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    assert [row["emotion"] for row in table] == [s.emotion for s in segments]
    for row, segment in zip(table, segments, strict=True):
        assert (float(row["start"]), float(row["end"])) == times([segment])[0]
        for name, share in segment.probabilities.items():
            assert float(row[name]) == pytest.approx(share, abs=2e-6)
    assert plot.read_text("utf-8").startswith("<?xml")
