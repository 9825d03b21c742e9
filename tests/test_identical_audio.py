"""Identical audio is found in copies of other formats."""

import io
import sqlite3
from itertools import product

import numpy as np
import pytest
import soundfile
from ser.errors import RecipeError
from trees import (
    ACTORS,
    encode,
    excluded,
    noise,
    prepare_all,
    put,
    put_ravdess,
    run_prepare,
    whole,
)

RATE = 16000  # Hz


def recording(seed="one"):
    """Makes a recording of 0.2 s, as a 16-bit WAV file has it."""
    content = encode(noise(seed), RATE, subtype="PCM_16")
    return soundfile.read(io.BytesIO(content))[0]


def wav(samples, subtype="PCM_16"):
    """Makes a WAV file of these samples."""
    return encode(samples, RATE, subtype=subtype)


def with_title(samples):
    """Makes a 16-bit WAV file that has a tag."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        *(file, "w", RATE, 1, "PCM_16"), format="WAV"
    ) as sound:
        sound.title = "one"
        sound.write(samples)
    return file.getvalue()


COPIES = {
    "FLAC": lambda s: encode(s, RATE, "FLAC", "PCM_16"),
    "FLAC of 24 bits": lambda s: encode(s, RATE, "FLAC", "PCM_24"),
    "24 bits": lambda s: wav(s, "PCM_24"),
    "float": lambda s: wav(s, "FLOAT"),
    "double": lambda s: wav(s, "DOUBLE"),
    "AIFF": lambda s: encode(s, RATE, "AIFF", "PCM_16"),
    "tag": with_title,
    "two channels": lambda s: wav(np.stack([s, s], 1)),
}
OTHERS = {
    "trimmed": lambda s: wav(s[1:]),
    "scaled": lambda s: wav(s * 0.9),
    "other rate": lambda s: encode(s, RATE + 1, subtype="PCM_16"),
    "lossy": lambda s: encode(s, RATE, "OGG", "VORBIS"),
    "negative": lambda s: wav(-s),
}


@pytest.mark.parametrize("kind", [*COPIES, *OTHERS])
def test_copy_of_another_speaker(tmp_path, kind):
    """A copy in another split is an error that names the pair; what sounds
    otherwise, and what is lossy, is not found."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:3])
    one = folder / "Actor_01" / "03-01-05-01-01-01-01.wav"
    two = folder / "Actor_03" / "03-01-05-01-01-02-03.wav"
    put(one, wav(recording()))
    put(two, (COPIES | OTHERS)[kind](recording()))
    assert one.read_bytes() != two.read_bytes()
    if kind in OTHERS:
        assert len(whole(run_prepare(folder, tmp_path / "m"))) == 7
        return
    with pytest.raises(RecipeError, match="share audio") as error:
        run_prepare(folder, tmp_path / "m")
    assert one.stem in str(error.value) and two.stem in str(error.value)
    assert not (tmp_path / "m" / "train.csv").exists()


def test_louder_than_full_scale_is_as_clipped(tmp_path):
    """A copy in floating point keeps what 16 bits cannot hold."""
    folder = put_ravdess(tmp_path / "data", ACTORS[:3])
    loud = recording() * 4
    put(folder / "03-01-05-01-01-02-01.wav", wav(loud, "FLOAT"))
    put(folder / "03-01-05-01-01-02-02.wav", wav(loud.clip(-1, 1), "FLOAT"))
    with pytest.raises(RecipeError, match="share audio"):
        run_prepare(folder, tmp_path / "m")


def test_copy_under_another_label_excludes_both(small, tmp_path):
    """Neither label can be believed, whatever the format."""
    angry = "Actor_01/03-01-05-01-01-01-01.wav"
    sad = "Actor_01/03-01-04-01-01-01-01.flac"
    put(small / angry, wav(recording()))
    put(small / sad, COPIES["FLAC"](recording()))
    splits = run_prepare(small, tmp_path / "m")
    reasons = excluded(tmp_path / "m")
    assert list(reasons) == [sad, angry]
    assert all("two labels" in reason for reason in reasons.values())
    assert len(whole(splits)) == 5


