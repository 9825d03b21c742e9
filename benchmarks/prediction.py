"""How fast predict.py's way is, compared with the model alone.

Two passes take turns over the same clips: files of noise, 1 to 4 s each, of which
the first reads, batches and answers, and a forward pass of each clip's samples by
itself, in memory and without padding. Nothing else should run meanwhile.

To run it (a minute on two cores):
> python benchmarks/prediction.py [--clips 500] [--model DIR]
"""

import numpy as np
import soundfile
import torch
import torchaudio.functional  # noqa: F401, or the first answer imports it
from measuring import compare, now, run
from ser import model_folder  # noqa: F401, likewise
from ser.audio import SAMPLE_RATE, read_audio
from ser.inference import READY, load_model


def make_files(number, folder):
    """Writes files of noise, and returns their paths."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{n}.wav" for n in range(number)]
    for path in paths:
        length = rng.integers(SAMPLE_RATE, 4 * SAMPLE_RATE)
        wav = rng.uniform(-0.1, 0.1, length)
        soundfile.write(path, wav, SAMPLE_RATE)
    return paths


def predict(recogniser, paths):
    """Predicts all files, and returns the seconds that it takes."""
    start = now()
    for _ in recogniser.predict_files(paths):
        pass
    return {"predict_files": now() - start}


@torch.inference_mode()
def forward(model, wavs):
    """Runs the model on each clip, and returns the seconds that it takes."""
    start = now()
    for wav in wavs:
        model(wav[None])
    return {"bare forward pass": now() - start}


def main(arguments, work):
    """Measures and prints."""
    paths = make_files(arguments.clips, work)
    start = now()
    recogniser = load_model(arguments.model)
    recogniser.predict(paths[0])
    print(f"The first answer took {now() - start:.2f} s after the imports.")
    wavs = [read_audio(path) for path in paths]
    seconds = sum(map(len, wavs)) / SAMPLE_RATE
    compare(
        f"Prediction, {len(wavs)} clips ({seconds:.0f} s of audio), in s.",
        [
            lambda _: forward(recogniser.network.model, wavs),
            lambda _: predict(recogniser, paths),
        ],
        {"predict_files": ("bare forward pass", 0.9)},
        arguments.rounds,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=500, model=str(READY))
