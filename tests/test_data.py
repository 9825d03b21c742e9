"""Data preparation: manifests, splits, bad input, and the reading of audio."""

import io
import os
import re
import shutil
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
import soundfile
from speechbrain.dataio.dataset import DynamicItemDataset

from data_prep.corpus import Corpora, find_corpus
from data_prep.manifest import prepare, read_manifest
from data_prep.protocol import SPLITS, check_splits
from ser.audio import SAMPLE_RATE, read_audio
from ser.errors import RecipeError

ACTORS = [f"{number:02}" for number in range(1, 25)]
EMOBOX = {
    1: {"01", "11", "20", "21"},
    2: {"04", "10", "12", "14"},
    3: {"08", "09", "19", "23"},
    4: {"03", "05", "07", "24"},
    5: {"02", "15", "16", "18"},
    6: {"06", "13", "17", "22"},
}
EMODB_SPEAKERS = "03 08 09 10 11 12 13 14 15 16".split()
NAME = "03-01-03-01-01-01-01.wav"  # a clip that no tree here holds yet


def noise(seed, seconds=0.2, rate=SAMPLE_RATE):
    """White noise that no other seed gives."""
    rng = np.random.default_rng(zlib.crc32(str(seed).encode()))
    return rng.uniform(-0.5, 0.5, int(seconds * rate))


def tone(seconds=0.5, rate=SAMPLE_RATE):
    """A sine of 440 Hz and amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def encode(signal, rate=SAMPLE_RATE, kind="WAV", subtype=None):
    """The bytes of an audio file."""
    file = io.BytesIO()
    soundfile.write(file, signal, rate, format=kind, subtype=subtype)
    return file.getvalue()


def put(path, content=None):
    """Writes a file, noise of its own unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(noise(path.name)) if content is None else content)
    return path


def put_ravdess(folder, actors):
    """Writes a neutral and an angry clip of each actor."""
    for actor in actors:
        for emotion in ("01", "05"):
            name = f"03-01-{emotion}-01-01-01-{actor}.wav"
            put(folder / f"Actor_{actor}" / name)
    return folder


def put_emodb(folder):
    """Writes an angry and a neutral clip of each speaker."""
    for speaker in EMODB_SPEAKERS:
        for emotion in "WN":
            put(folder / "wav" / f"{speaker}a01{emotion}a.wav")
    return folder


def declare(corpus, folder, **options):
    """The corpora of a run, as a YAML file declares them."""
    names = "label_set test_corpus test_data_folder columns speaker_pattern"
    defaults = dict.fromkeys(names.split(), "") | {"label_set": "own"}
    return Corpora(corpus, folder, **(defaults | options))


def run_prepare(folder, save, corpus="ravdess", fold=1, **options):
    """Prepares a fold and reads what was written."""
    settings = {
        "protocol": "default",
        "num_folds": 5,
        "text_independent": False,
        "valid_ratio": 0.2,
        "min_duration": 0.1,
        "audio_index": save.parent / "index.sqlite",
    }
    own = {k: options.pop(k) for k in list(options) if k in settings}
    if isinstance(corpus, str):
        corpus = declare(corpus, folder, **options)
    prepare(corpus, save, fold=fold, **(settings | own))
    return {name: read_manifest(save / f"{name}.csv") for name in SPLITS}


def whole(splits):
    """All clips of a corpus, by ID."""
    return pd.concat(splits.values()).set_index("ID").sort_index()


def speakers(splits):
    """The speakers of each split."""
    return {name: set(clips["spk_id"]) for name, clips in splits.items()}


def excluded(save):
    """The reason for each excluded path."""
    table = pd.read_csv(save / "excluded.csv", keep_default_na=False)
    assert list(table.columns) == ["path", "reason"]
    return dict(zip(table["path"], table["reason"]))


def check_tone(wav, seconds, tolerance, amplitude=0.5):
    """Checks length (s), pitch and level of a tone that was read."""
    assert wav.ndim == 1
    assert len(wav) / SAMPLE_RATE == pytest.approx(seconds, abs=tolerance)
    wav = wav.numpy()
    spectrum = np.abs(np.fft.rfft(wav * np.hanning(len(wav))))
    peak = spectrum.argmax() * SAMPLE_RATE / len(wav)
    assert peak == pytest.approx(440, abs=3)
    middle = wav[len(wav) // 4 : -len(wav) // 4]
    level = np.sqrt(2 * np.mean(middle**2))
    assert level == pytest.approx(amplitude, rel=0.05)


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory):
    """All 24 actors; not to be changed."""
    return put_ravdess(tmp_path_factory.mktemp("ravdess"), ACTORS)


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    """All 10 speakers; not to be changed."""
    return put_emodb(tmp_path_factory.mktemp("emodb"))


