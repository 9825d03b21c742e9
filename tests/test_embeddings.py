"""The embedding store: never stale, never half written."""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import fork_program
from encoders.random_encoder import make_random_encoder
from ser.audio import read_audio
from ser.encoder import Encoder
from ser.errors import RecipeError
from ser.pooling import Pooling
from ser.store import EmbeddingStore

FILL = """
import hashlib
import sys
from pathlib import Path
import soundfile
from ser.store import EmbeddingStore
from ser.encoder import Encoder
from ser.pooling import Pooling
store, encoder, clips = sys.argv[1:]
encoder = Encoder(encoder, save_path="", freeze=True)
pool = Pooling("mean_std", encoder.dim, encoder.num_layers)
clips = {
    hashlib.sha256(p.read_bytes()).hexdigest(): (p, soundfile.info(p).duration)
    for p in Path(clips).iterdir()
}
EmbeddingStore(store, encoder, pool).fill(clips, 5.0)
"""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The built-in encoder."""
    folder = tmp_path_factory.mktemp("encoder") / "random"
    return Encoder(make_random_encoder(folder, 0), save_path="", freeze=True)


@pytest.fixture
def clips(tmp_path):
    """Three clips of noise: from each file to its duration."""
    rng = np.random.default_rng(0)
    durations = {}
    for index, seconds in enumerate((0.5, 2.0, 1.25)):
        path = str(tmp_path / f"{index}.wav")
        soundfile.write(path, rng.normal(0, 0.1, int(16000 * seconds)), 16000)
        durations[path] = seconds
    return durations


def sha256(path):
    """The hash of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def fill(path, encoder, clips, kind="mean_std", max_batch_length=40.0):
    """Fills a store and returns it."""
    pool = Pooling(kind, encoder.dim, encoder.num_layers)
    store = EmbeddingStore(path, encoder, pool)
    clips = {sha256(clip): (clip, length) for clip, length in clips.items()}
    store.fill(clips, max_batch_length)
    return store


def direct(encoder, path, kind="mean_std"):
    """What the encoder says of a file by itself."""
    pool = Pooling(kind, encoder.dim, encoder.num_layers)
    with torch.no_grad():
        return pool(*encoder(read_audio(path)[None], torch.ones(1)))[0]


def rows(path):
    """How many embeddings a store holds."""
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT COUNT(*) FROM embeddings").fetchone()
    connection.close()
    return count


@pytest.mark.parametrize("max_batch_length", [1.0, 40.0])
def test_stored_embeddings_are_those_of_each_clip(
    encoder, clips, tmp_path, max_batch_length
):
    """What is read is what encoding the clip alone gives."""
    path = tmp_path / "store.sqlite"
    store = fill(path, encoder, clips, max_batch_length=max_batch_length)
    for clip in clips:
        kept = store.read([sha256(clip)])[0]
        assert (kept - direct(encoder, clip)).abs().max() < 1e-5


def test_what_is_there_is_not_encoded_again(encoder, clips, tmp_path):
    """A second run, and a copy of the corpus elsewhere, encode nothing."""
    path = tmp_path / "store.sqlite"
    store = fill(path, encoder, clips)
    copies = {shutil.copy(clip, clip + ".wav"): 1.0 for clip in clips}
    assert store.missing(map(sha256, clips)) == []
    assert store.missing(map(sha256, copies)) == []
    before = path.read_bytes()
    fill(path, encoder, clips | copies)
    assert path.read_bytes() == before


