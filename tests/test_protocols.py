"""Protocols, label sets, anyone's data, and `python -m data_prep`."""

import json
import subprocess
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import ENVIRONMENT, ROOT
from test_data import (
    ACTORS,
    declare,
    encode,
    excluded,
    noise,
    put,
    put_emodb,
    put_ravdess,
    run_prepare,
    speakers,
    whole,
)

from data_prep.corpus import COMMON, find_corpus
from data_prep.manifest import read_split
from ser.errors import RecipeError


@pytest.fixture(scope="module")
def actors(tmp_path_factory):
    """Eight actors of RAVDESS, all emotions, both statements."""
    folder = tmp_path_factory.mktemp("actors")
    for actor, emotion, statement in product(ACTORS[:8], range(1, 9), (1, 2)):
        put(folder / f"03-01-{emotion:02}-01-{statement:02}-01-{actor}.wav")
    return folder


def all_folds(folder, save, corpus="ravdess", **options):
    """Prepares every fold."""
    folds = [run_prepare(folder, save / "1", corpus, 1, **options)]
    for fold in range(2, read_split(save / "1")["num_folds"] + 1):
        splits = run_prepare(folder, save / str(fold), corpus, fold, **options)
        folds.append(splits)
    return folds


# --------------------------------- PROTOCOLS ---------------------------------


@pytest.mark.parametrize("protocol, number", [("loso", 8), ("kfold", 4)])
def test_each_speaker_is_tested_once(actors, tmp_path, protocol, number):
    """And is in no other split of that fold."""
    folds = all_folds(actors, tmp_path, protocol=protocol, num_folds=4)
    assert len(folds) == number
    tested = [speaker for f in folds for speaker in speakers(f)["test"]]
    assert sorted(tested) == ACTORS[:8]
    for splits in folds:
        found = speakers(splits)
        assert sum(map(len, found.values())) == 8
        assert set.union(*found.values()) == set(ACTORS[:8])
    assert protocol in read_split(tmp_path / "1")["protocol"]


def test_kfold_balances_emotions(tmp_path):
    """Speakers who differ in their emotions are spread over the folds."""
    for actor in ACTORS[:8]:
        emotion = 5 if actor <= "04" else 3
        for take in range(1, 7):
            put(
                tmp_path
                / "data"
                / f"03-01-{emotion:02}-01-01-{take:02}-{actor}.wav"
            )
    folds = all_folds(
        tmp_path / "data", tmp_path / "m", protocol="kfold", num_folds=4
    )
    for splits in folds:
        assert set(splits["test"]["emotion"]) == {"angry", "happy"}


def test_random_says_that_speakers_are_shared(actors, tmp_path):
    """Clips are drawn, each is tested once, and identical audio stays in one
    split."""
    data = tmp_path / "data"
    put_ravdess(data, ACTORS[:3])
    for take in range(2, 12):
        put(data / f"03-01-05-01-01-{take:02}-01.wav", b"")
        twin = put(data / f"03-01-05-01-02-{take:02}-01.wav")
        (data / f"03-01-05-01-01-{take:02}-01.wav").write_bytes(
            twin.read_bytes()
        )
    folds = all_folds(data, tmp_path / "m", protocol="random", num_folds=4)
    assert len(folds) == 4
    tested = [name for splits in folds for name in splits["test"]["ID"]]
    assert sorted(tested) == sorted(whole(folds[0]).index)
    for splits in folds:
        for one, two in (("train", "test"), ("train", "valid")):
            assert not set(splits[one]["sha256"]) & set(splits[two]["sha256"])
    facts = read_split(tmp_path / "m" / "1")
    assert "speakers shared" in facts["protocol"]
    assert facts["shares_speakers"]


def test_one_speaker_can_only_be_split_at_random(tmp_path):
    """The refusal says so, and that protocol works."""
    for take in range(1, 9):
        for emotion in ("03", "05"):
            name = f"03-01-{emotion}-01-01-{take:02}-01.wav"
            put(tmp_path / "data" / name)
    with pytest.raises(RecipeError, match="1 speakers.*--protocol random"):
        run_prepare(tmp_path / "data", tmp_path / "m")
    splits = run_prepare(
        tmp_path / "data", tmp_path / "r", protocol="random", num_folds=4
    )
    assert len(whole(splits)) == 16


