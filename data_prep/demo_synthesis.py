"""Signal model of the built-in synthetic emotional speech corpus.

A source-filter synthesiser reads two fixed sentences in ten voices and the
eight emotions of RAVDESS, so that a recipe can be trained with nothing to
download. Its clips carry the acoustic cues of emotion that the literature
describes, but they are not speech: a score on them says nothing about people.
"""

from typing import NamedTuple

import numpy as np
import scipy  # loads its parts when they are used: they take a second

SAMPLE_RATE = 16000  # Hz
HOP = 80  # samples between two updates of the vocal tract filter (5 ms)
N_FFT = 512  # a window of 2 * HOP, and 22 ms in which the formants ring


class Speaker(NamedTuple):
    """One synthetic voice; breath, tilt and gain add to the emotion's."""

    id: str  # odd for male and even for female, as in RAVDESS
    f0: float  # pitch of the neutral voice, in Hz
    tract: float  # length of the vocal tract, relative to an adult male mean
    rate: float  # of speaking, relative to the mean speaker
    breath: float  # aspiration noise, in dB
    tilt: float  # of the spectrum, in dB lost at 3 kHz
    gain: float  # dB
    degree: float  # scales the distance of an emotion from neutral


SPEAKERS = (
    Speaker("01", 112.0, 1.00, 1.00, 0.0, 0.0, 0.0, 1.00),
    Speaker("02", 205.0, 0.86, 1.04, 2.0, 1.0, -1.0, 1.15),
    Speaker("03", 98.0, 1.05, 0.92, -3.0, -1.5, 2.0, 0.75),
    Speaker("04", 188.0, 0.89, 0.95, 4.0, 2.0, -2.0, 0.85),
    Speaker("05", 128.0, 0.96, 1.08, 1.0, 0.5, 1.0, 1.20),
    Speaker("06", 226.0, 0.83, 1.02, 0.0, -1.0, 0.0, 1.00),
    Speaker("07", 105.0, 1.02, 1.03, 3.0, 1.5, -1.5, 0.90),
    Speaker("08", 214.0, 0.85, 0.97, -2.0, -0.5, 1.5, 1.25),
    Speaker("09", 136.0, 0.98, 0.96, -1.0, -1.0, 0.5, 1.05),
    Speaker("10", 196.0, 0.88, 1.06, 3.0, 0.0, -0.5, 0.80),
)


class Prosody(NamedTuple):
    """How a sentence is spoken."""

    pitch: float  # semitones from the speaker's f0
    range: float  # height of an accent, in semitones
    final: float  # movement on the last syllable, in semitones
    rate: float  # % of change
    level: float  # dB
    tilt: float  # of the spectrum, in dB lost at 3 kHz
    jitter: float  # standard deviation of a period, in %
    shimmer: float  # standard deviation of a period's amplitude, in %
    breath: float  # aspiration noise, in dB relative to the voice
    formants: float  # shift in %; spread lips raise them


# Directions follow Scherer (2003), Banse and Scherer (1996) and Juslin and
# Laukka (2003), calm being their tenderness; they give little on surprise,
# which is here high, wide and rising. The sizes are a choice.
PROSODY = {
    "neutral": Prosody(0.0, 2.5, -2.0, 0, 0, 9, 0.8, 4, -26, 0),
    "calm": Prosody(-1.0, 2.0, -2.5, -12, -4, 13, 0.6, 3, -21, 0),
    "happy": Prosody(5.0, 5.0, 1.0, 10, 4, 6, 1.0, 5, -25, 4),
    "sad": Prosody(-1.5, 1.2, -4.0, -22, -7, 16, 1.6, 6, -18, -2),
    "angry": Prosody(4.5, 5.0, -3.0, 14, 9, 2, 2.0, 9, -30, 2),
    "fearful": Prosody(7.0, 2.5, 0.5, 20, 1, 9, 3.0, 9, -19, 1),
    "disgust": Prosody(-2.0, 3.0, -4.0, -16, 0, 7, 3.5, 14, -25, -4),
    "surprised": Prosody(6.0, 6.0, 5.5, 2, 3, 7, 0.9, 5, -21, 2),
}
EMOTIONS = tuple(PROSODY)

