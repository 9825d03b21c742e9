"""A data folder without a clip of the corpus: what the message says."""

import pytest
from data_prep.corpus import find_corpus
from ser.errors import RecipeError
from trees import NAME, put, put_all_emotions, put_emodb, run_prepare


def put_nothing_usable(folder, what):
    """Makes a folder without a clip of RAVDESS."""
    if what == "file":
        put(folder)
    elif what != "missing":
        folder.mkdir()
    if what == "other files":
        put(folder / "readme.txt", b"read me")
        put(folder / "videos" / "01-01-01-01-01-01-01.mp4", b"film")
    if what == "other corpus":
        put_emodb(folder)
    if what == "broken":
        put(folder / NAME, b"")


@pytest.mark.parametrize(
    "what, found",
    [
        ("missing", ["not a folder"]),
        ("file", ["not a folder"]),
        ("empty", ["looked for audio", ".wav", "no file at all"]),
        ("other files", ["looked for audio", ".wav", "1 other file (.txt)"]),
        ("other files", ["1 other file (.mp4)"]),
        ("other corpus", ["20 name does not parse", "--corpus emodb"]),
        ("broken", ["looked for audio", "1 empty file"]),
    ],
)
def test_nothing_usable_says_what_was_found(tmp_path, what, found):
    """The error says what was looked for, where, and what is there."""
    put_nothing_usable(tmp_path / "data", what)
    with pytest.raises(RecipeError) as error:
        run_prepare(tmp_path / "data", tmp_path / "m")
    for part in ("RAVDESS", str(tmp_path / "data"), "--data_folder", *found):
        assert part in str(error.value)
    assert not (tmp_path / "m" / "train.csv").exists()


def test_unknown_corpus_names_those_there_are():
    """The error lists the scripts."""
    with pytest.raises(
        RecipeError, match="'ravdes'.*mean ravdess.*demo, emns, emodb"
    ):
        find_corpus("ravdes")


@pytest.mark.parametrize(
    "name, corpus",
    [
        ("Ses01F_impro04_M003.wav", "iemocap"),
        ("dia0_utt0.mp4", "meld"),
        ("MSP-PODCAST_0001_0008.wav", "msp_podcast"),
        ("OAF_back_angry.wav", "tess"),
        ("1001_DFA_ANG_XX.wav", "crema_d"),
    ],
)
def test_wrong_folder_is_named(tmp_path, name, corpus):
    """From the names of its files alone, whatever was asked for."""
    put(tmp_path / "data" / name)
    for asked in ("emodb", "nemo"):
        with pytest.raises(RecipeError, match=f"--corpus {corpus}"):
            run_prepare(tmp_path / "data", tmp_path / asked, asked)


def test_corpus_is_not_taken_for_another(tmp_path, caplog):
    """Though most of its clips are of classes that were not asked for."""
    data = put_all_emotions(tmp_path / "data", ("01", "02", "03"))
    run_prepare(data, tmp_path / "m", label_set="calm,angry")
    assert "36 of 48 files excluded" in caplog.text
    assert "look like" not in caplog.text


@pytest.mark.parametrize(
    "corpus, parts",
    [
        ("ravdess", ["RAVDESS", "name does not parse"]),
        ("ravdes", ["ravdes", "did you mean ravdess?", "demo, emns, emodb"]),
    ],
    ids=["other corpus", "unknown corpus"],
)
def test_command_line_ends_with_one_sentence(
    run_train, tmp_path, corpus, parts
):
    """Exit status 1, one sentence, no traceback, whatever the folder's name."""
    folder = put_emodb(tmp_path / "\u00e9 #1=b")
    process = run_train(
        "hparams/train.yaml",
        *("--corpus", corpus, "--data_folder", str(folder)),
        *("--output_folder", str(tmp_path / "out")),
        *("--cache_folder", str(tmp_path / "cache")),
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stdout + process.stderr
    last = process.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert process.stderr.count("\nerror: ") <= 1
    if corpus == "ravdess":
        parts = [*parts, str(folder)]
    for part in parts:
        assert part in last