@pytest.fixture
def small(tmp_path):
    """Three actors, one for each split, six clips."""
    return put_ravdess(tmp_path / "data", ACTORS[:3])


# --------------------------------- MANIFESTS ---------------------------------


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


def test_emodb_names_are_read(emodb, tmp_path):
    """Speaker, gender, emotion and text come from the file's name."""
    clip = whole(run_prepare(emodb, tmp_path, "emodb")).loc["03a01Wa"]
    expected = ("03", "male", "anger", "a01")
    found = tuple(clip[["spk_id", "gender", "emotion", "sentence"]])
    assert found == expected


def test_second_run_writes_the_same_files(ravdess, tmp_path):
    """Nothing depends on the run."""
    for run in ("one", "two"):
        splits = run_prepare(ravdess, tmp_path / run)
        assert whole(splits).index.is_unique
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


def test_schema_is_checked_on_writing(small, tmp_path):
    """A corpus script that says nonsense writes no manifest."""
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
def test_bad_value_in_a_manifest_is_refused(small, tmp_path, column, value):
    """A manifest that was edited to nonsense is not read."""
    run_prepare(small, tmp_path / "m")
    path = tmp_path / "m" / "test.csv"
    table = pd.read_csv(path, dtype=str)
    assert set(table["spk_id"]) == {"01"}
    table.loc[table["emotion"] == "neutral", column] = value
    table.to_csv(path, index=False)
    with pytest.raises(RecipeError, match=r"test\.csv"):
        read_manifest(path)


@pytest.mark.parametrize("column", ["ID", "wav", "emotion", "sentence"])
def test_manifest_without_a_column_is_refused(small, tmp_path, column):
    """A missing column is an error that names it."""
    run_prepare(small, tmp_path / "m")
    path = tmp_path / "m" / "test.csv"
    pd.read_csv(path, dtype=str).drop(columns=column).to_csv(path, index=False)
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


# ----------------------------------- SPLITS ----------------------------------


@pytest.mark.parametrize("fold, actors", EMOBOX.items())
def test_ravdess_test_actors_are_those_of_emobox(
    ravdess, tmp_path, fold, actors
):
    """The test sets are the published ones."""
    splits = run_prepare(ravdess, tmp_path, fold=fold)
    assert speakers(splits)["test"] == actors
    assert len(speakers(splits)["valid"]) == 4
    assert len(speakers(splits)["train"]) == 16


def test_emodb_leaves_one_speaker_out(emodb, tmp_path):
    """Ten folds test the ten speakers in turn."""
    tested = [
        speakers(run_prepare(emodb, tmp_path / str(fold), "emodb", fold))[
            "test"
        ]
        for fold in range(1, 11)
    ]
    assert tested == [{speaker} for speaker in EMODB_SPEAKERS]


@pytest.mark.parametrize("corpus, folds", [("ravdess", 6), ("emodb", 10)])
def test_every_fold_is_a_partition_by_speaker(request, tmp_path, corpus, folds):
    """No speaker is on two sides, no clip is lost, all are tested once."""
    folder = request.getfixturevalue(corpus)
    names = sorted(path.stem for path in folder.rglob("*.wav"))
    tested = []
    for fold in range(1, folds + 1):
        splits = run_prepare(folder, tmp_path / str(fold), corpus, fold)
        train, valid, test = speakers(splits).values()
        assert train and valid and test
        assert not (train & valid or train & test or valid & test)
        assert list(whole(splits).index) == names
        tested += list(splits["test"]["ID"])
    assert sorted(tested) == names


