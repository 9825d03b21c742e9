"""Normalising each speaker's embeddings by that speaker's own clips."""

import html
import io
import json
import re
import shutil
import signal
import sys
from types import SimpleNamespace

import export
import numpy as np
import pandas as pd
import predict
import pytest
import soundfile
import torch
import train
from conftest import ROOT, fork_program
from data_prep.demo_synthesis import EMOTIONS, SPEAKERS, synthesise
from ser import load_model
from ser.audio import read_audio
from ser.errors import RecipeError, user_errors
from ser.report.summary import read_predictions
from ser.settings import load_settings, parse_arguments, start_run

SETTINGS = "hparams/train.yaml"
PATTERN = r"([0-9]+)\.wav"  # the end of a name is the speaker
NOTICE = "the unlabelled clips of the test speakers were used"
ENOUGH = 10  # clips of a speaker


@pytest.fixture(scope="module")
def corpus(small_corpus, tmp_path_factory):
    """Sixteen clips of each of four voices, and eight, too few, of a fifth."""
    folder = tmp_path_factory.mktemp("voices") / "corpus"
    shutil.copytree(small_corpus, folder)
    for number, emotion in enumerate(EMOTIONS, start=1):
        wav = synthesise(SPEAKERS[4], emotion, 1, 1, 1, seed=0)
        name = f"03-01-{number:02}-01-01-01-{SPEAKERS[4].id}.wav"
        soundfile.write(folder / name, wav, 16000)
    return folder


@pytest.fixture(scope="module")
def run(corpus, run_train, tmp_path_factory):
    """A run with speaker normalisation that tests the voices 01 and 04, each
    epoch of which is one step, without dropout."""
    root = tmp_path_factory.mktemp("speakers")
    options = {
        **{"corpus": "ravdess", "data_folder": str(corpus)},
        **{"cache_folder": str(root / "cache"), "normalise": "speaker"},
        **{"protocol": "kfold", "num_folds": 2, "number_of_epochs": 2},
        **{"batch_size": 64, "dropout": 0.0, "num_heads": 2},
    }
    folder = root / "out/fold2/1"
    own = {"fold": 2, "seed": 1, "output_folder": str(folder)}
    done = run_train(SETTINGS, *words(options | own))
    assert done.returncode == 0, done.stderr
    known = {"corpus": corpus, "options": options, "stdout": done.stdout}
    return SimpleNamespace(folder=folder, root=root / "out", **known)


@pytest.fixture(scope="module")
def summed(run):
    """A cross-validation, whose second fold is the run: what it printed."""
    options = run.options | {"output_folder": str(run.root)}
    done = start("crossval.py", SETTINGS, "--seeds", 1, *words(options))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def embeddings(run):
    """The embedding [layer + 1, channel] of each clip, by its ID."""
    hparams = load_settings(ROOT / SETTINGS, run.options)
    encoder, pool, found = hparams["wav2vec2"].eval(), hparams["pool"], {}
    with torch.no_grad():
        for path in run.corpus.glob("*.wav"):
            wav = read_audio(str(path))
            found[path.stem] = pool(*encoder(wav[None], torch.ones(1)))[0]
    return found


@pytest.fixture(scope="module")
def alone(run):
    """What the model says without speakers: its probabilities, by ID."""
    paths = sorted(run.corpus.glob("*.wav"))
    return of_predictions(paths, load_model(run.folder).predict(paths))


@pytest.fixture
def call(run, monkeypatch, capsys):
    """Calls main of predict.py or export.py: its status and what it prints."""

    def main(*args, program=predict):
        argv = [program.__name__, *map(str, args)]
        if program is predict and "--model" not in argv:
            argv += ["--model", str(run.folder)]
        monkeypatch.setattr(sys, "argv", argv)
        handler = signal.getsignal(signal.SIGINT)
        with pytest.raises(SystemExit) as ended, user_errors():
            program.main()
            sys.exit(0)
        signal.signal(signal.SIGINT, handler)
        return ended.value.code, *capsys.readouterr()

    return main


def words(options):
    """Writes options as on a command line."""
    return [f"--{name}={value}" for name, value in options.items()]