def test_copies_stay_together_in_random_folds(tmp_path):
    """One of them is not trained on where the other is tested."""
    data = tmp_path / "data"
    for emotion, take in product(("03", "05"), range(1, 13)):
        samples = recording(f"{emotion} {take}")
        put(data / f"03-01-{emotion}-01-01-{take:02}-01.wav", wav(samples))
        copy = data / f"03-01-{emotion}-01-02-{take:02}-01.flac"
        put(copy, COPIES["FLAC"](samples))
    for splits in prepare_all(
        *(data, tmp_path / "m"), protocol="random", num_folds=4
    ):
        assert len(whole(splits)) == 48
        # Emotion and take of each recording, without the statement
        recordings = [
            set(clips["ID"].str[6:8] + clips["ID"].str[14:])
            for clips in splits.values()
        ]
        assert sum(map(len, recordings)) == 24


def test_mirror_of_a_folder_counts_once(tmp_path):
    """Its clips are excluded with the first of each; a recording of two
    speakers or of two labels is not one clip."""
    data = tmp_path / "data"
    for emotion in ("angry", "happy"):
        for speaker in ("anna", "bob", "carl", "dora"):
            samples = recording(emotion + speaker)
            put(data / emotion / f"{speaker}_1.wav", wav(samples))
            copy = data / emotion / "mirror" / f"{speaker}_1.flac"
            put(copy, COPIES["FLAC"](samples))
    options = {"corpus": "folder", "speaker_pattern": "(anna|bob|carl|dora)_"}
    splits = run_prepare(data, tmp_path / "m", num_folds=2, **options)
    assert len(whole(splits)) == 8
    reasons = excluded(tmp_path / "m")
    assert len(reasons) == 8
    assert reasons["angry/mirror/anna_1.flac"] == (
        "second file of one recording: the first is $data_root/angry/anna_1.wav"
    )
    splits = run_prepare(data, tmp_path / "r", corpus="folder", num_folds=2)
    assert len(whole(splits)) == 8
    put(data / "angry" / "zoe_1.wav", wav(recording("angryanna")))
    put(data / "happy" / "zoe_1.wav", wav(recording("angrybob")))
    options["speaker_pattern"] = "(anna|bob|carl|dora|zoe)_"
    with pytest.raises(RecipeError, match="share audio"):
        for fold in (1, 2):
            run_prepare(
                *(data, tmp_path / f"s{fold}"),
                fold=fold,
                num_folds=2,
                **options,
            )


def test_identical_clips_of_a_corpus_are_two(small, tmp_path):
    """Where names tell takes apart, as in RAVDESS, both are clips."""
    put(small / "03-01-03-01-02-01-01.wav", wav(recording()))
    put(small / "03-01-03-01-02-02-01.wav", wav(recording(), "PCM_24"))
    splits = run_prepare(small, tmp_path / "m")
    assert len(whole(splits)) == 8
    assert excluded(tmp_path / "m") == {}


def test_index_of_an_earlier_version_is_made_anew(small, tmp_path):
    """It has no hash of decoded audio."""
    with sqlite3.connect(tmp_path / "index.sqlite") as connection:
        connection.execute(
            "CREATE TABLE files (path TEXT PRIMARY KEY, stamp TEXT NOT NULL,"
            " duration REAL, sample_rate INTEGER, channels INTEGER,"
            " sha256 TEXT NOT NULL, reason TEXT)"
        )
    connection.close()
    assert len(whole(run_prepare(small, tmp_path / "m"))) == 6
    with sqlite3.connect(tmp_path / "index.sqlite") as connection:
        rows = connection.execute("SELECT DISTINCT audio FROM files")
        assert len(rows.fetchall()) == 6
    connection.close()