def test_six_actors_make_folds_of_their_own(tmp_path, caplog):
    """Too few speakers for the protocol are split all the same."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:6])
    tested = []
    for fold in range(1, 7):
        splits = run_prepare(folder, tmp_path / f"one{fold}", fold=fold)
        again = run_prepare(folder, tmp_path / f"two{fold}", fold=fold)
        assert speakers(splits) == speakers(again)
        assert set.union(*speakers(splits).values()) == set(ACTORS[:6])
        tested += sorted(speakers(splits)["test"])
    assert sorted(tested) == ACTORS[:6]
    assert "6 folds of the 6 speakers that are there" in caplog.text


def test_one_missing_actor_leaves_the_protocol(tmp_path, caplog):
    """Folds keep their test actors where each has some."""
    folder = put_ravdess(tmp_path / "data", [a for a in ACTORS if a != "11"])
    splits = run_prepare(folder, tmp_path / "m")
    assert speakers(splits)["test"] == EMOBOX[1] - {"11"}
    assert "without the 1 speakers that are not there" in caplog.text
    assert "no speaker 11" in caplog.text


@pytest.mark.parametrize(
    "corpus, fold, folds",
    [
        ("ravdess", 0, "1 to 6"),
        ("ravdess", 7, "1 to 6"),
        ("ravdess", -1, "1 to 6"),
        ("emodb", 0, "1 to 10"),
        ("emodb", 11, "1 to 10"),
    ],
)
def test_fold_that_does_not_exist(request, tmp_path, corpus, fold, folds):
    """The error names the folds that there are."""
    folder = request.getfixturevalue(corpus)
    with pytest.raises(RecipeError, match=f"fold {fold} .*{folds}"):
        run_prepare(folder, tmp_path, corpus, fold)


@pytest.mark.parametrize("number", [1, 2])
def test_too_few_speakers_are_refused(tmp_path, number):
    """Three splits need three speakers."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:number])
    with pytest.raises(RecipeError, match=f"{number} speakers .* 3 or more"):
        run_prepare(folder, tmp_path / "m")


def test_speaker_in_two_manifests_is_named(small, tmp_path):
    """A manifest that was edited across the split is refused."""
    splits = run_prepare(small, tmp_path / "m")
    stray = splits["test"].iloc[:1].assign(ID="stray", sha256="0" * 64)
    edited = pd.concat([splits["train"], stray])
    edited.to_csv(tmp_path / "m" / "train.csv", index=False)
    manifests = {
        name: read_manifest(tmp_path / "m" / f"{name}.csv") for name in SPLITS
    }
    with pytest.raises(RecipeError, match="share speaker") as error:
        check_splits(manifests)
    for part in ("stray in train", f"{splits['test']['ID'][0]} in test", "01"):
        assert part in str(error.value)


def test_one_recording_under_two_speakers_is_named(small, tmp_path):
    """Byte-identical audio on two sides is a leak."""
    one = small / "Actor_01" / "03-01-05-01-01-01-01.wav"
    two = small / "Actor_03" / "03-01-05-01-01-02-03.wav"
    shutil.copy(one, two)
    with pytest.raises(RecipeError, match="share audio") as error:
        run_prepare(small, tmp_path / "m")
    assert one.stem in str(error.value)
    assert two.stem in str(error.value)
    assert not (tmp_path / "m" / "train.csv").exists()


# --------------------------------- BAD INPUT ---------------------------------


def check_excluded(folder, save, reason, path=NAME):
    """Checks that one file is excluded and the six good clips are not."""
    splits = run_prepare(folder, save)
    assert list(excluded(save)) == [path]
    assert re.search(reason, excluded(save)[path])
    assert len(whole(splits)) == 6


def with_sample(value):
    """A second of noise, one sample of which is `value`, as floats."""
    signal = noise("sample", 1.0)
    signal[100] = value
    return encode(signal, subtype="FLOAT")


@pytest.mark.parametrize(
    "content, reason",
    {
        "empty": (b"", "empty"),
        "text": (b"This is a text, not a recording.\n" * 99, "not audio"),
        "html": (b"<html><body>404</body></html>", "not audio"),
        "lfs": (
            b"version https://git-lfs.github.com/spec/v1\n"
            b"oid sha256:" + b"0" * 64 + b"\nsize 123456\n",
            "Git-LFS",
        ),
        "nan": (with_sample(np.nan), "NaN"),
        "infinite": (with_sample(np.inf), "infinite"),
        "minus infinite": (with_sample(-np.inf), "infinite"),
        "silence": (encode(np.zeros(8000)), "silence"),
        "constant": (encode(np.full(8000, 0.25)), "silence"),
        "short": (encode(noise("short", 0.09)), "shorter than 0.1 s"),
        "no samples": (encode(np.zeros(0)), "shorter than 0.1 s"),
    }.values(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_content_is_excluded(small, tmp_path, content, reason):
    """Each kind of useless file gets its reason."""
    put(small / NAME, content)
    check_excluded(small, tmp_path / "m", reason)


KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.98])
@pytest.mark.parametrize("kind, subtype", KINDS)
def test_truncated_audio_is_excluded(small, tmp_path, kind, subtype, kept):
    """A file cut in the middle, or shortly before its end, is no clip."""
    content = encode(noise("long", 6.0), kind=kind, subtype=subtype)
    put(small / NAME, content[: int(kept * len(content))])
    check_excluded(small, tmp_path / "m", "truncated")


