"""How fast a large corpus is prepared, and how much memory that takes.

Three passes take turns: the headers of all files are read, in threads; the corpus
is prepared, and again, nothing changed. It is noise, 1 s a clip, of 100 speakers.
"""

from concurrent.futures import ThreadPoolExecutor

import soundfile
from measuring import in_own_process, now, peak_memory, run, timed, write_noise


def read_headers(folder):
    """Reads the header of each file, the least that a preparation must do."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(soundfile.info, sorted(folder.rglob("*.wav"))))


def prepare_once(work, number, name):
    """Prepares the corpus, with an index of audio for each round."""
    # Late, so that the process that starts this one stays small.
    import sklearn.model_selection  # noqa: F401, or its size would be growth
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
    size = table.memory_usage(deep=True).sum() / 2**20
    return {"s": seconds, "table, MiB": size, "growth of memory, MiB": grown}


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    for number in range(arguments.clips):
        folder = work / "corpus" / f"emotion {number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        write_noise(folder / f"s{number % 100}_{number}.wav", 1)
    passes, baselines = {"headers": lambda _: timed(read_headers, work)}, {}
    for name in ("first run", "second run"):
        job = prepare_once, work
        passes[name] = lambda n, name=name: in_own_process(*job, n, name)
        baselines[f"{name}, s"] = ("headers, s", "")
        baselines[f"{name}, growth of memory, MiB"] = (f"{name}, table, MiB", 1)
    return passes, baselines


if __name__ == "__main__":
    run(main, __doc__, clips=75000)