# Standard deviations, once for the habit of a speaker in an emotion and once
# more for the take: they set how hard it is to classify an unknown speaker.
SPREAD = Prosody(0.5, 0.35, 0.5, 2.8, 0.8, 0.7, 0.18, 0.7, 0.8, 0.5)

GAIN_SPREAD = 2.0  # dB, s.d. of the recording gain, which blurs the level
SPEECH_LEVEL = -31.0  # dB re. full scale, r.m.s. of a neutral clip
ROOM_LEVEL = -66.0  # dB re. full scale, r.m.s. of the background noise
STRONG = 1.4  # what intensity 2 does to the distance from neutral

OFF = -90.0  # dB
# Duration (ms), voice (dB), noise (dB), centre of the noise (Hz) and F1 to
# F4 (Hz) of an adult male; vowels are near those of Peterson and Barney
# (1952). "_" closes the tract before a burst, "sil" is the silent ends.
PHONES = {
    "sil": (0, OFF, OFF, 1500, 500, 1500, 2500, 3500),
    "_": (45, -28, OFF, 1500, 300, 1600, 2500, 3500),
    "k": (38, OFF, -8, 1900, 350, 1900, 2300, 3400),
    "g": (25, -16, -12, 1700, 300, 1700, 2300, 3400),
    "t": (38, OFF, -6, 4300, 350, 1750, 2650, 3600),
    "d": (22, -14, -12, 3900, 300, 1750, 2650, 3600),
    "b": (16, -14, -16, 900, 300, 900, 2300, 3300),
    "s": (105, OFF, -4, 5800, 350, 1700, 2600, 3600),
    "z": (75, -14, -8, 5600, 300, 1700, 2600, 3600),
    "dh": (45, -10, -22, 5000, 300, 1300, 2500, 3400),
    "n": (65, -8, OFF, 1500, 280, 1500, 2500, 3500),
    "r": (75, -4, OFF, 1500, 420, 1250, 1650, 3300),
    "ih": (90, 0, OFF, 1500, 400, 1990, 2550, 3600),
    "ah": (65, -2, OFF, 1500, 620, 1200, 2500, 3500),
    "aa": (115, 0, OFF, 1500, 730, 1090, 2440, 3400),
    "ao": (130, 0, OFF, 1500, 570, 840, 2410, 3300),
}
VOWELS = ("ih", "ah", "aa", "ao")
BANDWIDTHS = (70.0, 90.0, 140.0, 220.0, 350.0)  # Hz, F1 to F5
FIFTH_FORMANT = 4500.0  # Hz, in all phones
# "Kids are talking by the door" and "Dogs are sitting by the door", which
# RAVDESS records; "1" marks a stressed vowel.
STATEMENTS = (
    "_ k ih1 _ d z aa r _ t ao1 _ k ih n _ b aa ih dh ah _ d ao1 r",
    "_ d ao1 _ g z aa r s ih1 _ t ih n _ b aa ih dh ah _ d ao1 r",
)


def synthesise(speaker, emotion, intensity, statement, repetition, seed):
    """Synthesises one clip; the same arguments give the same clip.

    Arguments
    ---------
    speaker : Speaker
        One of `SPEAKERS`.
    emotion : str
        One of `EMOTIONS`.
    intensity : int
        1 for normal, 2 for strong.
    statement : int
        Which sentence, 1 or 2.
    repetition : int
        Number of the take, from 1; each draws its own prosody.
    seed : int
        Of the corpus.

    Returns
    -------
    numpy.ndarray
        Float32 [sample] at 16 kHz, 1 to 4 s, peak below 1.
    """
    who = (seed, int(speaker.id), EMOTIONS.index(emotion))
    # The habit is common to all takes of a speaker in an emotion.
    habit = np.random.default_rng(who).standard_normal(len(SPREAD))
    rng = np.random.default_rng((*who, intensity, statement, repetition))
    prosody = draw_prosody(speaker, emotion, intensity, habit, rng)

    tracks, contour = plan(statement, speaker.rate, prosody, rng)
    f0 = speaker.f0 * 2 ** (contour / 12)
    shift = (1 + prosody.formants / 100) / speaker.tract
    voice, noise = sources(tracks, f0, prosody, rng)
    speech = vocal_tract(voice, noise, tracks[:, 2], tracks[:, 3:] * shift)

    gain = SPEECH_LEVEL + prosody.level + GAIN_SPREAD * rng.standard_normal()
    speech *= amplitude(gain) / np.sqrt(np.mean(speech**2))
    # A room is louder at low frequencies.
    room = scipy.signal.lfilter(
        [1.0], [1.0, -0.8], rng.standard_normal(len(speech))
    )
    signal = speech + room * amplitude(ROOM_LEVEL) / room.std()
    # Loud takes are turned down, as no recording may clip.
    signal *= min(1.0, 0.98 / np.abs(signal).max())
    return signal.astype(np.float32)