@pytest.mark.parametrize("left", range(1, 28, 3))
def test_ogg_cut_in_the_header_of_a_page(small, tmp_path, left):
    """A few bytes of the last page do not end the run."""
    content = encode(noise("long", 2.0), kind="OGG")
    put(small / NAME, content[: content.rfind(b"OggS") + left])
    check_excluded(small, tmp_path / "m", "truncated")


def test_truncated_wav_with_many_chunks(small, tmp_path):
    """Other chunks before the samples do not hide that some are missing."""
    content = encode(noise("long", 1.0))
    comment = b"LIST" + struct.pack("<I", 212) + b"INFOICMT"
    comment += struct.pack("<I", 200) + b"x" * 199 + b"\0"
    content = content[:36] + 30 * comment + content[36:-16000]
    put(small / NAME, content)
    check_excluded(small, tmp_path / "m", "truncated")


def id3_tag(size):
    """An ID3 tag, such as a picture of this size makes."""
    length = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + bytes(size)


@pytest.mark.parametrize("size", [100, 10_000])
def test_truncated_mp3_with_a_tag(small, tmp_path, size):
    """A tag, however long, does not hide that frames are missing."""
    content = encode(noise("long", 4.0), kind="MP3")
    put(small / NAME, id3_tag(size) + content[: len(content) // 2])
    check_excluded(small, tmp_path / "m", "truncated")


def with_header(offset, layout, value):
    """A WAV of a second with one field of its header changed."""
    content = bytearray(encode(noise("header", 1.0)))
    struct.pack_into(layout, content, offset, value)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        with_header(22, "<H", 0),
        with_header(22, "<H", 65535),
        with_header(24, "<I", 0),
        with_header(24, "<I", 7),
        with_header(24, "<I", 2**31 - 1),
        with_header(34, "<H", 0),
    ],
    ids=["0 channels", "65535 channels", "0 Hz", "7 Hz", "2 GHz", "0 bits"],
)
def test_impossible_header_is_excluded(small, tmp_path, content):
    """A header that no recording has gets a reason, whichever."""
    put(small / NAME, content)
    check_excluded(small, tmp_path / "m", ".")


@pytest.mark.parametrize(
    "corpus, name, reason",
    [
        ("ravdess", "take one.wav", "parse"),
        ("ravdess", "._03-01-03-01-01-01-01.wav", "parse"),
        ("ravdess", "03-01-03-01-01-01.wav", "parse"),
        ("ravdess", "03-01-03-01-01-01-25.wav", "parse"),
        ("ravdess", "03-01-09-01-01-01-01.wav", "class set: 09"),
        ("ravdess", "03-01-00-01-01-01-01.wav", "class set: 00"),
        ("ravdess", "03-02-03-01-01-01-01.wav", "song"),
        ("ravdess", "03-01-03-01-01-01-\u0660\u0661.wav", "parse"),
        ("emodb", "03a01Xa.wav", "class set: X"),
        ("emodb", "01a01Wa.wav", "parse"),
        ("emodb", "03c01Wa.wav", "parse"),
        ("emodb", "03-01-03-01-01-01-01.wav", "parse"),
    ],
)
def test_name_that_does_not_fit(tmp_path, corpus, name, reason):
    """A good recording of unknown label is listed, with the reason."""
    folder, save = tmp_path / "data", tmp_path / "m"
    if corpus == "emodb":
        put_emodb(folder)
    else:
        put_ravdess(folder, ACTORS[:3])
    number = len(list(folder.rglob("*.wav")))
    put(folder / name)
    splits = run_prepare(folder, save, corpus)
    assert list(excluded(save)) == [name]
    assert re.search(reason, excluded(save)[name])
    assert len(whole(splits)) == number


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
    """The log counts each reason and says where the list is."""
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
    try:
        (small / NAME).symlink_to(target)
    except OSError:
        pytest.skip("this file system has no symbolic links")
    check_excluded(small, tmp_path / "m", "not a regular file")