def start(script, *args):
    """Runs a script in a process of its own."""
    return fork_program(ROOT / script, *args)


def of_predictions(paths, predictions):
    """Makes a table of probabilities, by ID."""
    rows = {p.stem: row.probabilities for p, row in zip(paths, predictions)}
    return pd.DataFrame(rows).T


def read_rows(text):
    """Reads probabilities from what predict.py prints, by ID."""
    table = pd.read_csv(io.StringIO(text))
    table.index = table["path"].str.extract(r"([^/\\]+)\.wav$")[0].tolist()
    return table[list(EMOTIONS)]


def read_tested(folder):
    """Reads the probabilities of the test set of a run, by ID."""
    return read_predictions(folder).set_index("ID")[list(EMOTIONS)]


def read_manifests(folder, *names):
    """Reads manifests of a run."""
    paths = [folder / f"manifests/{name}.csv" for name in names]
    return pd.concat([pd.read_csv(p, dtype=str) for p in paths])


def z_scores(clips, seen, embeddings):
    """Gives each speaker's embeddings zero mean and unit variance over that
    speaker's clips, or over those that were seen in training."""
    found = {}
    for _, group in clips.groupby("spk_id"):
        of = group if len(group) >= ENOUGH else seen
        of = torch.stack([embeddings[clip] for clip in of["ID"]])
        mean, std = of.mean(dim=0), of.std(dim=0, unbiased=False)
        found |= {c: (embeddings[c] - mean) / std for c in group["ID"]}
    return torch.stack([found[clip] for clip in clips["ID"]])


@torch.no_grad()
def answer(folder, clips, embeddings):
    """Computes probabilities from normalised embeddings and what follows them
    in the head of a run."""
    model = load_model(folder).network.model
    seen = read_manifests(folder, "train", "valid")
    logits = model.head[1:](z_scores(clips, seen, embeddings))
    shares = (logits / model.temperature).softmax(dim=-1)
    return pd.DataFrame(shares, clips["ID"], model.classes)


def assert_close(found, expected):
    """The same clips have the same probabilities."""
    found = found.loc[expected.index, expected.columns]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_notice_is_wherever_the_score_is(run, summed):
    """Of a run and of a cross-validation: printed, on the pages, in the facts
    and in the line about the model, with how many clips had no statistics."""
    metrics = json.loads((run.folder / "metrics.json").read_text("utf-8"))
    summary = json.loads((run.root / "summary.json").read_text("utf-8"))
    pages = [run.folder / "report.html", *run.root.glob("summary.[hm]*")]
    page, *pages = [html.unescape(p.read_text("utf-8")) for p in pages]
    assert len(pages) == 2
    for facts, number, texts in (
        (metrics["facts"], 0, [run.stdout, page, metrics["about"]]),
        (summary["facts"], 8, [summed, *pages]),
    ):
        for text in (facts["Notice"], *texts):
            assert NOTICE in text
            assert f"({number} of the test clips)" in text
        assert ", speaker normalisation" in facts["Training"]
    assert "--speaker_column speaker --model" in run.stdout


@pytest.mark.parametrize("fold, few", [(1, 8), (2, 0)])
def test_test_clips_are_normalised_by_their_speakers(
    fold, few, run, summed, embeddings
):
    """The answers are those of the head on z-scores of each speaker of the
    test set; of one with too few clips, by the statistics of training."""
    folder = run.root / f"fold{fold}/1"
    clips = read_manifests(folder, "test")
    counts = clips["spk_id"].value_counts()
    assert (counts >= ENOUGH).sum() == 2
    assert counts[counts < ENOUGH].sum() == few
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["test_clips_not_normalised"] == few
    assert_close(read_tested(folder), answer(folder, clips, embeddings))


