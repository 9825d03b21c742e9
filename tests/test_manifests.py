"""Manifests: what they hold, and which are refused."""

import shutil
from dataclasses import replace

import pandas as pd
import pandera.pandas as pa
import pytest
from data_prep.manifest import SPLITS, read_manifest, read_split
from ser.errors import RecipeError
from trees import (
    ACTORS,
    declare,
    encode,
    noise,
    put,
    put_emodb,
    put_ravdess,
    run_prepare,
    whole,
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The manifests of three actors; not to be changed."""
    folder = tmp_path_factory.mktemp("prepared")
    run_prepare(put_ravdess(folder / "data", ACTORS[:3]), folder / "m")
    return folder / "m"


def edit(prepared, folder, name, change):
    """Writes the three manifests anew, one of them changed."""
    shutil.copytree(prepared, folder)
    path = folder / f"{name}.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)
    return [folder / f"{name}.csv" for name in SPLITS]


def check(paths, corpora):
    """Checks manifests that are there, as training with skip_prep does."""
    save = paths[0].parent
    run_prepare(None, save, corpora, annotations=paths, skip_prep=True)


def test_manifest_says_what_was_found(small, tmp_path):
    """Every column holds the truth about the file."""
    stereo = encode(noise("x", rate=44100).repeat(2).reshape(-1, 2), 44100)
    put(small / "Actor_02" / "03-01-06-02-02-01-02.wav", stereo)
    run_prepare(small, tmp_path / "m")
    tables = [
        pd.read_csv(tmp_path / "m" / f"{s}.csv", dtype=str) for s in SPLITS
    ]
    columns = "ID duration wav spk_id gender emotion sentence".split()
    for table in tables:
        assert set(columns) <= set(table.columns)
    clip = pd.concat(tables).set_index("ID").loc["03-01-06-02-02-01-02"]
    assert float(clip["duration"]) == pytest.approx(0.2)
    assert clip["wav"] == "$data_root/Actor_02/03-01-06-02-02-01-02.wav"
    assert clip["spk_id"] == "02"
    assert clip["gender"] == "female"
    assert clip["emotion"] == "fearful"
    assert clip["sentence"] == "Dogs are sitting by the door"
    assert clip["sample_rate"] == "44100"
    assert clip["channels"] == "2"


def test_emodb_names_are_read(tmp_path):
    """Speaker, gender, emotion and text come from the file's name."""
    emodb = put_emodb(tmp_path / "data")
    clip = whole(run_prepare(emodb, tmp_path / "m", "emodb")).loc["03a01Wa"]
    expected = ("03", "male", "anger", "a01")
    found = tuple(clip[["spk_id", "gender", "emotion", "sentence"]])
    assert found == expected


def test_second_run_writes_the_same_files(tmp_path):
    """Nothing depends on the run."""
    data = put_ravdess(tmp_path / "data", ACTORS)
    for run in ("one", "two"):
        assert whole(run_prepare(data, tmp_path / run)).index.is_unique
    for name in (*SPLITS, "excluded"):
        one, two = (tmp_path / r / f"{name}.csv" for r in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_moved_folder_gives_the_same_manifests(small, tmp_path):
    """Nothing depends on where the corpus is."""
    run_prepare(small, tmp_path / "one")
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    run_prepare(shutil.move(small, moved), tmp_path / "two")
    for name in SPLITS:
        one, two = (tmp_path / r / f"{name}.csv" for r in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_manifests_of_another_fold_are_not_overwritten(small, tmp_path):
    """A folder keeps the split that it was made for."""
    run_prepare(small, tmp_path / "m", fold=1)
    before = (tmp_path / "m" / "test.csv").read_bytes()
    with pytest.raises(RecipeError, match="another split or other data"):
        run_prepare(small, tmp_path / "m", fold=2)
    assert (tmp_path / "m" / "test.csv").read_bytes() == before


def test_manifests_go_where_the_settings_say(small, prepared, tmp_path):
    """Their names and folders are free; the split's facts stay together."""
    names = ("a/one.csv", "b/two.csv", "three.csv")
    paths = [tmp_path / name for name in names]
    run_prepare(small, tmp_path / "m", annotations=paths)
    for path, name in zip(paths, SPLITS):
        assert path.read_bytes() == (prepared / f"{name}.csv").read_bytes()
    left = {path.name for path in (tmp_path / "m").iterdir()}
    assert left == {"excluded.csv", "split.json"}


def test_split_json_tells_what_the_split_is(prepared):
    """For logs and reports."""
    facts = read_split(prepared)
    assert facts["protocol"].startswith("3 folds of the 3 speakers")
    assert facts["num_folds"] == 3
    assert not facts["shares_speakers"]
    assert facts["notice"] == ""


def test_schema_is_checked_on_writing(small, tmp_path):
    """A corpus script with a bug writes no manifest."""
    robots = declare("ravdess", small)
    corpus = robots.train[0]
    robots.train[0] = replace(
        corpus,
        describe=lambda path: corpus.describe(path) | {"gender": "robot"},
    )
    with pytest.raises((RecipeError, pa.errors.SchemaError), match="gender"):
        run_prepare(small, tmp_path / "m", robots)
    assert not (tmp_path / "m" / "train.csv").exists()


@pytest.mark.parametrize(
    "column, value",
    [
        ("ID", "03-01-05-01-01-01-01"),
        ("duration", "0"),
        ("duration", "nan"),
        ("duration", "long"),
        ("wav", "/home/a.wav"),
        ("spk_id", ""),
        ("gender", "robot"),
        ("emotion", ""),
        ("sample_rate", "0"),
        ("sample_rate", "16 kHz"),
        ("channels", "-1"),
    ],
)
def test_bad_value_in_a_manifest_is_refused(prepared, tmp_path, column, value):
    """A manifest that was edited to nonsense is not read."""

    def change(table):
        """Gives the neutral clip the value."""
        assert set(table["spk_id"]) == {"01"}
        table.loc[table["emotion"] == "neutral", column] = value
        return table

    *_, path = edit(prepared, tmp_path / "m", "test", change)
    with pytest.raises(RecipeError, match=r"test\.csv"):
        read_manifest(path)


@pytest.mark.parametrize("column", ["ID", "wav", "emotion", "sentence"])
def test_manifest_without_a_column_is_refused(prepared, tmp_path, column):
    """A missing column is an error that names it."""
    *_, path = edit(
        prepared, tmp_path / "m", "test", lambda t: t.drop(columns=column)
    )
    with pytest.raises(RecipeError, match=column):
        read_manifest(path)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00\xfe", b"a,b\n1,2\n"])
def test_file_that_is_no_manifest_is_refused(tmp_path, content):
    """A missing, empty or foreign file is an error that names it."""
    path = tmp_path / "train.csv"
    if content is not None:
        put(path, content)
    with pytest.raises(RecipeError, match=r"train\.csv"):
        read_manifest(path)


def test_manifests_that_are_there_are_used(prepared, tmp_path):
    """Preparation is skipped, even without the data, and changes nothing."""
    paths = edit(prepared, tmp_path / "m", "test", lambda table: table)
    before = [path.read_bytes() for path in paths]
    check(paths, declare("ravdess", tmp_path / "nowhere"))
    assert [path.read_bytes() for path in paths] == before


def test_manifest_that_is_not_there_ends_the_run(tmp_path):
    """Where preparation is skipped."""
    paths = [tmp_path / f"{name}.csv" for name in SPLITS]
    with pytest.raises(RecipeError, match=r"train\.csv is not a manifest"):
        check(paths, declare("ravdess", tmp_path))


def test_speaker_in_two_manifests_is_named(prepared, tmp_path):
    """Manifests that were edited across the split are refused."""
    clips = pd.read_csv(prepared / "test.csv", dtype=str)
    stray = clips.iloc[:1].assign(ID="stray", sha256="0" * 64)
    paths = edit(
        prepared, tmp_path / "m", "train", lambda t: pd.concat([t, stray])
    )
    with pytest.raises(RecipeError, match="share speaker") as error:
        check(paths, declare("ravdess", tmp_path))
    for part in ("stray in train", f"{clips['ID'][0]} in test", "01"):
        assert part in str(error.value)


def test_speakers_may_be_shared_where_the_protocol_says(prepared, tmp_path):
    """As split.json notes, but identical audio may not."""
    clips = pd.read_csv(prepared / "test.csv", dtype=str)
    stray = clips.iloc[:1].assign(ID="stray", sha256="0" * 64)
    paths = edit(
        prepared, tmp_path / "m", "train", lambda t: pd.concat([t, stray])
    )
    facts = tmp_path / "m" / "split.json"
    facts.write_text(facts.read_text().replace("false", "true"))
    check(paths, declare("ravdess", tmp_path))
    stray.assign(sha256=clips["sha256"][0]).to_csv(paths[0], index=False)
    with pytest.raises(RecipeError, match="share audio"):
        check(paths, declare("ravdess", tmp_path))


def test_manifest_of_other_classes_is_refused(prepared, tmp_path):
    """The classifier has no output for them."""
    paths = edit(prepared, tmp_path / "m", "test", lambda table: table)
    some = declare("ravdess", tmp_path, label_set="angry,calm")
    with pytest.raises(
        RecipeError, match="holds neutral, and the classes of RAVDESS are"
    ):
        check(paths, some)