def test_two_clips_a_class_are_split(tmp_path):
    """Fewer clips of each emotion than folds of clips."""
    put_ravdess(tmp_path / "data", ACTORS[:2])
    put_ravdess(tmp_path / "data" / "more", ACTORS[2:3])
    splits = run_prepare(
        tmp_path / "data", tmp_path / "m", protocol="random", num_folds=2
    )
    assert len(whole(splits)) == 6


def test_one_class_is_refused(tmp_path):
    """With what was found."""
    for actor in ACTORS[:4]:
        put(tmp_path / "data" / f"03-01-05-01-01-01-{actor}.wav")
    with pytest.raises(RecipeError, match="all 4 clips are angry"):
        run_prepare(tmp_path / "data", tmp_path / "m")


def test_fewer_clips_than_folds_are_refused(actors, tmp_path):
    """Rather than empty folds."""
    with pytest.raises(RecipeError, match="128 clips are too few for 100"):
        run_prepare(actors, tmp_path, protocol="random", num_folds=100)


@pytest.mark.parametrize(
    "protocol, words",
    [
        ("official", "no official split"),
        ("jackknife", "there is no protocol 'jackknife'.*emobox, loso"),
    ],
)
def test_protocol_that_is_not_there(actors, tmp_path, protocol, words):
    """Is refused by name."""
    with pytest.raises(RecipeError, match=words):
        run_prepare(actors, tmp_path, protocol=protocol)


@pytest.mark.parametrize("corpus", ["emodb", "crema_d"])
def test_emobox_without_folds_is_refused(tmp_path, corpus):
    """EmoBox's folds of these share speakers."""
    put_emodb(tmp_path / "emodb")
    for actor, emotion in product(range(1001, 1006), ("ANG", "SAD")):
        put(tmp_path / "crema_d" / f"{actor}_DFA_{emotion}_XX.wav")
    with pytest.raises(RecipeError, match="no folds of unseen speakers"):
        run_prepare(
            tmp_path / corpus, tmp_path / "m", corpus, protocol="emobox"
        )


@pytest.mark.parametrize("protocol", ["loso", "kfold"])
def test_text_independent(actors, tmp_path, protocol):
    """No test sentence is trained on, and what is left out is listed."""
    folds = all_folds(
        actors, tmp_path, protocol=protocol, text_independent=True
    )
    for number, splits in enumerate(folds, start=1):
        tested = set(splits["test"]["sentence"])
        assert len(tested) == 1
        for name in ("train", "valid"):
            assert not tested & set(splits[name]["sentence"])
        reasons = excluded(tmp_path / str(number)).values()
        assert len(reasons) == 128 - len(whole(splits)) > 0
        assert all("sentence is t" in reason for reason in reasons)
    both = set().union(*(set(s["test"]["sentence"]) for s in folds))
    assert len(both) == 2
    assert "test sentences unseen" in read_split(tmp_path / "1")["protocol"]


# --------------------------------- LABEL SETS --------------------------------


def test_common_label_set_drops_what_has_no_place(actors, tmp_path):
    """With the reason."""
    splits = run_prepare(actors, tmp_path / "m", label_set="common")
    assert set(whole(splits)["emotion"]) == set(COMMON.values())
    reasons = set(excluded(tmp_path / "m").values())
    assert "emotion not in the common label set: calm" in reasons
    assert len(reasons) == 4


def test_some_classes(actors, tmp_path):
    """Named on the command line."""
    splits = run_prepare(actors, tmp_path / "m", label_set="calm,angry")
    assert set(whole(splits)["emotion"]) == {"calm", "angry"}
    with pytest.raises(RecipeError, match="label_set is 'calm,furious'"):
        declare("ravdess", actors, label_set="calm,furious")


def test_another_corpus_is_tested(actors, tmp_path):
    """All of it, by speakers of whom none was trained on, and mapped."""
    emodb = put_emodb(tmp_path / "emodb")
    test = {"test_corpus": "emodb", "test_data_folder": emodb}
    with pytest.raises(RecipeError, match="ravdess has.*emodb has.*common"):
        declare("ravdess", actors, **test)
    corpora = declare("ravdess", actors, label_set="common", **test)
    splits = run_prepare(actors, tmp_path / "m", corpora)
    assert len(splits["test"]) == 20
    assert set(splits["test"]["emotion"]) == {"angry", "neutral"}
    assert splits["test"]["ID"].str.startswith("emodb-").all()
    assert splits["train"]["spk_id"].str.startswith("ravdess-").all()
    assert splits["test"]["wav"].str.startswith("$data_root_emodb/").all()
    words = read_split(tmp_path / "m")["protocol"]
    assert "trained on ravdess, tested on emodb" in words


