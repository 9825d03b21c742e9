"""Models from Python: what `load_model` takes, and what its `predict` answers."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from conftest import ENVIRONMENT, ROOT
from data_prep.demo_synthesis import SPEAKERS, synthesise
from encoders.random_encoder import make_random_encoder
from ser import load_model
from ser.encoder import Encoder
from ser.errors import RecipeError
from ser.head import Classifier, LayerWeights, Standardiser
from ser.inference import MAX_DURATION, Prediction
from ser.model_folder import save_model
from ser.pooling import Pooling

RATES = (8000, 11025, 24414, 44100, 48000)


@pytest.fixture(scope="module")
def tested(small_run, small_corpus):
    """The test set of the small run: its predictions, and the files."""
    table = pd.read_csv(small_run / "predictions.csv", dtype={"ID": str})
    return table, [small_corpus / f"{name}.wav" for name in table["ID"]]


@pytest.fixture(scope="module")
def model(small_run):
    """The model of the small run."""
    return load_model(small_run)


def table_of(model, predictions):
    """Turns predictions into probabilities [clip, class]."""
    return np.array(
        [[p.probabilities[c] for c in model.classes] for p in predictions]
    )


@pytest.mark.parametrize("order", [1, -1])
def test_files_get_the_probabilities_of_the_run(model, tested, order):
    """In any order, and the emotions of its predictions.csv."""
    table, paths = tested
    answers = model.predict(paths[::order])[::order]
    expected = table[model.classes].to_numpy()
    assert np.abs(table_of(model, answers) - expected).max() < 1e-5
    assert [answer.emotion for answer in answers] == list(table["prediction"])
    assert [answer.path for answer in answers] == list(map(str, paths))
    assert len(set(table["prediction"])) > 1, (
        "one answer for all proves nothing"
    )


def test_a_clip_does_not_depend_on_its_batch(model, tested):
    """Alone or beside much longer ones, cut from the same files."""
    _, paths = tested
    wavs = [soundfile.read(path)[0] for path in paths[:8]]
    clips = [wav[: 4000 * (n + 1)] for n, wav in enumerate(wavs)]
    clips.append(np.concatenate(wavs))
    together = model.predict(clips, sample_rate=16000)
    alone = [model.predict(clip, sample_rate=16000) for clip in clips]
    difference = table_of(model, together) - table_of(model, alone)
    assert np.abs(difference).max() < 1e-5
    assert together[-1].duration == len(clips[-1]) / 16000


def test_a_moved_run_still_answers(small_run, tested, tmp_path, monkeypatch):
    """Its folder can be anywhere, and so can the program."""
    table, paths = tested
    moved = shutil.copytree(small_run, tmp_path / "elsewhere")
    shutil.rmtree(moved / "save")
    monkeypatch.chdir(tmp_path)
    answer = load_model("elsewhere").predict(paths[0])
    assert answer.emotion == table["prediction"][0]
    assert isinstance(answer, Prediction) and answer.note == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda wav: torch.tensor(wav, dtype=torch.float32, requires_grad=True),
        lambda wav: np.round(wav * 32768).astype(np.int16),
        lambda wav: np.stack([wav, wav]),
        lambda wav: torch.tensor(wav).double()[None],
    ],
)
def test_a_waveform_is_as_good_as_its_file(model, tested, change):
    """Tensors, integers, several channels."""
    _, paths = tested
    wav, rate = soundfile.read(paths[0])
    answer = model.predict(change(wav), sample_rate=rate)
    expected = model.predict(paths[0])
    assert answer.path is None and answer.duration == expected.duration
    for name, share in expected.probabilities.items():
        assert answer.probabilities[name] == pytest.approx(share, abs=1e-5)


@pytest.mark.parametrize("rate", RATES)
def test_any_rate_is_read(model, rate, tmp_path):
    """As a file or as a waveform of that rate."""
    wav = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wav, rate, subtype="FLOAT")
    answer = model.predict(tmp_path / "a.wav")
    again = model.predict(wav, sample_rate=float(rate))
    assert answer.duration == 1 and answer.probabilities == again.probabilities


def test_what_cannot_be_answered_has_a_note(model, tested, tmp_path):
    """In its place in the list, while the others are answered."""
    _, (good, *_) = tested
    files = {
        "text.wav": b"no audio",
        "empty.wav": b"",
        "cut.wav": good.read_bytes()[:20000],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    noise = np.random.default_rng(0).normal(0, 0.1, 16000)
    hole = noise.copy()
    hole[100] = np.nan
    long = np.resize(noise, 8000 * (MAX_DURATION + 1))
    for name, wav, rate in (
        ("silent.wav", 0 * noise, 16000),
        ("nan.wav", hole, 16000),
        ("short.wav", noise[:1000], 16000),
        ("long.flac", long, 8000),
    ):
        kind = None if name == "long.flac" else "FLOAT"
        soundfile.write(tmp_path / name, wav, rate, subtype=kind)
    notes = {
        "text.wav": "not audio",
        "empty.wav": "empty file",
        "cut.wav": "truncated file",
        "silent.wav": "silence",
        "nan.wav": "NaN or infinite samples",
        "short.wav": "shorter than 0.1 s",
        "long.flac": f"longer than {MAX_DURATION} s",
        "not_there.wav": "cannot be read: No such file",
    }
    answers = model.predict([good, *(tmp_path / name for name in notes), good])
    emotion = model.predict(good).emotion
    assert answers[0].emotion == answers[-1].emotion == emotion
    for answer, note in zip(answers[1:-1], notes.values(), strict=True):
        assert answer.note.startswith(note)
        assert answer.emotion is None and answer.probabilities == {}
    assert model.predict(hole, 16000).note == "NaN or infinite samples"
    assert model.predict(0 * noise, 16000).note == "silence"


def test_a_flac_of_unknown_length_is_not_called_long(model, tmp_path):
    """It was streamed, and libsndfile makes up a length."""
    path = tmp_path / "a.flac"
    noise = np.random.default_rng(0).normal(0, 0.1, 32000)
    soundfile.write(path, noise, 16000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # of 36 bits, the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert model.predict(path).note == "truncated or damaged audio"


def test_unsure_answers_are_uncertain(model, tested):
    """Below the probability that is asked for, and only there."""
    _, paths = tested
    sure = model.predict(paths)
    best = sorted(max(answer.probabilities.values()) for answer in sure)
    limit = best[len(best) // 2]
    answers = model.predict(paths, abstain=limit)
    unsure = [answer.emotion == "uncertain" for answer in answers]
    assert sum(unsure) == sum(share < limit for share in best) > 0
    assert [a.probabilities for a in answers] == [a.probabilities for a in sure]


@pytest.mark.parametrize(
    "audio, options, message",
    [
        ([0.1, 0.2], {"sample_rate": 16000}, "a list of numbers"),
        (np.zeros(16000), {}, "the sample rate of a waveform is None"),
        (np.zeros(16000), {"sample_rate": 16000.5}, "a whole number of Hz"),
        (np.zeros([16000, 2]), {"sample_rate": 16000}, "its transpose"),
        (np.zeros(9) > 1, {"sample_rate": 16000}, "expected floats"),
        (np.zeros(0), {"sample_rate": 16000}, "expected floats"),
        ("a.wav", {"abstain": 1.5}, "expected 0 to 1"),
    ],
)
def test_what_is_no_audio_is_refused(model, audio, options, message):
    """In a sentence that says what to pass."""
    with pytest.raises(RecipeError, match=message):
        model.predict(audio, **options)


def make_parts(tmp_path, **options):
    """Makes an encoder, a pooling and a head that were "trained"."""
    source = make_random_encoder(tmp_path / "encoder", seed=0)
    torch.manual_seed(1)
    encoder = Encoder(source, save_path="", **options)
    pool = Pooling("attention", encoder.dim, encoder.num_layers)
    head = torch.nn.Sequential(
        Standardiser(encoder.num_layers, pool.output_size),
        LayerWeights("weighted", encoder.num_layers),
        Classifier(pool.output_size, [8, 0], 3, num_heads=2),
    )
    with torch.no_grad():
        for weight in [
            *encoder.parameters(),
            *pool.parameters(),
            *head[1:].parameters(),
        ]:
            if weight.requires_grad:
                weight += 0.1 * torch.randn_like(weight)
    return encoder.eval(), pool, head.eval()


@pytest.mark.parametrize(
    "options",
    [{"freeze": True}, {"freeze": False}, {"freeze": False, "lora_rank": 2}],
    ids=["frozen", "fine-tuned", "LoRA"],
)
@torch.no_grad()
def test_what_was_trained_is_what_answers(tmp_path, options):
    """A frozen encoder is looked up, a trained one is in the folder, with its
    adapters merged."""
    encoder, pool, head = make_parts(tmp_path, **options)
    run = tmp_path / "run"
    save_model(str(run / "model"), encoder, pool, head, list("abc"), 0.5)
    (run / "metrics.json").write_text("{}", "utf-8")
    wav = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    logits = head(pool(*encoder(torch.tensor(wav)[None])))
    expected = (logits / 0.5).softmax(dim=-1).numpy()
    answer = load_model(run).predict(wav, 16000)
    found = np.array([list(answer.probabilities.values())])
    assert np.abs(found - expected).max() < 1e-6
    shutil.rmtree(tmp_path / "encoder")
    if options["freeze"]:
        with pytest.raises(RecipeError, match="cannot be loaded"):
            load_model(run)
    else:
        assert load_model(run).predict(wav, 16000) == answer


def test_a_model_that_is_written_again_is_the_new_one(tmp_path):
    """A run that was killed before its end leaves no old model."""
    parts = make_parts(tmp_path)
    for temperature in (3.0, 0.5):
        save_model(str(tmp_path / "model"), *parts, list("abc"), temperature)
    config = json.loads((tmp_path / "model/config.json").read_text("utf-8"))
    assert config["emotion_model"]["temperature"] == 0.5


def test_the_revision_of_an_encoder_is_known(tmp_path, monkeypatch):
    """So that an export can name it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    revision = "0123456789" * 4
    cached = tmp_path / "cache/models--some--encoder"
    make_random_encoder(cached / "snapshots" / revision, seed=0)
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text(revision)
    encoder, pool, head = make_parts(tmp_path)
    named = Encoder("some/encoder", save_path=str(tmp_path / "cache"))
    run = tmp_path / "run"
    save_model(str(run / "model"), named, pool, head, list("abc"), 1.0)
    config = json.loads((run / "model/config.json").read_text("utf-8"))
    assert config["emotion_model"]["encoder"]["revision"] == revision
    (run / "metrics.json").write_text("{}", "utf-8")
    wav = np.random.default_rng(0).normal(0, 0.1, 16000)
    assert load_model(run).predict(wav, 16000).emotion in list("abc")


