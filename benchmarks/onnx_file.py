"""How fast a model is as an ONNX file, compared with PyTorch, on a CPU.

Two passes take turns over the same clips: noise, 1 to 4 s each, in memory. Both
go the way of predict.py: batches of clips of similar length, of at most 40 s.
Nothing else should run meanwhile.

To run it (a minute on two cores):
> python benchmarks/onnx_file.py [--clips 500] [--model DIR]
"""

import numpy as np
from measuring import compare, now, run
from ser.audio import SAMPLE_RATE
from ser.inference import READY, load_model
from ser.model_folder import read_model
from sharing.onnx_graph import write_onnx


def make_clips(number):
    """Makes clips of noise, 1 to 4 s each."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(SAMPLE_RATE, 4 * SAMPLE_RATE, number)
    return [rng.uniform(-0.1, 0.1, length) for length in lengths]


def predict(model, clips, name):
    """Predicts all clips, and returns the seconds that it takes."""
    start = now()
    for _ in model.predict_files(clips, SAMPLE_RATE):
        pass
    return {name: now() - start}


def main(arguments, work):
    """Measures and prints."""
    model, config = read_model(arguments.model)
    write_onnx(model, config["emotion_model"]["about"], work / "model.onnx")
    torch_model = load_model(arguments.model)
    onnx_model = load_model(work / "model.onnx")
    clips = make_clips(arguments.clips)
    seconds = sum(map(len, clips)) / SAMPLE_RATE
    compare(
        f"Prediction, {len(clips)} clips ({seconds:.0f} s of audio), in s.",
        [
            lambda _: predict(torch_model, clips, "PyTorch"),
            lambda _: predict(onnx_model, clips, "ONNX"),
        ],
        {"ONNX": ("PyTorch", 1.5)},
        arguments.rounds,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=500, model=str(READY))
