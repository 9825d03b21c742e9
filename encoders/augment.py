"""Random crops of clips, and what a microphone, a room and a line do to them."""

import functools

import torch
from ser.audio import SAMPLE_RATE, read_audio


class Crops:
    """Cuts a random stretch out of a clip each time it is called with the
    clip's path, and keeps the corpus in memory.

    Arguments
    ---------
    length : float
        Of a crop, in seconds.
    margin : float
        How far it may reach past either end of the clip, in seconds; there
        it is silent.

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
        start = int(
            torch.randint(
                min(spare, 0) - self.margin,
                max(spare, 0) + self.margin + 1,
                (1,),
            )
        )
        # Negative padding cuts.
        return torch.nn.functional.pad(
            clip, (-start, start + self.length - len(clip))
        )


@functools.cache
def _read_once(wav):
    """Keeps each clip in memory as int16, 115 MB for an hour of speech."""
    return (read_audio(wav).clamp(-1, 1) * 32767).round().short()


class RandomChannel(torch.nn.Module):
    """Equalises, band-limits, reverberates and adds coloured noise, with a
    draw of its own for each clip, in one pass through the spectrum.

    Without it an encoder learns the bandwidth of its training corpus.

    Arguments
    ---------
    equaliser : float
        Standard deviation of the gain at eight frequencies, in dB.
    cutoff_low, cutoff_high : float
        Range of the low-pass's cutoff, in Hz; one above half of the sampling
        rate means no low-pass.
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
        self.cutoff_low, self.cutoff_high = cutoff_low, cutoff_high
        self.reverberation = reverberation
        self.snr_low, self.snr_high = snr_low, snr_high

    @torch.no_grad()
    def forward(self, wavs):
        """Distorts waveforms at 16 kHz [batch, sample], to the same shape."""
        batch, samples = wavs.shape
        spectrum = torch.fft.rfft(wavs)
        rooms = torch.rand(batch) < self.reverberation
        tails = torch.fft.rfft(self._draw_rooms(batch, wavs.device), samples)
        spectrum[rooms] *= tails[rooms]
        bins = spectrum.shape[1]
        spectrum *= self._draw_gains(batch, bins, wavs.device)
        # Noise falls by 0 to 6 dB an octave.
        noise = torch.randn_like(spectrum)
        noise *= self._draw_gains(batch, bins, wavs.device, slope=True)
        snr = torch.empty(batch, 1, device=wavs.device).uniform_(
            self.snr_low, self.snr_high
        )
        power = [
            torch.view_as_real(x).norm(dim=(1, 2)) for x in (spectrum, noise)
        ]
        scale = power[0] / power[1]
        spectrum += noise.mul_(scale[:, None] * 10 ** (-snr / 20))
        return torch.fft.irfft(spectrum, samples)

    def _draw_gains(self, batch, bins, device, slope=False):
        """Draws equalisers with a low-pass [batch, bin]; with `slope` they
        also fall by 0 to 6 dB an octave."""
        # In steps of 16 Hz, since powers of every bin would take most time.
        frequency = torch.linspace(0, SAMPLE_RATE / 2, 513, device=device)[:-1]
        octave = (frequency / 62.5).clamp(min=1).log2()  # 0 to 7
        knots = self.equaliser * torch.randn(batch, 8, device=device)
        if slope:
            knots -= (
                6
                * torch.rand(batch, 1, device=device)
                * torch.arange(8, device=device)
            )
        below = octave.long().clamp(max=6)
        share = octave - below
        decibel = knots[:, below] * (1 - share) + knots[:, below + 1] * share
        cutoff = torch.empty(batch, 1, device=device).uniform_(
            self.cutoff_low, self.cutoff_high
        )
        # As steep as a Butterworth filter of order 12.
        lowpass = (1 + (frequency / cutoff) ** 24).rsqrt()
        lowpass = torch.where(cutoff < SAMPLE_RATE / 2, lowpass, 1.0)
        gains = 10 ** (decibel / 20) * lowpass
        step = torch.arange(bins, device=device) * 512 // bins
        return gains[:, step]

    def _draw_rooms(self, batch, device):
        """Draws impulse responses [batch, sample]: a direct sound and noise
        that dies away."""
        samples = int(0.6 * SAMPLE_RATE)
        time = torch.arange(samples, device=device) / SAMPLE_RATE
        duration = torch.empty(batch, 1, device=device).uniform_(0.1, 0.6)
        tail = torch.randn(batch, samples, device=device)
        tail *= 10 ** (-3 * time / duration)  # -60 dB after the duration
        tail[:, 0] = 0
        ratio = torch.empty(batch, 1, device=device).uniform_(0, 15)
        tail *= 10 ** (-ratio / 20) / tail.norm(dim=1, keepdim=True)
        tail[:, 0] = 1  # the direct sound
        return tail