def test_threads_do_not_disturb_each_other(model):
    """Two at once, of different lengths, get what each gets alone."""
    noise = np.random.default_rng(0).normal(0, 0.1, 48000).astype(np.float32)
    batches = [[noise], [noise[:20000], noise[:4000]]]
    alone = [model.classify(batch) for batch in batches]

    def repeat(number):
        """Classifies one of the batches again and again."""
        return [model.classify(batches[number]) for _ in range(30)]

    with ThreadPoolExecutor(max_workers=2) as pool:
        for expected, found in zip(alone, pool.map(repeat, (0, 1))):
            assert np.abs(np.array(found) - expected).max() < 1e-5


def test_another_encoder_is_refused(tmp_path):
    """A model answers with the encoder that it was trained with, or not."""
    run = tmp_path / "run"
    save_model(str(run / "model"), *make_parts(tmp_path), list("abc"), 1.0)
    (run / "metrics.json").write_text("{}", "utf-8")
    load_model(run)
    shutil.rmtree(tmp_path / "encoder")
    make_random_encoder(tmp_path / "encoder", seed=1)
    with pytest.raises(RecipeError, match="is not the one that the model"):
        load_model(run)


def test_a_run_says_what_it_is_fit_for(model):
    """In a line."""
    assert model.about.startswith("RAVDESS (English), 8 emotions: UAR ")
    assert "\n" not in model.about and "decide nothing" in model.about


