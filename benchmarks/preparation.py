"""How fast a large corpus is prepared, and how much memory that takes.

Three passes take turns: the headers of all files are read, in threads; the
corpus is prepared; it is prepared again, nothing changed. Each preparation has
a process of its own. The corpus is noise, 1 s a clip, in a folder for each of
four emotions, with 100 speakers.

To run it (some minutes on two cores; on Linux or macOS):
> python benchmarks/preparation.py [--clips 75000]
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import soundfile
from measuring import compare, in_own_process, now, peak_memory, run

EMOTIONS = ("angry", "happy", "neutral", "sad")


def make_corpus(folder, clips):
    """Writes clips of noise, 1 s at 16 kHz, of which no two are the same."""
    rng = np.random.default_rng(0)
    noise = rng.integers(-8000, 8000, 16000, dtype=np.int16)
    for emotion in EMOTIONS:
        (folder / emotion).mkdir(parents=True)
    for number in range(clips):
        emotion = EMOTIONS[number % len(EMOTIONS)]
        name = f"s{number % 100}_{number}.wav"
        noise[:2] = number & 0x7FFF, number >> 15
        soundfile.write(folder / emotion / name, noise, 16000)


def read_headers(folder):
    """Reads the header of each file, the least that a preparation must do."""
    start = now()
    paths = sorted(folder.rglob("*.wav"))
    with ThreadPoolExecutor() as pool:
        list(pool.map(soundfile.info, paths))
    return {"headers, s": now() - start}


def prepare_once(work, number, name):
    """Prepares the corpus, with an index of audio for each round."""
    # Late, so that the process that starts this one stays small.
    from data_prep.corpora import Corpora
    from data_prep.prepare import prepare
    from data_prep.scan import find_clips

    folder, speaker = work / "corpus", "(s[0-9]+)_"
    corpora = Corpora("folder", folder, "own", "", "", "", speaker)
    manifests, index = work / f"{number} {name}", work / f"{number}.sqlite"
    before, start = peak_memory(), now()
    prepare(corpora, manifests, "kfold", 1, 5, False, 0.2, 0.1, index)
    seconds, grown = now() - start, peak_memory() - before
    table, _ = find_clips(corpora, 0.1, index)
    return {
        f"{name}, s": seconds,
        f"{name}, growth of memory, MiB": grown,
        "table of clips, MiB": table.memory_usage(deep=True).sum() / 2**20,
    }


def main(arguments, work):
    """Measures and prints."""
    make_corpus(work / "corpus", arguments.clips)
    compare(
        f"Preparation of {arguments.clips} clips.",
        [
            lambda _: read_headers(work / "corpus"),
            lambda n: in_own_process(prepare_once, work, n, "first run"),
            lambda n: in_own_process(prepare_once, work, n, "second run"),
        ],
        {
            "first run, s": ("headers, s", ""),
            "second run, s": ("headers, s", ""),
            "first run, growth of memory, MiB": ("table of clips, MiB", 1),
            "second run, growth of memory, MiB": ("table of clips, MiB", 1),
        },
        arguments.rounds,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=75000)