def test_link_to_a_parent_folder_is_not_followed_for_ever(small, tmp_path):
    """A loop of folders ends."""
    try:
        (small / "loop").symlink_to(small, target_is_directory=True)
    except OSError:
        pytest.skip("this file system has no symbolic links")
    assert len(whole(run_prepare(small, tmp_path / "m"))) == 6


def test_link_to_a_recording_is_a_clip(small, tmp_path):
    """Corpora under version control are often links."""
    put(tmp_path / "annex" / "object")
    try:
        (small / NAME).symlink_to(tmp_path / "annex" / "object")
    except OSError:
        pytest.skip("this file system has no symbolic links")
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
    assert len(whole(run_prepare(small, tmp_path / "m"))) >= 6


def test_dollar_in_a_path_is_excluded(small, tmp_path):
    """SpeechBrain would take it for a variable."""
    put(small / "a $b" / NAME)
    check_excluded(small, tmp_path / "m", r"\$", f"a $b/{NAME}")


# ---------------------------------- READING ----------------------------------


@pytest.mark.parametrize(
    "rate",
    [8000, 11025, 16000, 22050, 24414, 44100, 48000, 96000, 192000],
)
def test_any_sample_rate_is_read(tmp_path, rate):
    """The encoder always hears 16 kHz."""
    path = put(tmp_path / "a.wav", encode(tone(rate=rate), rate))
    check_tone(read_audio(path), 0.5, tolerance=0.005)


@pytest.mark.parametrize(
    "subtype",
    ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"],
)
def test_any_sample_format_is_read(tmp_path, subtype):
    """Full scale is 1 for each."""
    path = put(tmp_path / "a.wav", encode(tone(), subtype=subtype))
    check_tone(read_audio(path), 0.5, tolerance=0.005)


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(tmp_path, channels):
    """No channel is left out, none counts more."""
    gains = np.arange(1, channels + 1) / channels
    path = put(tmp_path / "a.wav", encode(tone()[:, None] * gains))
    amplitude = 0.5 * gains.mean()
    check_tone(read_audio(path), 0.5, 0.005, amplitude)


@pytest.mark.parametrize(
    "kind, subtype, tolerance",
    [
        ("FLAC", "PCM_16", 0.005),
        ("AIFF", "PCM_16", 0.005),
        ("RF64", "PCM_16", 0.005),
        ("WAVEX", "PCM_24", 0.005),
        ("OGG", "VORBIS", 0.1),
        ("OGG", "OPUS", 0.1),
        ("MP3", "MPEG_LAYER_III", 0.1),
    ],
)
@pytest.mark.parametrize("rate", [16000, 48000])
def test_content_counts_and_not_the_name(
    small, tmp_path, rate, kind, subtype, tolerance
):
    """Any format that is named .wav is prepared and read."""
    content = encode(tone(1.0, rate), rate, kind, subtype)
    path = put(small / NAME, content)
    check_tone(read_audio(path), 1.0, tolerance)
    clip = whole(run_prepare(small, tmp_path / "m")).loc[Path(NAME).stem]
    assert clip["sample_rate"] == rate
    assert clip["channels"] == 1
    assert clip["duration"] == pytest.approx(1.0, abs=tolerance)


def odd_wavs():
    """WAV files of one second that are unusual and sound."""
    plain = encode(tone(1.0))
    head, data = plain[:36], plain[36:]
    return {
        "unknown length": plain[:40] + b"\xff" * 4 + plain[44:],
        "wrong RIFF length": plain[:4] + bytes(4) + plain[8:],
        "odd chunk": head + b"junk\x03\0\0\0abc\0" + data,
        "bytes after the samples": plain + b"some more bytes",
        "tag after the samples": plain + id3_tag(100),
        "tag before MP3": id3_tag(100) + encode(tone(1.0), kind="MP3"),
        "picture before MP3": id3_tag(10_000) + encode(tone(1.0), kind="MP3"),
    }


