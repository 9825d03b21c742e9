"""How peak memory grows with the data, and how fast a timeline of long audio is.

Two passes take turns, each time in a new process:
- clips of noise, 1 to 2 s each, are encoded by the built-in encoder in the
  batches of hparams/train.yaml, until there are ten times as many;
- noise of some minutes is classified in windows of 4 s, then 60 times as much.
"""

from hashlib import sha256

import measuring
from measuring import ROOT, in_own_process, now, peak_memory


def encode(clips, work, number):
    """Encodes a tenth of the clips and then the others, into a new store."""
    # Late, so that the process that starts this one stays small.
    from ser.settings import load_settings
    from ser.store import EmbeddingStore

    overrides, peaks = {"output_folder": str(work / "run")}, {}
    hparams = load_settings(ROOT / "hparams/train.yaml", overrides)
    parts = hparams["wav2vec2"], hparams["pool"]
    store = EmbeddingStore(work / f"{number}.sqlite", *parts)
    for size in (len(clips) // 10, len(clips)):
        part = dict(list(clips.items())[:size])
        store.fill(part, hparams["encode_batch_length"])
        peaks[f"{size} clips, MiB"] = peak_memory()
    return peaks


def classify(recordings, hop, model):
    """Makes timelines of recordings, a dict from minutes to paths."""
    from ser.inference import load_model
    from ser.timeline import timeline

    recogniser, figures = load_model(model or None), {}
    for minutes, path in recordings.items():
        start = now()
        for segment in timeline(recogniser, path, 4.0, hop):
            pass
        speed = segment.end / (now() - start)
        figures[f"{minutes:g} min, times real time"] = speed
        figures[f"{minutes:g} min, MiB"] = peak_memory()
    return figures


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    few, hours = arguments.clips, arguments.hours
    clips = {
        sha256(path.read_bytes()).hexdigest(): (str(path), length)
        for path, length in measuring.make_clips(work, 10 * few, 2).items()
    }
    recordings = {hours: work / "short.wav", 60 * hours: work / "long.wav"}
    for minutes, path in recordings.items():
        # At a rate from which all is resampled.
        measuring.write_noise(path, 60 * minutes, rate=22050)
    job = classify, recordings, arguments.hop, arguments.model
    short, long = (f"timeline, {m:g} min, MiB" for m in recordings)
    less, more = (f"encoding, {n} clips, MiB" for n in (few, 10 * few))
    return {
        "encoding": lambda n: in_own_process(encode, clips, work, n),
        "timeline": lambda _: in_own_process(*job),
    }, {more: (less, 0.95), long: (short, 0.95)}  # at most 5 % more


if __name__ == "__main__":
    measuring.run(main, __doc__, clips=500, hours=2.0, hop=1.0, model="")