def draw_prosody(speaker, emotion, intensity, habit, rng):
    """Draws a take's `Prosody` around that of the emotion, in safe bounds."""
    neutral = np.array(PROSODY["neutral"])
    degree = speaker.degree * (STRONG if intensity == 2 else 1.0)
    take = rng.standard_normal(len(SPREAD))
    drawn = neutral + degree * (np.array(PROSODY[emotion]) - neutral)
    drawn = Prosody(*(drawn + np.array(SPREAD) * (habit + take)))
    return drawn._replace(
        range=max(drawn.range, 0.3),
        rate=np.clip(drawn.rate, -35, 50),
        level=drawn.level + speaker.gain,
        tilt=np.clip(drawn.tilt + speaker.tilt, 1, 24),
        jitter=np.clip(drawn.jitter, 0.3, 6),
        shimmer=np.clip(drawn.shimmer, 1, 20),
        breath=drawn.breath + speaker.breath,
    )


def plan(statement, rate, prosody, rng):
    """Lays the phones of a sentence out in time, a frame each 5 ms: returns
    the last seven columns of `PHONES`, as amplitudes and Hz [frame, 7], and the
    pitch in semitones from the speaker's own [frame]."""
    names = ["sil", *STATEMENTS[statement - 1].split(), "sil"]
    targets = np.array([PHONES[name.rstrip("1")] for name in names], float)
    stress = np.array([name.endswith("1") for name in names])
    vowel = np.array([name.rstrip("1") in VOWELS for name in names])

    seconds = targets[:, 0] / 1000 * np.where(stress, 1.35, 1.0)
    seconds *= rng.lognormal(0.0, 0.12, len(names))
    seconds /= rate * (1 + prosody.rate / 100)
    seconds[-3:-1] *= 1.3  # sentences slow down at their end
    seconds[[0, -1]] = rng.uniform(0.15, 0.35, 2)  # silence
    ends = np.cumsum(seconds)
    time = np.arange(int(ends[-1] * SAMPLE_RATE / HOP)) * HOP / SAMPLE_RATE

    loud = 2 * stress + rng.normal(0.0, 1.0, len(names))
    targets[:, 1] += loud * vowel
    targets[:, 1:3] = amplitude(targets[:, 1:3])
    tracks = targets[np.searchsorted(ends, time, side="right"), 1:]
    # Articulators move slowly, the glottis and a release do not.
    tracks = np.hstack([smooth(tracks[:, :2], 5), smooth(tracks[:, 2:], 15)])

    accent = stress + rng.normal(0.0, 0.35, len(names))
    place = np.linspace(0.5, -0.5, len(names))  # pitch declines
    semitones = prosody.pitch + prosody.range * (accent - 0.4 + place)
    contour = np.interp(time, (ends - seconds / 2)[vowel], semitones[vowel])
    # The last movement runs over the final stressed syllable.
    last = np.clip((time - ends[-4]) / (ends[-2] - ends[-4]), 0, 1)
    # No voice leaves its range, however strong the emotion.
    contour = np.clip(contour + prosody.final * last, -8, 15)
    return tracks, smooth(contour, 21)