def test_corpora_are_trained_on_together(actors, tmp_path):
    """Clashing ids are kept apart by the corpus's name."""
    emodb = put_emodb(tmp_path / "emodb")
    corpora = declare("ravdess,emodb", f"{actors},{emodb}", label_set="common")
    splits = run_prepare(actors, tmp_path / "m", corpora)
    clips = whole(splits)
    assert len(clips) == 64 + 20
    assert set(clips["spk_id"].str.split("-").str[0]) == {"ravdess", "emodb"}
    with pytest.raises(RecipeError, match="1 data folders"):
        declare("ravdess,emodb", actors, label_set="common")
    with pytest.raises(RecipeError, match="hold one twice"):
        declare("ravdess,RAVDESS", f"{actors},{actors}")


def test_train_corpus_is_not_tested_on(actors):
    """Its clips would be in training and test."""
    with pytest.raises(RecipeError, match="is trained on too"):
        declare(
            "ravdess", actors, test_corpus="ravdess", test_data_folder=actors
        )


# -------------------------------- ANYONE'S DATA ------------------------------


def test_folder_of_directories(tmp_path):
    """The directory is the emotion, the pattern finds the speaker."""
    for emotion, name, take in product(
        ("Angry", "happy"), ("anna", "bob", "carl", "dora"), (1, 2, 3)
    ):
        clip = tmp_path / "data" / emotion / "raw" / f"{name}_{take}.wav"
        put(clip, encode(noise(clip)))
    put(tmp_path / "data" / "happy" / "0.wav")
    splits = run_prepare(
        tmp_path / "data", tmp_path / "m", "folder", speaker_pattern="([a-z]+)_"
    )
    clips = whole(splits)
    assert len(clips) == 24
    assert set(clips["emotion"]) == {"Angry", "happy"}
    assert set(clips["spk_id"]) == {"anna", "bob", "carl", "dora"}
    (reason,) = excluded(tmp_path / "m").values()
    assert reason.startswith("no speaker")
    assert "kfold" in read_split(tmp_path / "m")["protocol"]
    run_prepare(tmp_path / "data", tmp_path / "r", "folder")
    assert "speakers shared" in read_split(tmp_path / "r")["protocol"]
    with pytest.raises(RecipeError, match="no regular expression"):
        declare("folder", tmp_path / "data", speaker_pattern="(")


def write_table(folder, ending="csv"):
    """Writes 60 clips of six speakers, and a table of them."""
    rows = []
    for speaker, emotion, take in product("abcdef", ("Joy", "rage"), range(5)):
        path = folder / "audio" / f"{speaker}_{emotion}_{take}.wav"
        put(path)
        rows.append((path.relative_to(folder).as_posix(), emotion, speaker))
    table = pd.DataFrame(rows, columns=["file", "label", "who"])
    separator = "\t" if ending == "tsv" else ","
    table.to_csv(folder / f"clips.{ending}", sep=separator, index=False)
    return folder / f"clips.{ending}"


NAMED = {"columns": "wav=file emotion=label spk_id=who"}


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_table(tmp_path, ending):
    """Columns are named on the command line; the folder will do as well."""
    path = write_table(tmp_path / "data", ending)
    for number, where in enumerate((path, path.parent)):
        splits = run_prepare(where, tmp_path / str(number), "table", **NAMED)
        clips = whole(splits)
        assert len(clips) == 60
        assert set(clips["emotion"]) == {"joy", "rage"}
        assert set(clips["spk_id"]) == set("abcdef")
    common = declare("table", path, label_set="joy,rage", **NAMED)
    assert common.num_classes == 2


