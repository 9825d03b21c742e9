"""Prediction with an ONNX file, without PyTorch."""

import functools
import json
import math
import os

import numpy as np
from ser.audio import resampling_ratio
from ser.errors import RecipeError
from ser.names import find_bad_class


class OnnxNetwork:
    """A graph that `sharing.onnx_graph.write_onnx` wrote, on the CPU; it takes
    as many cores as OMP_NUM_THREADS says, or all.

    Arguments
    ---------
    path : str or pathlib.Path
        The file. Its metadata hold `classes`, a list of str, and `about`, the
        line that says what it is and is not fit for.

    Raises
    ------
    RecipeError
        If it is not such a graph, or onnxruntime is missing.
    """

    def __init__(self, path):
        self.path = path
        try:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            threads = os.environ.get("OMP_NUM_THREADS", "")
            if threads.isdigit():
                options.intra_op_num_threads = int(threads)
            # Both keep memory for each new length of a batch.
            options.enable_mem_pattern = options.enable_cpu_mem_arena = False
            options.log_severity_level = 4  # errors are raised, not printed
            self.session = onnxruntime.InferenceSession(
                os.fspath(path), options, ["CPUExecutionProvider"]
            )
            facts = self.session.get_modelmeta().custom_metadata_map
            self.classes = names = json.loads(facts.get("classes", "null"))
            self.about = " ".join(facts.get("about", "").split())
        except ImportError as error:
            raise RecipeError(
                f"'{path}' needs onnxruntime, which is not installed: "
                "pip install onnxruntime"
            ) from error
        # Onnxruntime's have no base, and the file is a stranger's.
        except Exception as error:
            raise self._refused(f"{type(error).__name__}: {error}") from error
        if not isinstance(names, list) or {type(n) for n in names} != {str}:
            raise self._refused("its metadata name no classes")
        if (name := find_bad_class(names)) is not None:
            raise self._refused(f"no class, or one only, can be {name!a}")
        # Two clips, which show a graph of other inputs and outputs.
        trial = self.classify([np.zeros(n, np.float32) for n in (8000, 4000)])
        if not np.allclose(trial.sum(axis=1), 1, atol=1e-3):
            raise self._refused("its answers are no probabilities")

    def _refused(self, reason):
        """Makes the error for a file that is not used."""
        reason = " ".join(reason.split())[:300]
        return RecipeError(
            f"'{self.path}' is refused ({reason}): expected an ONNX file that "
            "export.py wrote, unchanged."
        )

    def classify(self, wavs):
        """Classifies a batch of waveforms at 16 kHz, a list of arrays [sample]
        of float32; returns probabilities [clip, class], an array."""
        lengths = np.array([len(wav) for wav in wavs], dtype=np.int64)
        samples = np.zeros((len(wavs), lengths.max()), dtype=np.float32)
        for row, wav in zip(samples, wavs):
            row[: len(wav)] = wav
        inputs = {"samples": samples, "lengths": lengths}
        try:
            (found,) = self.session.run(["probabilities"], inputs)
            probabilities = np.asarray(found, dtype=np.float32)
        except Exception as error:
            raise self._refused(f"{type(error).__name__}: {error}") from error
        if probabilities.shape != (len(wavs), len(self.classes)):
            raise self._refused(f"its answer is {list(probabilities.shape)}")
        return probabilities

    def resample(self, wav, sample_rate):
        """Resamples a waveform [sample] of float32 to 16 kHz, as
        `ser.audio.resample` does with torchaudio."""
        from scipy.signal import upfirdn

        ratio = resampling_ratio(sample_rate)
        down, up = ratio.numerator, ratio.denominator
        if down == up:
            return wav
        taps, delay = filter_taps(down, up)
        # Torchaudio's length, in fp32: one more or less after many minutes.
        length = math.ceil(np.float32(up * len(wav) / down))
        new = upfirdn(taps, wav, up, down)[delay : delay + length]
        return new.astype(np.float32)


@functools.lru_cache
def filter_taps(down, up):
    """Makes torchaudio's low-pass filter for a rate that is changed by up /
    down, without a common factor: taps at `up` times the old rate, and how many
    samples of the new rate they delay."""
    width, cutoff = 6, np.float32(min(down, up) * 0.99)  # zero crossings
    delay = math.ceil(width / cutoff * up)
    tap = np.arange(-delay * down, delay * down + 1)
    # A tap is between one new and one old sample. Their times are fp32, as in
    # torchaudio, which changes the tap by up to 1e-4.
    new = tap * pow(down, -1, up) % up
    old = (new * down - tap) // up
    time = np.float32(old) / np.float32(down) - np.float32(new) / np.float32(up)
    time = np.clip(time * cutoff, -width, width).astype(float)
    window = np.cos(time * np.pi / width / 2) ** 2
    taps = np.sinc(time) * window * cutoff / down
    return taps.astype(np.float32).astype(float), delay