def test_changed_audio_is_encoded_again(encoder, clips, tmp_path):
    """Even where name, size and date are those of the old file."""
    path = tmp_path / "store.sqlite"
    fill(path, encoder, clips)
    changed = next(iter(clips))
    stat = os.stat(changed)
    wav, rate = soundfile.read(changed, dtype="int16")
    soundfile.write(changed, -wav[::-1], rate)
    os.utime(changed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert os.stat(changed).st_size == stat.st_size
    store = fill(path, encoder, clips)
    assert rows(path) == 4
    assert (
        store.read([sha256(changed)])[0] - direct(encoder, changed)
    ).abs().max() < 1e-5


def test_audio_that_changed_since_the_manifests_is_refused(
    encoder, clips, tmp_path
):
    """What a manifest says of a file must hold when it is encoded."""
    pool = Pooling("mean", encoder.dim, encoder.num_layers)
    store = EmbeddingStore(tmp_path / "store.sqlite", encoder, pool)
    clip, other = list(clips)[:2]
    with pytest.raises(RecipeError, match="has changed since the manifests"):
        store.fill({sha256(clip): (other, 1.0)}, 40.0)


def test_another_encoder_or_pooling_is_not_served(encoder, clips, tmp_path):
    """A changed weight, config or pooling finds nothing of the old ones."""
    path = tmp_path / "store.sqlite"
    fill(path, encoder, clips)
    other = Encoder(encoder.source, save_path="", freeze=True)
    assert other.fingerprint() == encoder.fingerprint()
    with torch.no_grad():
        other.model.encoder.layers[0].attention.k_proj.weight[0, 0] += 1e-3
    store = fill(path, other, clips)
    assert rows(path) == 6
    clip = next(iter(clips))
    assert (
        store.read([sha256(clip)])[0] - direct(other, clip)
    ).abs().max() < 1e-5
    other.normalize_wav = not other.normalize_wav
    fill(path, other, clips)
    assert rows(path) == 9
    fill(path, encoder, clips, kind="mean")
    assert rows(path) == 12


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_store_is_whole(encoder, small_corpus, tmp_path):
    """Killed and started again, it holds whole embeddings and goes on."""
    path = tmp_path / "store.sqlite"

    def holds(number):
        """Tells whether the store holds so many embeddings."""
        with contextlib.suppress(sqlite3.OperationalError):
            return rows(path) >= number  # unless it is being written
        return False

    for target in (8, 32):
        done = fork_program(
            *("-c", FILL, path, encoder.source, small_corpus),
            kill_when=partial(holds, target),
        )
        assert done.returncode == -signal.SIGKILL, (
            "it ended before it was killed"
        )
        assert target <= rows(path) < 64
    durations = {
        str(clip): soundfile.info(clip).duration
        for clip in small_corpus.iterdir()
    }
    store = fill(path, encoder, durations, max_batch_length=5.0)
    assert rows(path) == 64
    for clip in durations:
        assert (
            store.read([sha256(clip)])[0] - direct(encoder, clip)
        ).abs().max() < 1e-5


def test_a_file_that_is_no_store(encoder, clips, tmp_path):
    """A damaged store ends with what to do."""
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database, but long enough to be one" * 100)
    with pytest.raises(RecipeError, match="delete it to have it rebuilt"):
        fill(path, encoder, clips)


def test_a_store_is_listed_and_pruned(encoder, clips, tmp_path):
    """`python -m ser.store` says what an encoder made, and deletes it alone."""
    path = tmp_path / "store.sqlite"
    fill(path, encoder, clips)
    fill(path, encoder, clips, kind="mean")

    run = partial(fork_program, "-m", "ser.store")
    mean, mean_std = run(path).stdout.splitlines()
    assert mean.startswith("holds 3 clips") and ", mean, fp32" in mean
    assert ", mean_std, fp32" in mean_std
    source = mean_std.split("MiB, ")[1].split(", up to")[0]
    deleted = run(path, "--delete", source).stdout
    assert deleted.splitlines()[1].startswith("deleted 3 clips")
    assert rows(path) == 3
    assert run(path).stdout.splitlines() == [mean]
    path.write_bytes(b"garbage" * 1000)
    for name in (path, tmp_path / "none.sqlite"):
        refused = run(name)
        assert refused.returncode == 1
        assert (
            refused.stderr.startswith("error: ") and str(name) in refused.stderr
        )


def test_half_precision_is_close(encoder, clips, tmp_path):
    """A store of fp16 rounds what one of fp32 holds, in half the space, and
    another word is refused."""
    pool = Pooling("mean_std", encoder.dim, encoder.num_layers)
    hashes = {sha256(clip): (clip, length) for clip, length in clips.items()}
    stores = {}
    for precision in ("fp32", "fp16"):
        path = tmp_path / f"{precision}.sqlite"
        stores[precision] = EmbeddingStore(path, encoder, pool, precision)
        stores[precision].fill(hashes, 40.0)
    for name in hashes:
        whole, half = (store.read([name]) for store in stores.values())
        assert half.dtype == torch.float32 and not torch.equal(whole, half)
        torch.testing.assert_close(half, whole, rtol=2**-11, atol=1e-7)
    with pytest.raises(RecipeError, match="expected fp32 or fp16"):
        EmbeddingStore(tmp_path / "x.sqlite", encoder, pool, "bf16")
