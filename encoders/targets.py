"""What each frame of the encoder learns to tell of the undistorted sound."""

import torch
from encoders.filterbank import WINDOW as ENCODER_WINDOW
from ser.audio import SAMPLE_RATE
from ser.hidden_states import normalise
from torchaudio.transforms import MelSpectrogram

HOP = 320  # samples, as the encoder's
SPECTRUM = 512  # samples
PERIODS = 720  # samples: three periods of 67 Hz
LAGS = (SAMPLE_RATE / 500, SAMPLE_RATE / 62.5)  # samples


class FrameTargets(torch.nn.Module):
    """Log-mel bands, which hold the energy, and periodicity, which holds the
    pitch: the autocorrelation of Boersma (1993) at lags from 2 to 16 ms.

    Arguments
    ---------
    bands : int
        Number of log-mel bands, up to 5.5 kHz.
    lags : int
        Number of lags, in equal ratios.

    Example
    -------
    >>> FrameTargets(bands=64, lags=32)(torch.rand(2, 16000)).shape
    torch.Size([2, 49, 96])
    """

    def __init__(self, bands, lags):
        super().__init__()
        self.mel = MelSpectrogram(
            sample_rate=SAMPLE_RATE,
            n_fft=SPECTRUM,
            win_length=400,
            hop_length=HOP,
            f_max=5500.0,
            n_mels=bands,
            center=False,
        )
        low, high = map(torch.tensor, LAGS)
        lags = torch.linspace(low.log2(), high.log2(), lags).exp2().round()
        self.register_buffer("lags", lags.long(), persistent=False)
        window = torch.hann_window(PERIODS, periodic=False)
        self.register_buffer("window", window, persistent=False)

    @torch.no_grad()
    def forward(self, wavs):
        """Returns the targets of waveforms at 16 kHz [batch, sample], each of
        about zero mean and unit variance: [batch, frame, band and lag]."""
        wavs = normalise(wavs, torch.ones_like(wavs, dtype=torch.bool))
        bands = self.mel(_widen(wavs, SPECTRUM)).transpose(1, 2)
        # 1 is about 30 dB below the mean; anything weaker is silence.
        bands = bands.log1p() / 2.5 - 1
        frames = _widen(wavs, PERIODS).unfold(1, PERIODS, HOP) * self.window
        periodicity = self._correlate(frames) / self._correlate(self.window)
        return torch.cat([bands, 2 * periodicity.clamp(-1, 1)], dim=-1)

    def _correlate(self, frames):
        """Returns the autocorrelation of [..., sample] at the lags, as a share
        of the power; 0 in silence."""
        power = torch.fft.rfft(frames, 2 * PERIODS).abs().square()
        correlation = torch.fft.irfft(power)
        silence = 1e-4 * PERIODS
        return correlation[..., self.lags] / (correlation[..., :1] + silence)


def _widen(wavs, window):
    """Pads waveforms so that windows give a frame for each of the encoder's."""
    spare = window - ENCODER_WINDOW
    return torch.nn.functional.pad(wavs, (spare // 2, spare - spare // 2))
