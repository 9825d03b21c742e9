"""How the peak memory of a timeline grows with the recording, and its speed.

Noise of some minutes is classified in windows of 4 s, and then sixty times as
much. Each round has a process of its own. With a GPU, its memory is measured
instead.

To run it (for two hours, ten minutes a round on two cores; on Linux or macOS):
> python benchmarks/long_audio.py [--hours 2] [--hop 1] [--model MODEL]
"""

import numpy as np
import soundfile
from measuring import compare, in_own_process, now, peak_memory, run

RATE = 22050  # Hz, so that all is resampled
WINDOW = 4.0  # s


def make_noise(path, seconds):
    """Writes noise, a second at a time."""
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, channels=1) as file:
        for _ in range(round(seconds)):
            file.write(rng.uniform(-0.1, 0.1, RATE))


def classify(recordings, hop, model, device):
    """Makes the timelines of recordings one after the other, given as a dict
    from names to paths; returns the peaks of memory in MiB, and how many
    seconds of each are done in a second."""
    # Late, so that the process that starts this one stays small.
    from ser.inference import load_model
    from ser.timeline import timeline

    recogniser, figures = load_model(model, device), {}
    for name, path in recordings.items():
        start = now(device)
        for segment in timeline(recogniser, path, WINDOW, hop):
            pass
        speed = segment.end / (now(device) - start)
        figures[f"{name}, times real time"] = speed
        figures[f"{name}, MiB"] = peak_memory(device)
    return figures


def main(arguments, work):
    """Measures and prints."""
    recordings = {}
    for length in (arguments.hours / 60, arguments.hours):
        name = f"{60 * length:g} minutes"
        recordings[name] = work / f"{length}.wav"
        make_noise(recordings[name], 3600 * length)
    options = arguments.hop, arguments.model or None, arguments.device
    short, long = recordings
    compare(
        "Timelines of long audio.",
        [lambda number: in_own_process(classify, recordings, *options)],
        {f"{long}, MiB": (f"{short}, MiB", 0.95)},  # 5 % more
        arguments.rounds,
        arguments.device,
    )


if __name__ == "__main__":
    run(main, __doc__, hours=2.0, hop=1.0, model="", device="cpu")
