"""`python -m data_prep`, and the tables of corpora in READMEs."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import ENVIRONMENT, ROOT
from data_prep.audio_index import AudioIndex, read_facts
from data_prep.facts import between_marks, derived_readmes, list_corpora
from data_prep.manifest import read_manifest
from trees import ACTORS, encode, put, put_all_emotions, put_emodb


def data_prep(*args, options=()):
    """Runs `python -m data_prep`, with options of Python."""
    return subprocess.run(
        [sys.executable, *options, "-m", "data_prep", *map(str, args)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture
def many(tmp_path):
    """More files than one process reads, two of which cannot be used."""
    rng = np.random.default_rng(0)
    for number in range(1100):
        emotion, speaker = ("angry", "sad")[number % 2], "abcd"[number % 4]
        path = tmp_path / f"many/{emotion}/{speaker}_{number}.wav"
        put(path, encode(rng.normal(size=1600) / 10))
    put(tmp_path / "many/sad/a_cut.wav", path.read_bytes()[:2000])
    put(tmp_path / "many/sad/a_text.wav", b"no sound")
    return [
        *("folder", tmp_path / "many", "--speaker_pattern", "([abcd])_"),
        *("--save_folder", tmp_path / "m"),
        *("--audio_index", tmp_path / "index.sqlite"),
    ]


def test_many_files_are_read_by_processes(many, tmp_path):
    """What they find is kept, and the same as one process finds."""
    done = data_prep(*many)
    assert done.returncode == 0, done.stderr
    for words in ("2 of 1102 files excluded", "1 not audio", "1 truncated"):
        assert words in done.stdout
    manifests = map(read_manifest, (tmp_path / "m").glob("[tv]*.csv"))
    clips = pd.concat(manifests).set_index("ID")
    with AudioIndex.open(tmp_path / "index.sqlite") as index:
        for name in ("angry/a_0.wav", "sad/d_1099.wav"):
            facts, _ = read_facts(str(tmp_path / "many"), name)
            known = index.find(str(tmp_path / "many"), [name])
            assert known == {name: facts}
            assert clips["sha256"][name.removesuffix(".wav")] == facts["sha256"]
    again = data_prep(*many)
    assert again.stdout == done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("victim", ["worker", "all", "parent"])
def test_reading_that_was_killed_goes_on(victim, many):
    """And leaves no process, whether a worker is killed, the one that started it,
    or all are interrupted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "data_prep", *map(str, many)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        encoding="utf-8",
    )
    workers = []
    while not workers and process.poll() is None:
        listed = subprocess.run(
            ["pgrep", "-g", str(process.pid), "-f", "popen_loky"],
            stdout=subprocess.PIPE,
        )
        workers = listed.stdout.split()
    if victim == "worker":
        os.kill(int(workers[0]), signal.SIGKILL)
    elif victim == "parent":
        process.kill()
    else:
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
    words = process.communicate(timeout=30)[1]
    assert "Traceback" not in words
    if victim != "parent":
        assert process.returncode == 1 and words.count("error: ") == 1
    for _ in range(50):
        time.sleep(0.1)
        left = subprocess.run(["pgrep", "-g", str(process.pid)])
        if left.returncode == 1:
            break
    assert left.returncode == 1
    assert data_prep(*many).returncode == 0


def test_data_prep_prints_what_it_found(tmp_path):
    """Clips, hours, speakers and emotions of each split, and what is
    missing."""
    actors = put_all_emotions(tmp_path / "data", ACTORS[:8])
    done = data_prep(
        *("ravdess", actors, "--save_folder", tmp_path / "m"),
        *("--protocol", "random", "--fold", "2", "--label_set", "common"),
        *("--audio_index", tmp_path / "index.sqlite"),
    )
    assert done.returncode == 0, done.stderr
    for words in (
        "speakers shared; sentences shared; fold 2 of 5",
        "clips",
        "hours",
        "angry",
        "64 emotion not in the common label set",
        "RAVDESS is incomplete: 64 usable clips of 672",
        "no speaker 09",
        "Livingstone & Russo (2018)",
    ):
        assert words in done.stdout, words
    assert (tmp_path / "m" / "test.csv").is_file()


def test_data_prep_lists_the_corpora():
    """As its README does."""
    done = data_prep()
    assert done.returncode == 0, done.stderr
    readme = (ROOT / "data_prep/README.md").read_text("utf-8")
    assert done.stdout.strip() in readme


def check_imports(absent, status, *args):
    """Checks that `python -m data_prep` does without modules that take long."""
    done = data_prep(*args, options=("-X", "importtime"))
    assert done.returncode == status, done.stderr
    imported = {
        line.split("|")[-1].strip() for line in done.stderr.splitlines()
    }
    assert "argparse" in imported and not imported & absent


@pytest.mark.parametrize(
    "args, status",
    [
        (("--help",), 0),
        (("emodb",), 2),
        ((), 0),
        (("emodbb", "."), 1),
        (("emodb", "nowhere"), 1),
        (("folder", "nowhere"), 1),
    ],
)
def test_help_and_mistakes_are_answered_at_once(args, status):
    """Without what takes a second to import."""
    check_imports({"pandas", "scipy.signal"}, status, *args)


def test_data_prep_does_without_what_trains(tmp_path):
    """And without the library of folds where a corpus has its own."""
    folder, save = put_emodb(tmp_path / "data"), ("--save_folder", tmp_path)
    index = ("--audio_index", tmp_path / "index.sqlite")
    check_imports({"torch", "sklearn"}, 0, "emodb", folder, *save, *index)


def test_facts_in_readmes_are_those_of_the_scripts():
    """In a README that has drifted, they are written anew."""
    texts = derived_readmes(ROOT)
    assert "recipes/RAVDESS/README.md" in texts
    for path, text in texts.items():
        assert text == (ROOT / path).read_text("utf-8"), path
    text = "# A\n<!-- corpora -->\nold\n<!-- end -->\nold\n"
    assert between_marks(text, "corpora", list_corpora()) == (
        f"# A\n<!-- corpora -->\n{list_corpora()}\n<!-- end -->\nold\n"
    )