@pytest.mark.parametrize("oddity", odd_wavs())
def test_unusual_file_is_a_clip(small, tmp_path, oddity):
    """What other programs write and read is read here, too."""
    path = put(small / NAME, odd_wavs()[oddity])
    check_tone(read_audio(path), 1.0, 0.1)
    run_prepare(small, tmp_path / "m")
    assert excluded(tmp_path / "m") == {}


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "\u00e9 \u4e2d \u00df",
        "e\u0301",
        "#1=a",
        'it\'s "quoted"',
        "a,b;c",
        "line\nbreak",
    ],
)
def test_any_folder_name_is_read(tmp_path, name):
    """From the file system to the CSV to the dataset and back."""
    folder = tmp_path / name / "data"
    try:
        put_ravdess(folder / name, ACTORS[:3])
    except OSError:
        pytest.skip("this file system does not take the name")
    run_prepare(folder, tmp_path / "m")
    run_prepare(folder, tmp_path / "m")  # reads what it wrote
    dataset = DynamicItemDataset.from_csv(
        tmp_path / "m" / "train.csv",
        replacements={"data_root": folder.as_posix()},
        dynamic_items=[{"func": read_audio, "takes": "wav", "provides": "sig"}],
        output_keys=["sig"],
    )
    assert [len(clip["sig"]) for clip in dataset] == [3200, 3200]


@pytest.mark.parametrize(
    "name", ["A.WAV", "A.Wav", "A.flac", "A.AIFF", "A.mp3"]
)
def test_endings_of_audio_in_any_case(small, tmp_path, name):
    """The ending says which files are looked at."""
    put(small / (Path(NAME).stem + Path(name).suffix))
    assert Path(NAME).stem in whole(run_prepare(small, tmp_path / "m")).index


def test_file_that_broke_since_is_named(tmp_path):
    """A file that was prepared and then cut is an error, no crash."""
    path = put(tmp_path / "broken.wav", b"RIFF")
    with pytest.raises(RecipeError, match=r"broken\.wav"):
        read_audio(path)


# ------------------------------- NOTHING USABLE ------------------------------


def put_nothing_usable(folder, what):
    """Makes a folder that holds no clip of RAVDESS."""
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
        RecipeError, match="'ravdes'.*mean ravdess.*demo, emodb"
    ):
        find_corpus("ravdes")


@pytest.mark.parametrize(
    "corpus, name, parts",
    [
        ("ravdess", "a \u00e9", ["RAVDESS", "name does not parse"]),
        ("ravdess", "a #1=b", ["RAVDESS", "name does not parse"]),
        ("ravdes", "a", ["ravdes", "did you mean ravdess?", "demo, emodb"]),
    ],
    ids=["other corpus", "any folder name", "unknown corpus"],
)
def test_command_line_ends_with_one_sentence(
    run_train, tmp_path, corpus, name, parts
):
    """Exit status 1, one sentence, no traceback."""
    folder = put_emodb(tmp_path / name)
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


# ------------------------------- REAL CORPORA --------------------------------


def test_real_emodb(ser_data, tmp_path):
    """All 535 clips, in each of the ten folds."""
    for fold in range(1, 11):
        splits = run_prepare(
            ser_data / "emodb", tmp_path / str(fold), "emodb", fold
        )
        assert speakers(splits)["test"] == {EMODB_SPEAKERS[fold - 1]}
        assert len(whole(splits)) == 535
    assert excluded(tmp_path / "1") == {}
    assert whole(splits)["emotion"].value_counts().to_dict() == {
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "sadness": 62,
        "neutral": 79,
    }


def test_real_ravdess(ser_data, tmp_path):
    """The six actors that are there, three clips of theirs in stereo."""
    for fold in range(1, 7):
        splits = run_prepare(
            ser_data / "ravdess", tmp_path / str(fold), fold=fold
        )
        assert len(whole(splits)) == 360
    assert (whole(splits)["channels"] == 2).sum() == 3
    assert set(whole(splits)["channels"]) == {1, 2}


def test_real_crema_d(ser_data, tmp_path):
    """All clips but the silent one and three recordings under two labels."""
    splits = run_prepare(ser_data / "crema_d", tmp_path / "m", "crema_d")
    clips = whole(splits)
    assert len(clips) == 7442 - 7
    assert clips["spk_id"].nunique() == 91
    sexes = pd.read_csv(ser_data / "crema_d" / "VideoDemographics.csv")
    sexes = sexes.set_index("ActorID")["Sex"].str.lower()
    sexes.index = sexes.index.astype(str)
    found = clips.drop_duplicates("spk_id").set_index("spk_id")["gender"]
    assert (found == sexes[found.index]).all()
    assert excluded(tmp_path / "m")["AudioWAV/1076_MTI_SAD_XX.ogg"] == "silence"