def test_broken_rows_of_a_table_are_listed(tmp_path):
    """The good rows are used."""
    path = write_table(tmp_path / "data")
    lines = path.read_text("utf-8").splitlines()
    broken = [
        "audio/nowhere.wav,joy,a",
        "audio/a_Joy_0.wav,joy,a",  # once more
        "audio/a_rage_0.wav,joy,a",  # with another label
        "audio/a_Joy_1.wav,joy,a,b,c",
        "audio/a_rage_1.wav",
        ",joy,a",
        "audio/b_Joy_9.wav,hapy,b",
        "audio/b_Joy_8.wav,,b",
        "audio/b_Joy_7.wav,joy,\xff",
    ]
    for name in ("b_Joy_9", "b_Joy_8", "b_Joy_7"):
        put(path.parent / "audio" / f"{name}.wav")
    (path.parent / "audio" / "c_Joy_0.wav").write_bytes(b"not audio")
    path.write_text("\n".join([*lines, *broken]) + "\n", encoding="latin-1")
    splits = run_prepare(path, tmp_path / "m", "table", **NAMED)
    # All but one with two labels and one that is no audio.
    assert len(whole(splits)) == 58
    table = pd.read_csv(tmp_path / "m" / "excluded.csv", keep_default_na=False)
    reasons = table["reason"].str.split(":").str[0].value_counts().to_dict()
    assert reasons == {
        "more or fewer values than columns": 2,
        "no such file": 1,
        "second row of one path": 1,
        "two labels for one path": 1,
        "no path": 1,
        "unknown label, with fewer than 3 clips": 1,
        "no label": 1,
        "not UTF-8": 1,
        "not audio": 1,
    }


def test_one_path_written_in_two_ways(tmp_path):
    """Two labels for one file are found all the same."""
    path = write_table(tmp_path / "data")
    with path.open("a", encoding="utf-8") as file:
        file.write("./audio/a_Joy_0.wav,rage,a\n")
        file.write("audio/x/../a_Joy_1.wav,joy,a\n")
        file.write(f"{path.parent / 'audio' / 'a_Joy_2.wav'},rage,a\n")
    assert len(whole(run_prepare(path, tmp_path / "m", "table", **NAMED))) == 58
    found = excluded(tmp_path / "m")
    assert found == {
        "audio/a_Joy_0.wav": "two labels for one path: row 2",
        "audio/a_Joy_1.wav": "second row of one path: row 63",
        "audio/a_Joy_2.wav": "two labels for one path: row 4",
    }


def test_quotes_in_a_table(tmp_path):
    """A cell may hold lines; a quote that is never closed spoils its line."""
    path = write_table(tmp_path / "data")
    lines = path.read_text("utf-8").splitlines()
    lines[0] += " ;text with spaces"
    many = ';"some\nlines; and ""more"""'
    lines[1:20] = [line + many for line in lines[1:20]]
    lines[20:] = [line + ";short" for line in lines[20:]]
    lines[30] = lines[30].replace("short", '"never closed')
    text = "\n".join(lines).replace(",", ";")
    path.write_text(text, encoding="utf-8")
    columns = NAMED["columns"] + " sentence=text with spaces"
    splits = run_prepare(path, tmp_path / "m", "table", columns=columns)
    clips = whole(splits)
    assert len(clips) == 59
    assert set(clips["sentence"]) == {'some\nlines; and "more"', "short"}
    (reason,) = excluded(tmp_path / "m").values()
    assert reason.startswith("more or fewer values than columns")


def test_names_of_columns_are_no_classes(tmp_path):
    """A class has a column in predictions.csv."""
    for name in ("truth", "happy"):
        put(tmp_path / name / "a.wav")
    with pytest.raises(RecipeError, match="the classes truth have the names"):
        declare("folder", tmp_path)


def test_directories_without_audio_are_no_classes(tmp_path):
    """Nor what archives leave behind."""
    for name in ("happy", "sad", "__MACOSX", ".cache"):
        put(tmp_path / name / "a.wav")
    put(tmp_path / "docs" / "readme.txt", b"x")
    assert declare("folder", tmp_path).classes == ("happy", "sad")


@pytest.mark.parametrize("ratio", [0, 1, 5, -1, float("nan")])
def test_valid_ratio_is_a_share(actors, tmp_path, ratio):
    """Of the training speakers, between none and all."""
    with pytest.raises(RecipeError, match="valid_ratio is"):
        run_prepare(actors, tmp_path / "m", valid_ratio=ratio)


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


def test_table_without_a_column_is_refused(tmp_path):
    """With the columns it has."""
    path = write_table(tmp_path / "data")
    with pytest.raises(
        RecipeError, match="no column wav, emotion; it has file"
    ):
        declare("table", path)
    with pytest.raises(RecipeError, match="no column speaker"):
        declare("table", path, columns=NAMED["columns"] + "=x spk_id=speaker")
    with pytest.raises(RecipeError, match="expected pairs such as"):
        declare("table", path, columns="file")


