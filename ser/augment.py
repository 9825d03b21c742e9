"""What a microphone, a room and a line do to speech, drawn anew for each clip."""

import torch

from ser.audio import SAMPLE_RATE


class RandomChannel(torch.nn.Module):
    """Equalises, band-limits, reverberates and adds coloured noise, each clip
    by its own draw, in one pass through the spectrum.

    Without it an encoder learns the bandwidth of the corpus it hears.

    Arguments
    ---------
    equaliser : float
        Standard deviation of the gain at eight frequencies, in dB.
    cutoff_low, cutoff_high : float
        Between these a low-pass lies, in Hz; where it is drawn above half of
        the sampling rate there is none.
    reverberation : float
        Share of the clips with a room, of 0.1 to 0.6 s.
    snr_low, snr_high : float
        Between these the signal-to-noise ratio lies, in dB.

    Example
    -------
    >>> RandomChannel()(torch.rand(2, 16000)).shape
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
        """Changes a batch.

        Arguments
        ---------
        wavs : torch.Tensor
            Waveforms at 16 kHz [batch, sample].

        Returns
        -------
        torch.Tensor
            The same shape.
        """
        batch, samples = wavs.shape
        spectrum = torch.fft.rfft(wavs)
        rooms = torch.rand(batch) < self.reverberation
        tails = torch.fft.rfft(self.draw_rooms(batch, wavs), samples)
        spectrum[rooms] *= tails[rooms]
        bins = spectrum.shape[1]
        spectrum *= self.draw_gains(batch, bins, wavs.device)
        # Noise falls by 0 to 6 dB an octave.
        noise = torch.randn_like(spectrum)
        noise *= self.draw_gains(batch, bins, wavs.device, slope=True)
        snr = torch.empty(batch, 1, device=wavs.device).uniform_(
            self.snr_low, self.snr_high
        )
        power = [
            torch.view_as_real(x).norm(dim=(1, 2)) for x in (spectrum, noise)
        ]
        scale = power[0] / power[1]
        spectrum += noise.mul_(scale[:, None] * 10 ** (-snr / 20))
        return torch.fft.irfft(spectrum, samples)

    def draw_gains(self, batch, bins, device, slope=False):
        """Draws an equaliser and a low-pass for each clip.

        Arguments
        ---------
        batch : int
            Number of clips.
        bins : int
            Of the spectrum.
        device : torch.device
            Where.
        slope : bool
            If True, the gain falls by 0 to 6 dB an octave, too.

        Returns
        -------
        torch.Tensor
            Gains [batch, bin].
        """
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

    def draw_rooms(self, number, like):
        """Draws impulse responses: a direct sound and noise that dies away.

        Arguments
        ---------
        number : int
            How many.
        like : torch.Tensor
            On whose device.

        Returns
        -------
        torch.Tensor
            [number, sample]
        """
        samples = int(0.6 * SAMPLE_RATE)
        time = torch.arange(samples, device=like.device) / SAMPLE_RATE
        duration = torch.empty(number, 1, device=like.device).uniform_(0.1, 0.6)
        tail = torch.randn(number, samples, device=like.device)
        tail *= 10 ** (-3 * time / duration)  # -60 dB after the duration
        tail[:, 0] = 0
        ratio = torch.empty(number, 1, device=like.device).uniform_(0, 15)
        tail *= 10 ** (-ratio / 20) / tail.norm(dim=1, keepdim=True)
        tail[:, 0] = 1  # the direct sound
        return tail
