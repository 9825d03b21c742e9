"""Files that a disk, a copy or a hand has damaged: nothing changes a result
without a word, and nothing ends in a traceback.
"""

import random
import shutil
import sqlite3

import pytest
import torch
from data_prep.audio_index import AudioIndex, read_facts
from data_prep.manifest import read_manifest
from encoders import built_in_encoder
from ser.checkpoint import AtomicCheckpointer
from ser.encoder import Encoder
from ser.epochs import find_best
from ser.errors import RecipeError
from ser.pooling import Pooling
from ser.report.summary import read_metrics
from ser.store import EmbeddingStore

TRIES = 50  # of each kind of file


def damage(path, rng):
    """Flips some bits of a file, cuts it, or overwrites a stretch with zeros."""
    content = bytearray(path.read_bytes())
    kind, place = rng.randrange(3), rng.randrange(len(content))
    if kind == 0:
        for _ in range(8):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del content[max(1, place) :]
    else:
        length = min(rng.randrange(1, 5000), len(content) - place)
        content[place : place + length] = bytes(length)
    path.write_bytes(content)


def damaged_copies(path, folder, seed):
    """Yields copies of a file, each damaged in a way of its own."""
    rng = random.Random(seed)
    for number in range(TRIES):
        copy = folder / f"{number}{path.suffix}"
        shutil.copy(path, copy)
        damage(copy, rng)
        yield copy


@pytest.fixture(scope="module")
def store(small_corpus, tmp_path_factory):
    """An embedding store with the clips of the small corpus: its path, the
    clips, what makes it, and the embeddings."""
    folder = tmp_path_factory.mktemp("store")
    encoder = Encoder(built_in_encoder(), save_path="")
    pooling = Pooling("mean_std", encoder.dim, encoder.num_layers)
    clips = {}
    for path in sorted(small_corpus.glob("*.wav"))[:12]:
        facts, _ = read_facts(str(small_corpus), path.name)
        clips[facts["sha256"]] = str(path), facts["duration"]
    parts = encoder.eval(), pooling
    made = EmbeddingStore(folder / "whole.sqlite", *parts)
    made.fill(clips, max_batch_length=40)
    vectors = {sha256: made.read([sha256])[0] for sha256 in clips}
    return folder / "whole.sqlite", clips, parts, vectors


@torch.no_grad()
def test_a_damaged_store_gives_the_same_embeddings_or_a_sentence(
    store, tmp_path, caplog
):
    """What fails its digest is encoded again."""
    path, clips, parts, vectors = store
    refused = 0
    for copy in damaged_copies(path, tmp_path, seed=0):
        try:
            opened = EmbeddingStore(copy, *parts)
            opened.fill(clips, max_batch_length=40)
            found = {sha256: opened.read([sha256])[0] for sha256 in clips}
        except RecipeError as error:
            assert str(copy) in str(error) and "delete it" in str(error)
            refused += 1
            continue
        for sha256, vector in vectors.items():
            # Batches differ where only some clips are encoded again.
            torch.testing.assert_close(found[sha256], vector, atol=1e-4, rtol=0)
    assert refused and "are encoded again" in caplog.text


def test_a_damaged_embedding_is_said_and_encoded_again(store, tmp_path, caplog):
    """In one line."""
    path, clips, parts, _ = store
    copy = tmp_path / "copy.sqlite"
    shutil.copy(path, copy)
    with sqlite3.connect(copy) as connection:
        query = "SELECT key, vectors FROM embeddings LIMIT 3"
        for key, sealed in connection.execute(query).fetchall():
            sealed = bytes([sealed[0] ^ 1]) + sealed[1:]
            row = sealed, key
            connection.execute(
                "UPDATE embeddings SET vectors = ? WHERE key = ?", row
            )
    connection.close()
    opened = EmbeddingStore(copy, *parts)
    with caplog.at_level("WARNING"):
        opened.fill(clips, max_batch_length=40)
    assert "3 embeddings in" in caplog.text and "damaged" in caplog.text
    assert EmbeddingStore(copy, *parts).missing(clips) == []