def test_table_with_an_official_split(tmp_path):
    """The split of the table is kept, and shared speakers are said."""
    path = write_table(tmp_path / "data")
    table = pd.read_csv(path)
    table["part"] = np.resize(["train", "dev", "test"], len(table))
    table.to_csv(path, index=False)
    splits = run_prepare(
        path,
        tmp_path / "m",
        "table",
        columns=NAMED["columns"] + " split=part",
    )
    assert [len(clips) for clips in splits.values()] == [20, 20, 20]
    words = read_split(tmp_path / "m")["protocol"]
    assert words.startswith("official") and "speakers shared (6" in words


def test_table_beside_its_audio(tmp_path):
    """Paths may lead out of the table's folder, or be absolute."""
    path = write_table(tmp_path / "data")
    table = pd.read_csv(path)
    (tmp_path / "lists").mkdir()
    for number, root in enumerate(("../data", tmp_path / "data")):
        moved = table.assign(file=[f"{root}/{name}" for name in table["file"]])
        moved.to_csv(tmp_path / "lists" / "t.csv", index=False)
        splits = run_prepare(
            tmp_path / "lists" / "t.csv",
            tmp_path / str(number),
            "table",
            **NAMED,
        )
        assert len(whole(splits)) == 60


# ------------------------------ THE COMMAND LINE -----------------------------


def data_prep(*args):
    """Runs `python -m data_prep`."""
    return subprocess.run(
        [sys.executable, "-m", "data_prep", *map(str, args)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )


def test_data_prep_says_what_it_found(actors, tmp_path):
    """Clips, hours, speakers and emotions of each split, and what lacks."""
    done = data_prep(
        *("ravdess", actors, "--save_folder", tmp_path / "m"),
        *("--protocol", "random", "--fold", "2", "--label_set", "common"),
        *("--audio_index", tmp_path / "index.sqlite"),
    )
    assert done.returncode == 0, done.stderr
    for words in (
        "speakers shared; fold 2 of 5",
        "clips",
        "hours",
        "angry",
        "64 emotion not in the common label set",
        "RAVDESS is not whole: 64 usable clips of 672",
        "no speaker 09",
        "Livingstone & Russo (2018)",
    ):
        assert words in done.stdout, words
    assert (tmp_path / "m" / "test.csv").is_file()


def test_readme_lists_the_corpora():
    """The README's table is what `python -m data_prep` prints."""
    done = data_prep()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in (ROOT / "README.md").read_text("utf-8")


def test_second_preparation_reads_no_audio(actors, tmp_path):
    """Where nothing has changed; what has changed is read again."""
    data = tmp_path / "data"
    put_ravdess(data, ACTORS[:4])
    first = whole(run_prepare(data, tmp_path / "one"))
    again = whole(run_prepare(data, tmp_path / "two"))
    assert first.equals(again)
    changed = next(data.rglob("*.wav"))
    soundfile.write(changed, np.zeros(8000), 16000)
    run_prepare(data, tmp_path / "three")
    assert list(excluded(tmp_path / "three").values()) == ["silence"]


def test_index_is_what_a_second_preparation_reads(actors, tmp_path):
    """Files that cannot be read any more, and whose stamp is the same, are
    still known."""
    import sqlite3

    run_prepare(actors, tmp_path / "one")
    with sqlite3.connect(tmp_path / "index.sqlite") as connection:
        connection.execute("UPDATE files SET duration = 3.5")
    connection.close()
    clips = whole(run_prepare(actors, tmp_path / "two"))
    assert (clips["duration"] == 3.5).all()
    (tmp_path / "index.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(RecipeError, match="delete it"):
        run_prepare(actors, tmp_path / "three")


def test_split_json_is_there_for_reports(actors, tmp_path):
    """What the split is, in words."""
    run_prepare(actors, tmp_path / "m", protocol="loso")
    facts = json.loads((tmp_path / "m" / "split.json").read_text("utf-8"))
    assert facts["protocol"].startswith("loso, leave one speaker out")
    assert facts["num_folds"] == 8


def test_variants_of_ravdess(tmp_path):
    """Song is an option."""
    data = tmp_path / "data"
    for actor, channel in product(ACTORS[:4], ("01", "02")):
        for emotion in ("03", "05"):
            put(data / f"03-{channel}-{emotion}-01-01-01-{actor}.wav")
    number = {
        corpus: len(whole(run_prepare(data, tmp_path / corpus, corpus)))
        for corpus in ("ravdess", "ravdess_song", "ravdess_all")
    }
    assert number == {"ravdess": 8, "ravdess_song": 8, "ravdess_all": 16}
    assert find_corpus("RAVDESS-song").key == "ravdess_song"
