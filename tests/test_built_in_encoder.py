"""The encoder that ships with the repository."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from encoders import built_in_encoder
from encoders.random_encoder import make_random_encoder
from ser.audio import read_audio
from ser.encoder import Encoder
from ser.pooling import Pooling
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import pad

from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2


@pytest.fixture(scope="module")
def encoder():
    """The one that ships, as the recipes load it."""
    return Encoder(built_in_encoder(), save_path="", freeze=True)


def test_folder_is_small_and_documented():
    """At most 10 MB, half precision, with a card and the corpus's credit."""
    folder = Path(built_in_encoder())
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert size < 10e6
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.float16}
    card = (folder / "README.md").read_text("utf-8")
    notice = (folder / "NOTICE").read_text("utf-8")
    for words in ("Open Database License", "CREMA-D", "Cao"):
        assert words in card and words in notice


def test_card_and_config_have_the_same_speakers(encoder):
    """72 actors trained or validated it, and none of the 19 of fold 1."""
    card = (Path(built_in_encoder()) / "README.md").read_text("utf-8")
    unseen = card.partition("19 actors: ")[2].partition(";")[0].split()
    actors = {f"crema_d-{actor}" for actor in range(1001, 1092)}
    assert encoder.training_speakers == actors - {
        f"crema_d-{actor}" for actor in unseen
    }
    assert len(encoder.training_speakers) == 72


def test_stock_lobe_gives_the_same(encoder, tmp_path):
    """SpeechBrain's own lobe loads it and encodes a single clip as ours."""
    lobe = Wav2Vec2(
        built_in_encoder(),
        save_path=str(tmp_path),
        freeze=True,
        output_all_hiddens=True,
    ).eval()
    wav = torch.randn(1, 16000)
    ours, _ = encoder(wav, torch.ones(1))
    stock = lobe(wav)
    assert stock.dtype == torch.float32
    # The last differs: transformers leaves its final norm out.
    assert torch.allclose(stock[:-1], ours[:-1], atol=1e-3)


def test_embedding_does_not_depend_on_the_batch(encoder):
    """A clip alone and in a batch with a longer one: the same to 1e-4."""
    generator = torch.Generator().manual_seed(0)
    short, long = (torch.randn(n, generator=generator) for n in (9000, 40000))
    pool = Pooling("mean_std", encoder.dim, encoder.num_layers)
    alone = pool(*encoder(short[None], torch.ones(1)))[0]
    batch = torch.stack([pad(short, (0, 31000)), long])
    together = pool(*encoder(batch, torch.tensor([9000 / 40000, 1.0])))[0]
    assert (alone - together).abs().max() < 1e-4


def test_shortest_clip_gives_a_frame(encoder):
    """25 ms are the shortest that the recipes accept."""
    hidden, lens = encoder(torch.randn(1, 400), torch.ones(1))
    assert hidden.shape[2] == 1 and lens.tolist() == [1.0]
    assert torch.isfinite(hidden).all()


def test_it_beats_random_weights(encoder, ser_data, tmp_path):
    """By 10 points and more on a speaker of EMO-DB, with a classifier trained
    on two others."""
    folder = make_random_encoder(tmp_path / "random", seed=0)
    clips = sorted((ser_data / "emodb").rglob("*.wav"))
    clips = [clip for clip in clips if clip.name[:2] in ("03", "08", "09")]
    labels = np.array([clip.name[5] for clip in clips])
    train = np.array([clip.name[:2] != "09" for clip in clips])
    scores = []
    for model in (encoder, Encoder(folder, save_path="")):
        pool = Pooling("mean_std", model.dim, model.num_layers)
        embeddings = np.stack(
            [
                pool(*model(read_audio(clip)[None], torch.ones(1)))[0].mean(0)
                for clip in clips
            ]
        )
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
        probe.fit(embeddings[train], labels[train])
        predictions = probe.predict(embeddings[~train])
        scores.append(balanced_accuracy_score(labels[~train], predictions))
    assert scores[0] > scores[1] + 0.1