@pytest.mark.parametrize("content", ["[]", "{", "\x00", "[" * 10**5])
def test_a_damaged_run_is_a_sentence(small_run, tmp_path, content):
    """Also if it is only what the run says of itself."""
    shutil.copytree(small_run / "model", tmp_path / "model")
    (tmp_path / "metrics.json").write_text(content, "utf-8")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize("source", ["results/x/y", "a b/c d", "nobody"])
def test_no_model_is_a_sentence(source):
    """With what a model can be."""
    with pytest.raises(RecipeError, match="there is no model in"):
        load_model(source)


def test_a_name_of_the_hub_is_looked_up(monkeypatch):
    """And without a network, that is said."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RecipeError, match="could not be downloaded"):
        load_model("somebody/emotions")


def test_the_ready_model_needs_no_option():
    """It is there before anything is trained."""
    model = load_model()
    assert "CREMA-D" in model.about and len(model.classes) == 6
    assert Path(model.card).is_file()


# Of the synthetic clip below, by the model that ships
ANSWER = {
    "anger": 0.9431,
    "disgust": 0.0125,
    "fear": 0.0079,
    "happy": 0.0180,
    "neutral": 0.0139,
    "sad": 0.0047,
}


def test_the_ready_model_is_the_one_that_was_measured():
    """Its answer to a synthetic clip is the one that it had then."""
    wav = synthesise(SPEAKERS[0], "angry", 2, 1, 1, seed=0)
    found = load_model().predict(wav, 16000).probabilities
    assert found == pytest.approx(ANSWER, abs=1e-3)


def test_the_ready_model_hears_unheard_actors(ser_data):
    """More of the emotions of two test actors than chance, 1 in 6, would."""
    folder = ser_data / "crema_d"
    paths = [p for p in folder.rglob("*") if p.name[:4] in ("1001", "1002")]
    names = dict(ANG="anger", DIS="disgust", FEA="fear")
    names |= dict(HAP="happy", NEU="neutral", SAD="sad")
    answers = load_model().predict(paths)
    right = [names[p.name[9:12]] == a.emotion for p, a in zip(paths, answers)]
    assert len(right) > 100 and np.mean(right) > 0.45


def test_help_and_types_come_without_pytorch():
    """Programs that only look do not wait for it."""
    code = (
        "import sys, json, ser.inference; "
        "print(json.dumps([m for m in sys.modules if '.' not in m]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    heavy = {"torch", "transformers", "speechbrain", "pandas", "scipy"}
    assert not heavy & set(json.loads(done.stdout))
