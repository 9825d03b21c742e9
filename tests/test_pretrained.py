"""The encoder that ships with the repository, and the recipe that trains it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch
from conftest import ENVIRONMENT, ROOT
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from torch.nn.functional import pad

from data_prep.demo_synthesis import SPEAKERS, synthesise
from ser.audio import read_audio
from ser.encoder import Encoder, built_in_encoder, make_random_encoder
from ser.pooling import Pooling

CODES = {"ANG": "anger", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}


@pytest.fixture(scope="module")
def encoder():
    """The one that ships, as the recipes load it."""
    return Encoder(built_in_encoder(), save_path="", freeze=True)


@pytest.fixture(scope="module")
def crema_d(tmp_path_factory):
    """A folder of synthetic clips with names and votes like CREMA-D's."""
    import soundfile

    folder = tmp_path_factory.mktemp("crema_d")
    rows = ["'',A,D,F,H,N,S,fileName".replace("'", '"')]
    for voice, actor in zip(SPEAKERS, range(1001, 1007)):
        for number, (code, emotion) in enumerate(CODES.items()):
            wav = synthesise(voice, "happy", 1, 1, 1 + number % 2, seed=number)
            name = f"{actor}_DFA_{code}_XX"
            soundfile.write(folder / f"{name}.wav", wav, 16000)
            rows.append(f"{100001 + len(rows)},4,0,0,2,2,0,{name}")
    (folder / "tabulatedVotes.csv").write_text("\n".join(rows))
    return folder


def encoder_command(data, folder):
    """The command line of a training of seconds."""
    options = {
        "data_folder": data,
        "output_folder": folder,
        "number_of_epochs": 2,
        "epoch_clips": 8,
        "batch_size": 4,
        "device": "cpu",
    }
    return [
        *[sys.executable, str(ROOT / "train_encoder.py")],
        str(ROOT / "hparams/encoder.yaml"),
        *[str(word) for k, v in options.items() for word in (f"--{k}", v)],
    ]


def test_it_is_small_and_says_what_it_is():
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


def test_the_stock_lobe_loads_it(encoder, tmp_path):
    """SpeechBrain's own lobe gives what ours gives of a single clip."""
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


def test_answers_do_not_depend_on_the_batch(encoder):
    """A clip alone and in a batch with a longer one: the same to 1e-4."""
    generator = torch.Generator().manual_seed(0)
    short, long = (torch.randn(n, generator=generator) for n in (9000, 40000))
    pool = Pooling("mean_std", encoder.dim, encoder.num_layers)
    alone = pool(*encoder(short[None], torch.ones(1)))[0]
    batch = torch.stack([pad(short, (0, 31000)), long])
    together = pool(*encoder(batch, torch.tensor([9000 / 40000, 1.0])))[0]
    assert (alone - together).abs().max() < 1e-4


def test_it_takes_the_shortest_clip(encoder):
    """25 ms, the shortest that the recipes accept, give a frame."""
    hidden, lens = encoder(torch.randn(1, 400), torch.ones(1))
    assert hidden.shape[2] == 1 and lens.tolist() == [1.0]
    assert torch.isfinite(hidden).all()


def test_it_is_a_hundred_times_real_time(encoder):
    """Whatever else the machine does, a minute takes well under a second a
    core."""
    wav, lens = torch.randn(6, 160000), torch.ones(6)
    encoder(wav, lens)
    start = time.process_time()
    encoder(wav, lens)
    assert time.process_time() - start < 60 / 50


def test_it_hears_more_than_random_weights(encoder, ser_data, tmp_path):
    """On a speaker of EMO-DB that the classifier never heard."""
    clips = sorted((ser_data / "emodb").rglob("*.wav"))
    clips = [c for c in clips if c.name[:2] in ("03", "08", "09", "10", "11")]
    labels = [clip.name[5] for clip in clips]
    train = [clip.name[:2] not in ("03", "08") for clip in clips]
    random = Encoder(
        make_random_encoder(tmp_path / "random", seed=0), save_path=""
    )
    scores = []
    for model in (encoder, random):
        pool = Pooling("mean_std", model.dim, model.num_layers)
        embeddings = torch.stack(
            [
                pool(*model(read_audio(c)[None], torch.ones(1)))[0].mean(0)
                for c in clips
            ]
        ).numpy()
        sides = [
            ([e for e, t in zip(embeddings, train) if t is side])
            for side in (True, False)
        ]
        truth = [
            ([e for e, t in zip(labels, train) if t is side])
            for side in (True, False)
        ]
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
        probe.fit(sides[0], truth[0])
        scores.append(
            balanced_accuracy_score(truth[1], probe.predict(sides[1]))
        )
    assert scores[0] > scores[1]


def test_training_writes_an_encoder(crema_d, tmp_path):
    """A training of four batches ends with a folder that loads."""
    done = subprocess.run(
        encoder_command(crema_d, tmp_path / "out"),
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert "Unseen speakers: UAR" in done.stdout
    written = Encoder(str(tmp_path / "out/encoder"), save_path="")
    assert written.fingerprint() != (
        Encoder(str(tmp_path / "out/untrained"), save_path="").fingerprint()
    )


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_training_goes_on(crema_d, tmp_path):
    """Killed after the first epoch, the same command does only the second."""
    folder = tmp_path / "out"
    command = encoder_command(crema_d, folder)
    process = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )
    while not any(folder.glob("save/CKPT*")) and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    log = done.stdout + done.stderr
    assert "Going into epoch 1" not in log and "Going into epoch 2" in log
    assert (folder / "encoder/model.safetensors").is_file()


def test_test_speakers_that_it_heard_are_said(crema_d, run_train, tmp_path):
    """A score on speakers that the encoder was trained on carries a notice."""
    said = {}
    for fold in (1, 3):  # speakers 1001, whom it never heard, and 1003
        done = run_train(
            *("hparams/train.yaml", "--corpus", "crema_d", "--fold", fold),
            *("--data_folder", crema_d, "--protocol", "loso"),
            *("--number_of_epochs", 1, "--cache_folder", tmp_path / "cache"),
            *("--output_folder", tmp_path / str(fold)),
        )
        assert done.returncode == 0, done.stderr
        page = (tmp_path / str(fold) / "report.html").read_text("utf-8")
        said[fold] = "labels of 1 of the test speakers" in done.stdout
        assert ("labels of 1 of the test speakers" in page) == said[fold]
    assert said == {1: False, 3: True}
