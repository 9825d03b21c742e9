"""Prediction with PyTorch."""

from threading import Lock

import torch
from ser.audio import STEP, resample
from ser.errors import RecipeError


class TorchNetwork:
    """Runs a `ser.model.EmotionModel` on a device of PyTorch, such as "cpu" or
    "cuda"."""

    def __init__(self, model, device):
        # Its rounding (1e-3) differs with the batch.
        torch.backends.cudnn.allow_tf32 = False
        try:
            self.model = model.to(device)
        except (RuntimeError, AssertionError) as error:
            raise RecipeError(
                f"the device '{device}' cannot be used ({error}): pass cpu, or "
                "cuda where there is a GPU."
            ) from error
        self.device, self.lock = device, Lock()

    def classify(self, wavs):
        """Classifies a batch of waveforms at 16 kHz, a list of arrays [sample]
        of float32; returns probabilities [clip, class], an array."""
        samples = torch.tensor([len(wav) for wav in wavs])
        longest = -(-int(samples.max()) // STEP) * STEP
        batch = torch.zeros(len(wavs), longest)
        for row, wav in zip(batch, wavs):
            row[: len(wav)] = torch.as_tensor(wav)
        # A model notes the lengths of a batch, and the page has threads.
        with self.lock, torch.inference_mode():
            rows = self.model(
                batch.to(self.device), (samples / longest).to(self.device)
            )
        return rows.exp().cpu().numpy()

    def resample(self, wav, sample_rate):
        """Resamples a waveform [sample] of float32 to 16 kHz, an array."""
        return resample(wav, sample_rate).numpy()
