"""Files that are listed as excluded, by their names, places and copies."""

import os
import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from trees import (
    ACTORS,
    NAME,
    encode,
    excluded,
    noise,
    put,
    put_emodb,
    put_ravdess,
    run_prepare,
    whole,
)


def link(path, target, **options):
    """Makes a symbolic link, or skips the test."""
    try:
        path.symlink_to(target, **options)
    except OSError:
        pytest.skip("this file system has no symbolic links")


def check_excluded(folder, save, reason, path=NAME):
    """Checks that one file is excluded and the six good clips are not."""
    splits = run_prepare(folder, save)
    assert list(excluded(save)) == [path]
    assert re.search(reason, excluded(save)[path])
    assert len(whole(splits)) == 6


NAMES = {
    ("ravdess", "take one.wav"): "parse",
    ("ravdess", "._03-01-03-01-01-01-01.wav"): "parse",
    ("ravdess", "03-01-03-01-01-01.wav"): "parse",
    ("ravdess", "03-01-03-01-01-01-25.wav"): "parse",
    ("ravdess", "03-01-09-01-01-01-01.wav"): "class set: 09",
    ("ravdess", "03-01-00-01-01-01-01.wav"): "class set: 00",
    ("ravdess", "03-02-03-01-01-01-01.wav"): "song",
    ("ravdess", "03-01-03-01-01-01-\u0660\u0661.wav"): "parse",
    ("emodb", "03a01Xa.wav"): "class set: X",
    ("emodb", "01a01Wa.wav"): "parse",
    ("emodb", "03c01Wa.wav"): "parse",
    ("emodb", "03-01-03-01-01-01-01.wav"): "parse",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The reasons for all names that do not fit, for each corpus, and the
    number of clips that are left."""
    folder = tmp_path_factory.mktemp("names")
    put_ravdess(folder / "ravdess", ACTORS[:3])
    put_emodb(folder / "emodb")
    for corpus, name in NAMES:
        put(folder / corpus / name)
    found = {}
    for corpus in ("ravdess", "emodb"):
        clips = whole(run_prepare(folder / corpus, folder / "m", corpus))
        found[corpus] = excluded(folder / "m"), len(clips)
        shutil.rmtree(folder / "m")
    return found


@pytest.mark.parametrize("corpus, name", NAMES)
def test_name_that_does_not_fit(names, corpus, name):
    """A good recording of unknown label is listed, with the reason."""
    reasons, _ = names[corpus]
    assert re.search(NAMES[corpus, name], reasons[name])


@pytest.mark.parametrize("corpus, number", [("ravdess", 6), ("emodb", 20)])
def test_names_that_fit_are_used(names, corpus, number):
    """And no other is listed."""
    reasons, found = names[corpus]
    assert set(reasons) == {name for key, name in NAMES if key == corpus}
    assert found == number


def test_second_copies_of_the_tree_are_excluded(small, tmp_path):
    """A mirror in a mirror adds nothing, and the originals stay."""
    shutil.copytree(small, tmp_path / "copy")
    shutil.copytree(tmp_path / "copy", small / "mirror")
    shutil.copytree(tmp_path / "copy", small / "mirror" / "mirror")
    splits = run_prepare(small, tmp_path / "m")
    reasons = excluded(tmp_path / "m")
    assert len(reasons) == 12
    assert all(path.startswith("mirror/") for path in reasons)
    assert all("second file of one name" in why for why in reasons.values())
    assert len(whole(splits)) == 6


def test_a_good_copy_replaces_a_bad_one(small, tmp_path):
    """Only a readable file counts as the first of its name."""
    put(small / "Actor_01" / NAME, b"")
    put(small / "mirror" / NAME)
    splits = run_prepare(small, tmp_path / "m")
    assert excluded(tmp_path / "m") == {f"Actor_01/{NAME}": "empty file"}
    clip = whole(splits).loc[Path(NAME).stem]
    assert clip["wav"] == f"$data_root/mirror/{NAME}"


def test_one_recording_under_two_labels_is_excluded(small, tmp_path):
    """Neither label can be believed."""
    angry = "Actor_01/03-01-05-01-01-01-01.wav"
    sad = "Actor_01/03-01-04-01-01-01-01.wav"
    shutil.copy(small / angry, small / sad)
    splits = run_prepare(small, tmp_path / "m")
    reasons = excluded(tmp_path / "m")
    assert list(reasons) == [sad, angry]
    assert all("two labels" in reason for reason in reasons.values())
    assert len(whole(splits)) == 5


def test_excluded_files_are_summed_up_in_one_line(small, tmp_path, caplog):
    """The log counts each reason and names the list."""
    put(small / NAME, b"")
    put(small / "03-01-04-01-01-01-01.wav", b"")
    put(small / "03-01-06-01-01-01-01.wav", encode(np.zeros(8000)))
    put(small / "noise.wav")
    run_prepare(small, tmp_path / "m")
    (line,) = (m for m in caplog.messages if "excluded" in m)
    assert "4 of 10 files excluded" in line
    for part in ("2 empty file", "1 silence", "1 name does not parse"):
        assert part in line
    assert "excluded.csv" in line


def test_nothing_excluded_is_an_empty_list(small, tmp_path, caplog):
    """excluded.csv is there all the same, and the log is silent."""
    run_prepare(small, tmp_path / "m")
    assert excluded(tmp_path / "m") == {}
    assert not [m for m in caplog.messages if "excluded" in m]


@pytest.mark.parametrize("target", ["nowhere.wav", NAME])
def test_link_to_nothing_is_excluded(small, tmp_path, target):
    """A broken link, or one to itself, does not end the run."""
    link(small / NAME, target)
    check_excluded(small, tmp_path / "m", "not a regular file")


def test_link_to_a_parent_folder_is_not_followed_for_ever(small, tmp_path):
    """A loop of folders ends."""
    link(small / "loop", small, target_is_directory=True)
    assert len(whole(run_prepare(small, tmp_path / "m"))) == 6
    assert excluded(tmp_path / "m") == {}


def test_link_to_a_recording_is_a_clip(small, tmp_path):
    """Corpora under version control are often links."""
    put(tmp_path / "annex" / "object")
    link(small / NAME, tmp_path / "annex" / "object")
    assert Path(NAME).stem in whole(run_prepare(small, tmp_path / "m")).index


def test_folder_with_the_name_of_a_clip(small, tmp_path):
    """A folder is not audio, whatever its name; what is in it may be."""
    put(small / NAME / "03-01-04-01-01-01-01.wav")
    splits = run_prepare(small, tmp_path / "m")
    assert Path(NAME).stem not in whole(splits).index
    assert len(whole(splits)) == 7


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_with_the_name_of_a_clip(small, tmp_path):
    """A pipe, which would never end, is not opened."""
    os.mkfifo(small / NAME)
    check_excluded(small, tmp_path / "m", "not a regular file")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="this user can read every file",
)
def test_file_and_folder_without_permission(small, tmp_path):
    """What may not be read is listed."""
    put(small / NAME).chmod(0)
    locked = put(small / "locked" / "03-01-04-01-01-01-01.wav").parent
    locked.chmod(0)
    try:
        splits = run_prepare(small, tmp_path / "m")
    finally:
        locked.chmod(0o700)
    reasons = excluded(tmp_path / "m")
    assert reasons[NAME] == "no permission to read it"
    assert reasons["locked"] == "folder cannot be listed"
    assert len(whole(splits)) == 6


@pytest.mark.parametrize("name", [b"M\xfcller.wav", NAME.encode()])
def test_name_that_is_not_unicode(small, tmp_path, name):
    """Bytes of an old encoding in a path do not end the run."""
    folder = os.fsencode(small) + b"/Aufnahmen f\xfcr Berlin"
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system takes only Unicode")
    with open(folder + b"/" + name, "wb") as file:
        file.write(encode(noise("bytes")))
    assert len(whole(run_prepare(small, tmp_path / "m"))) == 6
    (reason,) = excluded(tmp_path / "m").values()
    assert "broken Unicode" in reason


def test_dollar_in_a_path_is_excluded(small, tmp_path):
    """SpeechBrain would take it for a variable."""
    put(small / "a $b" / NAME)
    check_excluded(small, tmp_path / "m", r"\$", f"a $b/{NAME}")


def test_variants_of_ravdess(tmp_path):
    """Song is excluded, or is a corpus of its own."""
    data = tmp_path / "data"
    for actor, channel, emotion in product(
        ACTORS[:4], ("01", "02"), ("03", "05")
    ):
        put(data / f"03-{channel}-{emotion}-01-01-01-{actor}.wav")
    number = {
        corpus: len(whole(run_prepare(data, tmp_path / corpus, corpus)))
        for corpus in ("ravdess", "ravdess_song", "ravdess_all")
    }
    assert number == {"ravdess": 8, "ravdess_song": 8, "ravdess_all": 16}
