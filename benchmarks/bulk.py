"""How fast a bulk job on Ray is on this machine, compared with one process.

Two commands take turns over the same clips, those of the built-in corpus unless a
folder is named: predict.py with --out, and with --bulk. They are measured from
start to end, and Ray takes some ten seconds to start. Nothing else should run.

To run it (ten minutes on two cores; needs `pip install "ray[data]"`):
> python benchmarks/bulk.py [--clips 2000] [--corpus DIR] [--model DIR]
"""

import shutil
import subprocess
import sys
from itertools import cycle, islice, product

import soundfile
from measuring import ROOT, compare, now, run
from prediction.sources import find_audio
from ser.inference import READY


def make_files(folder):
    """Writes clips of the built-in corpus."""
    from data_prep.demo_synthesis import EMOTIONS, SPEAKERS, synthesise

    for n, (speaker, emotion) in enumerate(product(SPEAKERS, EMOTIONS)):
        wav = synthesise(speaker, emotion, 1, 1, 1, seed=0)
        soundfile.write(folder / f"{n}.wav", wav, 16000)


def predict(clips, model, name, *options):
    """Runs predict.py, and returns how many seconds it takes for 1,000 clips."""
    command = [sys.executable, ROOT / "predict.py", clips, "--model", model]
    start = now()
    subprocess.run([*command, *options], check=True, stderr=subprocess.DEVNULL)
    return {name: 1000 * (now() - start) / len(list(clips.iterdir()))}


def main(arguments, work):
    """Measures and prints."""
    for name in ("made", "clips"):
        (work / name).mkdir()
    make_files(work / "made")
    found = find_audio([arguments.corpus or str(work / "made")])
    for n, (path, _) in enumerate(islice(cycle(found), arguments.clips)):
        shutil.copy(path, work / "clips" / f"{n}.wav")
    job = work / "clips", arguments.model
    compare(
        f"Bulk prediction, {arguments.clips} clips, in s for 1,000 of them.",
        [
            lambda n: predict(*job, "one process", "--out", work / f"{n}.csv"),
            lambda n: predict(*job, "bulk", "--bulk", work / f"parts{n}"),
        ],
        {"bulk": ("one process", "")},
        arguments.rounds,
    )


if __name__ == "__main__":
    run(main, __doc__, clips=2000, corpus="", model=str(READY))
