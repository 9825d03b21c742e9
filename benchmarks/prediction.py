"""How fast predict.py's way is, compared with the model alone.

Passes take turns over the same clips, noise of 1 to 4 s each:
- a forward pass of each clip alone, in memory and without padding;
- files that are read, batched (at most 40 s) and answered;
- clips in memory, batched and answered, in PyTorch and, where onnx and
  onnxruntime are installed, in ONNX Runtime.
"""

from importlib.util import find_spec

import torch
import torchaudio.functional  # noqa: F401, or the first answer imports it
from measuring import make_clips, now, run, timed
from ser.audio import SAMPLE_RATE, read_audio
from ser.inference import READY, load_model
from ser.model_folder import read_model
from sharing.onnx_graph import write_onnx


@torch.inference_mode()
def forward(model, wavs):
    """Runs the model on each clip alone."""
    for wav in wavs:
        model(wav[None])


def predict(recogniser, clips):
    """Answers for all clips, files or waveforms."""
    list(recogniser.predict_files(clips, SAMPLE_RATE))


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    paths, name = list(make_clips(work, arguments.clips, 4)), arguments.model
    start = now()
    model = load_model(name)
    model.predict(paths[0])
    print(f"The first answer took {now() - start:.2f} s after the imports.")
    wavs, bare = [read_audio(path) for path in paths], model.network.model
    passes = {
        "bare forward pass": lambda _: timed(forward, bare, wavs),
        "predict_files": lambda _: timed(predict, model, paths),
        "PyTorch": lambda _: timed(predict, model, wavs),
    }
    if find_spec("onnx") and find_spec("onnxruntime"):
        write_onnx(read_model(name)[0], "", work / "model.onnx")
        onnx = load_model(work / "model.onnx")
        passes["ONNX"] = lambda _: timed(predict, onnx, wavs)
    return passes, {
        "predict_files, s": ("bare forward pass, s", 0.9),
        "ONNX, s": ("PyTorch, s", 1.5),
    }


if __name__ == "__main__":
    run(main, __doc__, clips=500, model=str(READY))