def sources(tracks, f0, prosody, rng):
    """Returns the two sources of sound [sample]: the derivative of the glottal
    flow with its aspiration, and the noise of bursts and fricatives."""
    frames = np.arange(len(f0))
    samples = np.arange(len(f0) * HOP) / HOP
    f0 = np.interp(samples, frames, f0)
    voicing = np.interp(samples, frames, tracks[:, 0])
    frication = np.interp(samples, frames, tracks[:, 1])

    cycle = np.cumsum(f0 / SAMPLE_RATE).astype(int)
    period = rng.standard_normal(cycle[-1] + 1) * prosody.jitter / 100
    phase = np.cumsum(f0 / SAMPLE_RATE * (1 + period[cycle]))
    cycle = phase.astype(int)
    phase -= cycle
    size = 1 + rng.standard_normal(cycle[-1] + 1) * prosody.shimmer / 100

    # Rosenberg pulse; a pressed voice, of flat tilt, is open for less long.
    is_open = np.clip(0.45 + 0.02 * prosody.tilt, 0.45, 0.8)
    rise, fall = 0.7 * is_open, 0.3 * is_open
    opening = 0.5 - 0.5 * np.cos(np.pi * phase / rise)
    closing = np.cos(0.5 * np.pi * np.clip((phase - rise) / fall, 0, 1))
    flow = np.where(phase < rise, opening, closing)
    pulses = np.diff(flow * size[cycle], prepend=0.0)
    # One pole that loses the decibels of the tilt at 3 kHz.
    cutoff = 3000 / np.sqrt(10 ** (prosody.tilt / 10) - 1)
    pole = np.exp(-2 * np.pi * cutoff / SAMPLE_RATE)
    pulses = scipy.signal.lfilter([1 - pole], [1.0, -pole], pulses)
    pulses /= pulses.std()

    # Aspiration comes with the flow, so it is loudest in the open phase.
    white = rng.standard_normal((2, len(flow)))
    aspiration = amplitude(prosody.breath) * (0.3 + flow) * white[0]
    return voicing * (pulses + aspiration), frication * white[1]


def vocal_tract(voice, noise, centre, formants):
    """Filters each short window of the voice by the formants [frame, 4] and of
    the noise by a band around its centre [frame], all in Hz, and overlaps
    them; the level of the result is arbitrary."""
    scale = formants[:, 3:].mean() / 3500
    fifth = np.full(len(formants), FIFTH_FORMANT * scale)
    tract = 1.0
    for frequency, bandwidth in zip([*formants.T, fifth], BANDWIDTHS):
        tract = tract * resonance(frequency, bandwidth)
    band = resonance(centre * scale, 1200.0)
    band /= np.abs(band).max(axis=1, keepdims=True)

    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * HOP) / HOP)
    spectrum = 0.0
    for source, response in ((voice, tract), (noise, band)):
        padded = np.pad(source, HOP)
        parts = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP)
        parts = parts[::HOP][: len(centre)] * window
        spectrum = spectrum + np.fft.rfft(parts, N_FFT) * response
    speech = np.zeros(len(voice) + N_FFT)
    for index, part in enumerate(np.fft.irfft(spectrum, N_FFT)):
        speech[index * HOP : index * HOP + N_FFT] += part
    return speech[HOP : HOP + len(voice)]


def resonance(frequency, bandwidth):
    """Returns the response of a two-pole filter, 1 at 0 Hz [frame, bin]."""
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    turn = 2 * np.pi * frequency[:, None] / SAMPLE_RATE
    first, second = -2 * radius * np.cos(turn), radius**2
    delay = np.exp(-2j * np.pi * np.arange(N_FFT // 2 + 1) / N_FFT)
    return (1 + first + second) / (1 + first * delay + second * delay**2)


def smooth(tracks, length):
    """Smooths along the first axis, over a number of frames."""
    kernel = np.hanning(length + 2)
    kernel /= kernel.sum()
    return scipy.ndimage.convolve1d(tracks, kernel, axis=0, mode="nearest")


def amplitude(level):
    """Turns a level in dB into an amplitude."""
    return 10 ** (np.asarray(level) / 20)