def test_damaged_checkpoints_are_left_out(tmp_path):
    """The one before is taken, or one sentence ends the run."""
    rng, fallen_back, refused = random.Random(1), 0, 0
    for number in range(TRIES):
        folder = tmp_path / str(number)
        state = {"model": torch.nn.Linear(8, 8), "other": torch.nn.Linear(4, 4)}
        checkpointer = AtomicCheckpointer(folder, state)
        weights = []
        for epoch in (1, 2):
            torch.nn.init.constant_(state["model"].weight, epoch)
            saved = checkpointer.save_checkpoint(meta={"epoch": epoch})
            weights.append(state["model"].weight.clone())
        files = sorted(saved.path.iterdir())
        if number % 5 == 0:  # both
            (other,) = {*folder.glob("CKPT*")} - {saved.path}
            damage(rng.choice(sorted(other.iterdir())), rng)
        damage(rng.choice(files), rng)
        fresh = {"model": torch.nn.Linear(8, 8), "other": torch.nn.Linear(4, 4)}
        again = AtomicCheckpointer(folder, fresh)
        try:
            found = again.recover_if_possible()
        except RecipeError as error:
            assert "every checkpoint" in str(error) and "delete" in str(error)
            refused += 1
            continue
        epoch = found.meta["epoch"]
        assert torch.equal(fresh["model"].weight, weights[epoch - 1])
        fallen_back += epoch == 1
    assert fallen_back > TRIES / 2 and refused


def test_a_damaged_index_is_read_again(small_corpus, tmp_path):
    """Or a sentence says to delete it."""
    folder = str(small_corpus)
    names = sorted(path.name for path in small_corpus.glob("*.wav"))[:20]
    whole = tmp_path / "whole.sqlite"
    with AudioIndex.open(whole) as index:
        facts, entries = zip(*(read_facts(folder, name) for name in names))
        index.keep(entries)
    refused = 0
    for copy in damaged_copies(whole, tmp_path, seed=2):
        try:
            with AudioIndex.open(copy) as index:
                found = index.find(folder, names)
                again = tuple(
                    found.get(name) or read_facts(folder, name)[0]
                    for name in names
                )
        except RecipeError as error:
            assert "delete it" in str(error)
            refused += 1
            continue
        assert again == facts
    assert 0 < refused < TRIES


def test_damaged_results_are_none(small_run, tmp_path):
    """Neither metrics nor predictions that are not as they were written."""
    rng = random.Random(3)
    whole = read_metrics(small_run)
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("metrics.json", "predictions.csv"):
            shutil.copy(small_run / name, folder)
        damage(folder / rng.choice(("metrics.json", "predictions.csv")), rng)
        found = read_metrics(folder)
        assert found is None or found == whole, number


def test_damaged_manifests_end_in_a_sentence(small_run, tmp_path):
    """Or are as they were."""
    whole, refused = small_run / "manifests/train.csv", 0
    for copy in damaged_copies(whole, tmp_path, seed=4):
        try:
            read_manifest(copy)
        except RecipeError as error:
            assert str(copy) in str(error)
            refused += 1
    assert refused > TRIES / 2


def test_a_damaged_best_checkpoint_is_no_other_result(tmp_path):
    """The last one is not taken for the best epoch."""
    state = {"model": torch.nn.Linear(2, 2)}
    checkpointer = AtomicCheckpointer(tmp_path, state)
    epochs, saved = [], []
    for epoch, score in enumerate((0.5, 0.9, 0.7), start=1):
        scores = {"valid_uar": score, "valid_loss": 1.0}
        epochs.append(scores)
        saved.append(checkpointer.save_checkpoint({"epoch": epoch} | scores))
    assert find_best(checkpointer, epochs).meta["epoch"] == 2
    damage(saved[1].path / "model.ckpt", random.Random(5))
    again = AtomicCheckpointer(tmp_path, state)
    with pytest.raises(RecipeError, match="best epoch .* is damaged"):
        find_best(again, epochs)