@pytest.mark.parametrize(
    "phase, names",
    [("epoch", ["train"]), ("refit epoch", ["train", "valid"])],
)
def test_training_clips_are_normalised_by_their_speakers(
    phase, names, run, embeddings
):
    """The first loss that is logged is that of the heads as they were made,
    on such z-scores."""
    clips = read_manifests(run.folder, *names)
    assert set(clips["spk_id"].value_counts()) == {8, 16}
    hparams = load_settings(ROOT / SETTINGS, run.options | {"seed": 1})
    logits = hparams["head"].train()[1:](z_scores(clips, clips, embeddings))
    target = torch.tensor([hparams["classes"].index(e) for e in clips.emotion])
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), target.repeat(2), label_smoothing=0.1
    )
    log = (run.folder / "train_log.txt").read_text("utf-8")
    logged = re.search(rf"^{phase}: 1, .*train loss: (\S+)", log, re.MULTILINE)
    assert float(logged[1]) == pytest.approx(loss.item(), abs=2e-4)


def test_speakers_in_paths(run, call, alone):
    """Give the answers of the run's test; without there are others."""
    args = [run.corpus, "--model", run.folder, "--speaker_pattern", PATTERN]
    done = start("predict.py", *args)
    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stderr
    assert "5 speakers were found; for 8 of 72 clips" in done.stderr
    assert "no speakers were given" not in done.stderr
    rows, tested = read_rows(done.stdout), read_tested(run.folder)
    assert len(rows) == 72 and len(tested) == 32
    assert_close(rows, tested)
    assert_close(rows, alone.filter(regex="-05$", axis="index"))

    _, printed, messages = call(run.corpus)
    assert "no speakers were given: the answers are then as for" in messages
    assert "speakers were found" not in messages
    assert_close(read_rows(printed), alone)
    others = (alone.loc[tested.index] - tested).abs().max(axis=1)
    assert (others > 1e-3).all()


@pytest.mark.parametrize(
    "ending, name, number",
    [("csv", "an, na", ENOUGH), ("csv", "01", ENOUGH - 1), ("parquet", "", 16)],
)
def test_speakers_in_a_table(
    ending, name, number, run, call, alone, embeddings, tmp_path
):
    """In any order, in a column whose capitals do not matter: who has few
    clips or no name is answered as without, next to one who is normalised."""
    clips = read_manifests(run.folder, "test").sample(frac=1, random_state=0)
    first = clips[clips["spk_id"] == "01"].iloc[:number]
    rest = clips[clips["spk_id"] == "04"]
    both = pd.concat([rest.iloc[:8], first.assign(spk_id=name), rest.iloc[8:]])
    files = [str(run.corpus / f"{clip}.wav") for clip in both["ID"]]
    table = pd.DataFrame({"file": files, "Speaker": list(both["spk_id"])})
    path = tmp_path / f"table.{ending}"
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    else:
        table.to_csv(path, sep=";", index=False)
    status, printed, messages = call(path, "--speaker_column", "speakeR")
    known, few = 1 + bool(name), 0 if number == ENOUGH else number
    said = f"{known} speakers were found; for {few} of {number + 16} clips"
    assert status == 0 and said in messages
    rows = read_rows(printed)
    assert list(rows.index) == list(both["ID"])
    assert_close(rows, read_tested(run.folder).loc[rest["ID"]])
    own = answer(run.folder, first, embeddings)
    assert_close(rows, own if number == ENOUGH else alone.loc[first["ID"]])


@pytest.mark.parametrize(
    "options, message",
    [
        ("--speaker_pattern ([0-9])([0-9])", "(it has 2 groups)"),
        ("--speaker_pattern ([0-9]+", "--speaker_pattern is '([0-9]+' ("),
        ("--speaker_pattern (nobody)", "no speaker was found by '(nobody)'"),
        ("--speaker_column who", "table.csv has no column 'who'"),
        ("--speaker_column note", "no speaker was found by 'note'"),
        ("--speaker_column speaker --model models/crema_d", "was not trained"),
    ],
)
def test_speakers_that_are_none(options, message, run, call, tmp_path):
    """End in a sentence, as do those of a model without normalisation."""
    clip = next(run.corpus.glob("*.wav"))
    table = tmp_path / "table.csv"
    table.write_text(f"path,speaker,note\n{clip},01,\n", encoding="utf-8")
    status, printed, _ = call(table, *options.split())
    assert message in status and printed == ""
    assert status.startswith("error: ") and "\n" not in status


def test_an_error_is_all_that_is_printed(run):
    """With exit status 1."""
    done = start("predict.py", run.corpus, "--speaker_pattern", "[0-9]+")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: --speaker_pattern is '[0-9]+' (it ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["window", "bulk", "speaker_column"])
