"""Prediction with PyTorch."""

from threading import Lock

import numpy as np
import torch
from ser.audio import STEP, resample
from ser.errors import RecipeError
from ser.speakers import BATCH, fit_speakers


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
        self.normalise = model.normalise

    def classify(self, wavs):
        """Classifies a batch of waveforms at 16 kHz, a list of arrays [sample]
        of float32; returns probabilities [clip, class], an array."""
        return self.classify_embeddings(self.embed(wavs))

    def embed(self, wavs):
        """Computes the embeddings of such a batch, a tensor [clip, layer + 1,
        channel]."""
        samples = torch.tensor([len(wav) for wav in wavs])
        longest = -(-int(samples.max()) // STEP) * STEP
        batch = torch.zeros(len(wavs), longest)
        for row, wav in zip(batch, wavs):
            row[: len(wav)] = torch.as_tensor(wav)
        # A model notes the lengths of a batch, and the page has threads.
        with self.lock, torch.inference_mode():
            return self.model.embed(
                batch.to(self.device), (samples / longest).to(self.device)
            )

    def classify_embeddings(self, embeddings, own=None):
        """Classifies embeddings [clip, layer + 1, channel], normalised by `own`
        as `ser.speakers.normalise_speakers` says."""
        with torch.inference_mode():
            rows = self.model.classify(embeddings.to(self.device), own)
        return rows.exp().cpu().numpy()

    def classify_speaker(self, vectors, speaker):
        """Classifies all clips of a speaker, a str, by their embeddings, a list
        of tensors [layer + 1, channel], with speaker normalisation; returns
        probabilities [clip, class], an array."""

        def read(numbers):
            """Stacks some of them, not all, which takes memory."""
            return torch.stack([vectors[number] for number in numbers])

        own = fit_speakers(read, [speaker] * len(vectors))
        numbers, rows = range(len(vectors)), []
        for part in (numbers[n : n + BATCH] for n in numbers[::BATCH]):
            own_part = own[part.start : part.stop]
            rows.append(self.classify_embeddings(read(part), own_part))
        return np.concatenate(rows)

    def resample(self, wav, sample_rate):
        """Resamples a waveform [sample] of float32 to 16 kHz, an array."""
        return resample(wav, sample_rate).numpy()
