"""Random crops of clips, and what a microphone, a room and a line do to them."""

import functools

import torch
from ser.audio import SAMPLE_RATE, read_audio


class Crops:
    """Cuts a random stretch out of a clip each time it is called with the
    clip's path, and keeps all clips in memory.

    Arguments
    ---------
    length : float
        Of a crop, in seconds.
    margin : float
        How far it may reach past either end of the clip, in seconds.

    Example
    -------
    >>> import soundfile
    >>> path = str(getfixture("tmpdir") / "clip.wav")
    >>> soundfile.write(path, torch.rand(16000).numpy(), 16000)
    >>> Crops(length=2.2, margin=0.2)(path).shape  # [sample], at 16 kHz
    torch.Size([35200])
    """

    def __init__(self, length, margin):
        self.length = round(length * SAMPLE_RATE)
        self.margin = round(margin * SAMPLE_RATE)

    def __call__(self, wav):
        """Reads a file and returns one crop [sample]."""
        clip = _read_once(wav).float() / 32767
        spare = len(clip) - self.length
        first = min(spare, 0) - self.margin
        last = max(spare, 0) + self.margin
        start = int(torch.randint(first, last + 1, (1,)))
        # Negative padding cuts.
        return torch.nn.functional.pad(clip, (-start, start - spare))


@functools.cache
def _read_once(wav):
    """Keeps each clip in memory as int16, 115 MB for an hour of speech."""
    return (read_audio(wav).clamp(-1, 1) * 32767).round().short()


class RandomChannel(torch.nn.Module):
    """Equalises, band-limits, reverberates and adds coloured noise, by random
    amounts for each clip. Without it an encoder learns the bandwidth of its
    training corpus.

    Arguments
    ---------
    equaliser : float
        Standard deviation of the gain at eight frequencies, in dB.
    cutoff_low, cutoff_high : float
        Range of the low-pass's cutoff, in Hz; above 8000 there is none.
    reverberation : float
        Share of the clips with a room, of 0.1 to 0.6 s.
    snr_low, snr_high : float
        Range of the signal-to-noise ratio, in dB.

    Example
    -------
    >>> RandomChannel()(torch.rand(2, 16000)).shape  # [batch, sample]
    torch.Size([2, 16000])
    """

    def __init__(
        self,
        equaliser=5.0,
        cutoff_low=2500.0,
        cutoff_high=10000.0,
        reverberation=0.4,
        snr_low=5.0,
        snr_high=45.0,
    ):
        super().__init__()
        self.equaliser = equaliser
        self.cutoff = cutoff_low, cutoff_high
        self.reverberation = reverberation
        self.snr = snr_low, snr_high

    @torch.no_grad()
    def forward(self, wavs):
        """Distorts waveforms at 16 kHz [batch, sample], to the same shape."""
        batch, samples = wavs.shape
        with wavs.device:  # where everything is drawn
            spectrum = torch.fft.rfft(wavs)
            rooms = torch.rand(batch) < self.reverberation
            tails = torch.fft.rfft(_draw_rooms(batch), samples)
            spectrum[rooms] *= tails[rooms]
            spectrum *= self._draw_gains(*spectrum.shape)
            noise = torch.randn_like(spectrum)
            noise *= self._draw_gains(*spectrum.shape, slope=True)
            snr = torch.empty(batch, 1).uniform_(*self.snr)
            scale = torch.view_as_real(spectrum).norm(dim=(1, 2))
            scale /= torch.view_as_real(noise).norm(dim=(1, 2))
            spectrum += noise.mul_(scale[:, None] * 10 ** (-snr / 20))
            return torch.fft.irfft(spectrum, samples)

    def _draw_gains(self, batch, bins, slope=False):
        """Draws equalisers with a low-pass [batch, bin]; with `slope` they
        also fall by 0 to 6 dB an octave."""
        # In steps of 16 Hz, since powers of every bin would take most time.
        # No linspace: transformers changes it, and it then ignores `with device`.
        frequency = torch.arange(512) * (SAMPLE_RATE / 1024)
        octave = (frequency / 62.5).clamp(min=1).log2()  # 0 to 7
        knots = self.equaliser * torch.randn(batch, 8)
        if slope:
            knots -= 6 * torch.rand(batch, 1) * torch.arange(8)
        below = octave.long().clamp(max=6)
        share = octave - below
        decibel = knots[:, below] * (1 - share) + knots[:, below + 1] * share
        cutoff = torch.empty(batch, 1).uniform_(*self.cutoff)
        # As steep as a Butterworth filter of order 12.
        lowpass = (1 + (frequency / cutoff) ** 24).rsqrt()
        lowpass = torch.where(cutoff < SAMPLE_RATE / 2, lowpass, 1.0)
        gains = 10 ** (decibel / 20) * lowpass
        return gains[:, torch.arange(bins) * 512 // bins]


def _draw_rooms(batch):
    """Draws impulse responses [batch, sample]: a direct sound and noise that
    dies away."""
    time = torch.arange(int(0.6 * SAMPLE_RATE)) / SAMPLE_RATE
    duration = torch.empty(batch, 1).uniform_(0.1, 0.6)
    tail = torch.randn(batch, len(time))
    tail *= 10 ** (-3 * time / duration)  # -60 dB after the duration
    tail[:, 0] = 0
    ratio = torch.empty(batch, 1).uniform_(0, 15)
    tail *= 10 ** (-ratio / 20) / tail.norm(dim=1, keepdim=True)
    tail[:, 0] = 1  # the direct sound
    return tail
