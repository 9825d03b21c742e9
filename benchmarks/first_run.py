"""How long a whole run takes, compared with nkululeko, another toolkit.

Commands take turns, on the same clips and with the same frozen encoder, one
thread each: hparams/train.yaml, which trains five MLPs twice, and nkululeko with a
support vector machine. A first run encodes the clips, a second finds them stored.
"""

import os
import shutil
import subprocess
import sys

from measuring import ROOT, run, timed
from recipe import OPTIONS, choose, set_up

CONFIG = """
[EXP]
root = {}
name = run
[DATA]
databases = ['clips']
clips = {}
clips.type = csv
clips.split_strategy = column
clips.split_column = is_test
clips.train_vals = [False]
clips.test_vals = [True]
target = emotion
[FEATS]
type = ['wav2vec2']
wav2vec2.model = {}
[MODEL]
type = svm
device = {}
"""


def measure(*command):
    """Runs a command in one thread, and returns its seconds."""
    env, before = {**os.environ, "OMP_NUM_THREADS": "1"}, os.times()
    options = dict(check=True, env=env, stdout=sys.stderr)
    figures, after = timed(subprocess.run, command, **options), os.times()
    # Of child processes, in the user's code and in the system's.
    return figures | {"CPU s": sum(after[2:4]) - sum(before[2:4])}


def choose_clips(arguments, folder):
    """Copies some clips, and returns a table of them for nkululeko."""
    hparams, root = set_up(arguments, folder.parent), arguments.data_folder
    table = choose(hparams, arguments.clips, "train", "valid", "test")
    folder.mkdir()
    paths = [path.replace("$data_root", root) for path in table["wav"]]
    table["file"] = [shutil.copy(path, folder) for path in paths]
    # Each emotion must occur in training.
    table["is_test"] = table.groupby("emotion").cumcount() % 3 == 1
    return table[["file", "emotion", "is_test"]]


def main(arguments, work):
    """Makes the passes, and says what they are compared with."""
    clips, table, device = work / "clips", work / "clips.csv", arguments.device
    choose_clips(arguments, clips).to_csv(table, index=False)

    def train(number, seed):
        """Runs train.py, with a cache for each round."""
        return measure(
            *(sys.executable, ROOT / "train.py", ROOT / "hparams/train.yaml"),
            *("--corpus", arguments.corpus, "--data_folder", clips),
            *("--wav2vec2_hub", arguments.encoder, "--device", device),
            *("--cache_folder", work / f"cache{number}", "--seed", str(seed)),
            *("--output_folder", work / f"{number} {seed}"),
        )

    def train_theirs(number):
        """Runs nkululeko, with a folder for each round."""
        config = work / f"{number}.ini"
        parts = work / f"theirs{number}", table, arguments.encoder, device
        config.write_text(CONFIG.format(*parts))
        python = arguments.nkululeko_python
        return measure(python, "-m", "nkululeko.nkululeko", "--config", config)

    return {
        "nkululeko, first run": train_theirs,
        "train.py, first run": lambda n: train(n, 1),
        "nkululeko, second run": train_theirs,
        "train.py, second run": lambda n: train(n, 2),
    }, {
        f"train.py, {figure}": (f"nkululeko, {figure}", goal)
        for name, goal in (("first", 1.15), ("second", ""))
        for figure in (f"{name} run, CPU s", f"{name} run, s")
    }


if __name__ == "__main__":
    run(main, __doc__, clips=96, nkululeko_python=None, **OPTIONS)
