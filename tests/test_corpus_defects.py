"""Known defects of the released files."""

from pathlib import PurePath

import numpy as np
import pytest
import soundfile
from corpus_files import (
    SECOND,
    audio,
    prepare_corpus,
    put,
    put_corpus,
    rows_of,
    search,
)
from corpus_trees import expected


def test_tess_name_that_lacks_a_letter(tmp_path):
    """It is the older speaker's; a second copy has the right name."""
    folder = put_corpus("tess", tmp_path / "data")
    put(folder / "OA_bite_neutral.wav")
    put(folder / "renamed/OAF_bite_neutral.wav")
    table, excluded = search("tess", folder)
    clip = table.set_index("ID").loc["OAF_bite_neutral"]
    assert (clip["spk_id"], clip["emotion"]) == ("OAF", "neutral")
    (reason,) = excluded.values()
    assert reason.startswith(SECOND)


def test_tess_aiff_named_wav(tmp_path):
    """Content decides the format."""
    folder = put_corpus("tess", tmp_path / "data")
    put(folder / "YAF_germ_angry.wav", audio("germ", "AIFF"))
    table, excluded = search("tess", folder)
    assert "YAF_germ_angry" in set(table["ID"])
    assert excluded == {}


def test_emovo_mono_and_stereo(tmp_path):
    """Channels are counted file by file."""
    folder = put_corpus("emovo", tmp_path / "data")
    put(folder / "f2/tri-f2-b1.wav", audio("x", channels=2))
    table, _ = search("emovo", folder)
    channels = table.set_index("ID")["channels"]
    assert channels["tri-f2-b1"] == 2 and channels["rab-f1-b1"] == 1


def test_crema_d_recordings_with_two_labels(tmp_path):
    """All six names of three recordings are excluded, even where copies in
    another format are no longer identical."""
    folder = put_corpus("crema_d", tmp_path / "data")
    names = (
        "1006_TIE_HAP_XX 1006_TIE_NEU_XX 1013_WSI_DIS_XX 1013_WSI_SAD_XX "
        "1017_IWW_ANG_XX 1017_IWW_FEA_XX"
    ).split()
    for name in names:
        put(folder / f"{name}.wav")
    silent = "1076_MTI_SAD_XX.wav"
    soundfile.write(folder / silent, np.zeros(1600), 8000)
    pointer = b"version https://git-lfs.github.com/spec/v1\n"
    put(folder / "1001_WSI_HAP_XX.wav", pointer)
    table, excluded = search("crema_d", folder)
    assert rows_of(table) == expected("crema_d")
    twins = {
        f"{name}.wav": "identical audio under two labels" for name in names
    }
    assert twins.items() <= excluded.items()
    assert excluded[silent] == "silence"
    assert "Git-LFS" in excluded["1001_WSI_HAP_XX.wav"]


def test_ravdess_identical_audio(tmp_path):
    """Two names of one recording are in the same split."""
    folder = put_corpus("ravdess", tmp_path / "data")
    for name in ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"):
        put(folder / f"{name}.wav", audio("same"))
    table, _, _ = prepare_corpus("ravdess", folder, tmp_path / "m")
    assert (table.groupby("sha256")["split"].nunique() == 1).all()


def test_esd_folder_that_contradicts_the_number(tmp_path):
    """Neither can be trusted."""
    folder = put_corpus("esd", tmp_path / "data")
    put(folder / "0011/Sad/0011_000002.wav")
    _, excluded = search("esd", folder)
    assert excluded == {
        "0011/Sad/0011_000002.wav": "its folder and its number name different emotions"
    }


@pytest.mark.parametrize("key", ["savee", "emov_db"])
def test_unknown_speaker(tmp_path, key):
    """A name without its folder is not enough."""
    folder = put_corpus(key, tmp_path / "data")
    name = {"savee": "d07.wav", "emov_db": "amused_1-28_0012.wav"}[key]
    put(folder / name)
    _, excluded = search(key, folder)
    assert excluded[name].startswith("no speaker")


def test_emov_db_of_openslr(tmp_path):
    """Speakers and emotions in folders of their own, in lower case."""
    folder = put_corpus(
        "emov_db",
        tmp_path / "data",
        lambda c: PurePath(*c.path.parts[0].lower().split("_"), c.path.name),
    )
    table, _ = search("emov_db", folder)
    assert rows_of(table) == expected("emov_db")


REFUSED = {
    "ased": ("02Fearful/f2-01-01-02-15.wav", "speaker and sex contradict"),
    "baved": ("0/53-m-20-0-0-209.wav", "the same recording as one of speaker"),
    "enterface": ("subject 6/anger/s6_an.wav", "all sentences of an emotion"),
    "oreau": ("OréauFR_01/f/sessj/10a02Ja.wav", "of version 1"),
    "turev_db": (
        "Model Output for Test Data/testEmotions500HighPass/sound/Angry/"
        "1157_kz_ogul.wav",
        "a filtered copy",
    ),
}


@pytest.mark.parametrize("key", REFUSED)
def test_released_files_that_are_refused(tmp_path, key):
    """Clips that are copies, versions or doubtful, with the reason; a copy
    does not take the place of its clip."""
    folder = put_corpus(key, tmp_path / "data")
    name, reason = REFUSED[key]
    put(folder / name)
    table, excluded = search(key, folder)
    assert rows_of(table) == expected(key)
    assert list(excluded) == [name]
    assert excluded[name].startswith(reason)