def test_speakers_are_of_clips(option, run, call):
    """Not of windows or bulk jobs, and named in one way: status 2."""
    args = run.corpus, "--speaker_pattern", PATTERN, f"--{option}", 1
    status, _, messages = call(*args)
    assert status == 2
    assert "--speaker_column and --speaker_pattern go with" in messages


@pytest.mark.parametrize(
    "options, message",
    [
        ("train.yaml --normalise=voice", "is 'voice': expected none or"),
        ("train.yaml --pooling=attention", "is speaker, which takes"),
        ("train.yaml --encode_once=False", "is speaker, which takes"),
        ("finetune.yaml", "is speaker, which takes the stored embeddings"),
    ],
)
def test_training_refuses_it(options, message, corpus, tmp_path):
    """What encodes clips in each epoch, and other words, before encoding."""
    args = {"normalise": "speaker", "corpus": "ravdess", "data_folder": corpus}
    args |= {"cache_folder": tmp_path, "output_folder": tmp_path / "out"}
    args = words(args) + f"hparams/{options}".split()
    with pytest.raises(SystemExit) as ended, user_errors():
        file, run_opts, overrides = parse_arguments(args)
        train.run(start_run(file, overrides), run_opts)
    assert ended.value.code.startswith(f"error: normalise {message}")
    assert not (tmp_path / "embeddings.sqlite").exists()


def test_an_export_answers_as_the_run_does(run, call, alone, tmp_path):
    """Its card has the notice, and says why others cannot load it."""
    folder = tmp_path / "exported"
    assert call(run.folder, folder, program=export)[0] == 0
    assert not list(folder.glob("*.py")) + list(folder.glob("*.yaml"))
    card = (folder / "README.md").read_text("utf-8")
    assert NOTICE in card and "(0 of the test clips)" in card
    assert "model.predict(files, speakers=names)" in card
    assert card.count("Not possible: it takes all clips of a speaker") == 2
    assert "foreign_class" not in card and "pipeline(" not in card
    where = run.corpus, "--model", folder
    status, printed, messages = call(*where, "--speaker_pattern", PATTERN)
    assert status == 0 and NOTICE in messages
    assert_close(read_rows(printed), read_tested(run.folder))
    assert_close(read_rows(call(*where)[1]), alone)

    onnx = tmp_path / "onnx"  # holds no such model
    status, *_ = call(run.folder, onnx, "--onnx", program=export)
    assert status.startswith(f"error: the model in '{run.folder}' was trained ")
    assert status.endswith("leave --onnx out.") and not onnx.exists()


def test_from_python(run, alone):
    """In any order; nine waveforms and one of silence are too few clips."""
    model, clips = load_model(run.folder), read_manifests(run.folder, "test")
    for seed in (1, 2):
        clips = clips.sample(frac=1, random_state=seed)
        paths = [run.corpus / f"{clip}.wav" for clip in clips["ID"]]
        found = model.predict(paths, speakers=list(clips["spk_id"]))
        assert [p.path for p in found] == list(map(str, paths))
        assert_close(of_predictions(paths, found), read_tested(run.folder))
    paths = paths[: ENOUGH - 1]
    wavs = [np.zeros(16000), *(soundfile.read(path)[0] for path in paths)]
    silent, *few = model.predict(wavs, 16000, speakers=["01"] * ENOUGH)
    one = model.predict(paths[0], speakers="01")
    assert (silent.emotion, silent.note) == (None, "silence")
    assert_close(alone, of_predictions(paths, few))
    assert_close(alone, of_predictions(paths[:1], [one]))
    with pytest.raises(RecipeError, match="9 clips were given 8 speakers"):
        model.predict(paths, speakers=["01"] * 8)


def test_none_is_the_default(corpus):
    """An answer of the model that ships does not depend on other clips."""
    model, paths = load_model(), sorted(corpus.glob("*.wav"))
    together = of_predictions(paths, model.predict(paths))
    for path in paths[::9]:
        found = of_predictions([path], [model.predict(path)])
        assert_close(found, together.loc[[path.stem]])
