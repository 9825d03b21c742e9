"""What a run writes and prints, and its page."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from data_prep.corpora import Corpora
from data_prep.prepare import prepare
from encoders import built_in_encoder
from encoders.random_encoder import make_random_encoder
from ser.encoder import Encoder
from ser.head import LayerWeights
from ser.history import TrainingHistory
from ser.metrics import compute_metrics
from ser.report.pages import write_report
from ser.report.run import RunReport, read_metrics
from ser.report.summary import read_predictions

HISTORY = [
    {"epoch": 1, "train_loss": 2.0, "valid_loss": 2.1, "valid_uar": 0.2},
    {"epoch": 2, "train_loss": 1.0, "valid_loss": 1.5, "valid_uar": 0.6},
    {"epoch": 3, "train_loss": 0.8, "valid_loss": 1.7, "valid_uar": 0.5},
]
NOTICE = "labels of 1 of the test speakers"


@pytest.fixture(scope="module")
def corpora(small_corpus):
    """The small corpus, as a run has it."""
    return Corpora("ravdess", str(small_corpus), "own", "", "", "", "")


@pytest.fixture(scope="module")
def manifests(corpora, tmp_path_factory):
    """The manifests of its first fold, speaker 01 tested."""
    folder = tmp_path_factory.mktemp("manifests")
    prepare(
        corpora,
        save_folder=folder,
        protocol="loso",
        fold=1,
        num_folds=5,
        text_independent=False,
        valid_ratio=0.2,
        min_duration=0.1,
        audio_index=folder / "index.sqlite",
    )
    return folder


@pytest.fixture(scope="module")
def built_in():
    """The encoder that ships."""
    return Encoder(built_in_encoder(), save_path="", freeze=True)


@pytest.fixture
def make_report(corpora, manifests, built_in, tmp_path):
    """Makes the report of a run in a folder of its own."""

    def make(encoder=built_in, layers="weighted"):
        history = TrainingHistory(
            str(tmp_path / "train_log.txt"), str(tmp_path / "events")
        )
        for stats in HISTORY:
            epoch, loss, valid_loss, uar = stats.values()
            history.log_stats(
                {"epoch": epoch},
                {"loss": loss},
                {"loss": valid_loss, "uar": uar},
            )
        return RunReport(
            output_folder=tmp_path / "out",
            manifest_folder=manifests,
            annotations=[
                manifests / f"{name}.csv" for name in ("train", "valid", "test")
            ],
            corpora=corpora,
            encoder=encoder,
            pooling="mean_std",
            layers=layers,
            layer_weights=LayerWeights(layers, encoder.num_layers),
            num_heads=1,
            refit=False,
            fold=1,
            seed=3,
            train_logger=history,
        )

    return make


@pytest.fixture
def predictions(corpora, manifests):
    """Predictions of the test set, as the Brain makes them: calm is never
    predicted, all else is right."""
    test = pd.read_csv(manifests / "test.csv", dtype=str)
    classes = list(corpora.classes)
    table = pd.DataFrame({"ID": test["ID"], "spk_id": test["spk_id"]})
    table["truth"] = test["emotion"]
    table["prediction"] = test["emotion"].replace("calm", "neutral")
    rest = 0.3 / (len(classes) - 1)
    table[classes] = np.float32(
        [
            [0.7 if name == found else rest for name in classes]
            for found in table["prediction"]
        ]
    )
    return table


def test_a_run_is_written(make_report, predictions, capsys, tmp_path):
    """Everything is in its folder, and the lines name it."""
    report = make_report()
    assert not report.is_written()
    report.print_results("hparams/train.yaml")
    assert capsys.readouterr().out == ""
    before = predictions.copy()
    report.write(predictions, best_epoch=2, temperature=1.5)
    assert report.is_written()
    assert predictions.equals(before)

    table = read_predictions(tmp_path / "out")
    assert list(table) == [*before, "protocol"]
    assert (table["prediction"] == before["prediction"]).all()
    assert table["protocol"].str.startswith("loso").all()
    metrics = read_metrics(tmp_path / "out")
    assert metrics["uar"] == 7 / 8 and metrics["n"] == 16
    assert metrics["best_epoch"] == 2
    assert (metrics["corpus"], metrics["seed"]) == ("ravdess", 3)
    assert metrics["test_speakers_in_encoder_training"] == 0
    # 0.7 for the chosen class, of which 7 in 8 were right
    assert metrics["temperature"] == 1.5
    assert metrics["ece"] == pytest.approx(7 / 8 - 0.7, abs=1e-6)
    odds = (0.7 / (0.3 / 7)) ** 1.5  # before the temperature
    assert metrics["ece_uncalibrated"] == pytest.approx(
        abs(7 / 8 - odds / (odds + 7)), abs=1e-6
    )
    brier = 7 / 8 * 0.3**2 + (0.7**2 + (1 - 0.3 / 7) ** 2) / 8
    brier += (7 * 7 + 6) / 8 * (0.3 / 7) ** 2  # of all classes but these
    assert metrics["brier"] == pytest.approx(brier, rel=1e-6)
    nll = -(7 * np.log(0.7) + np.log(0.3 / 7)) / 8
    assert metrics["nll"] == pytest.approx(nll, rel=1e-6)
    assert metrics["about"].startswith("RAVDESS (Eng")
    log = (tmp_path / "train_log.txt").read_text("utf-8")
    assert "best epoch: 2, protocol: loso" in log and "test uar: 8.75" in log

    page = (tmp_path / "out/report.html").read_text("utf-8")
    for words in ("train 03 04", "valid 02", "test 01", "; fold 1"):
        assert words in page
    assert "A temperature of 1.50, fitted on the validation clips" in page
    assert f"to {brier:.3f}; each is 0 at best" in page
    assert "Learned layer weights" in page
    assert 'role="note"' not in page  # nothing must be read with the score
    # Made again in another process, it prints the same.
    make_report().print_results("hparams/train.yaml")
    printed = capsys.readouterr().out
    assert re.search(r"^Test UAR 87\.5 % \(95 % interval \d", printed, re.M)
    assert "16 clips, chance 12.5 %\nProtocol: loso" in printed
    assert f"Report: {tmp_path / 'out/report.html'}" in printed
    assert f"python predict.py my.wav --model {tmp_path / 'out'}" in printed
    assert "The built-in encoder is small" in printed
    assert "a corpus of your own" not in printed  # ravdess is one


def test_a_run_of_a_cross_validation_has_no_page(
    make_report, predictions, capsys, tmp_path
):
    """Nor intervals, which take longer than to train a head."""
    report = make_report()
    report.with_page = False
    report.write(predictions, best_epoch=2, temperature=1.5)
    assert not (tmp_path / "out/report.html").exists()
    assert "uar_ci95" not in read_metrics(tmp_path / "out")
    report.print_results("hparams/train.yaml")
    printed = capsys.readouterr().out
    assert "Test UAR 87.5 %; 16 clips" in printed
    assert "part of a cross-validation" in printed
    assert "Report:" not in printed


def test_leakage_is_reported_everywhere(
    make_report, predictions, capsys, tmp_path
):
    """Test speakers that the encoder was trained on are counted, and named in
    the page, the lines and the facts."""
    folder = shutil.copytree(built_in_encoder(), tmp_path / "encoder")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["training_speakers"] = ["ravdess-01", "ravdess-02", "crema_d-1001"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    report = make_report(Encoder(str(folder), save_path="", freeze=True))
    report.write(predictions, best_epoch=2, temperature=1.5)
    metrics = read_metrics(tmp_path / "out")
    assert metrics["test_speakers_in_encoder_training"] == 1
    report.print_results("hparams/train.yaml")
    assert NOTICE in capsys.readouterr().out
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert NOTICE in page[: page.index("<h1>")]
    assert NOTICE in report.facts(1)["Notice"]
    assert "Notice" not in report.facts()
    assert report.facts()["Encoder"] == (
        "encoder (trained with some of the validation speakers)"
    )


def test_a_random_encoder_is_reported(make_report, predictions, tmp_path):
    """Where the encoder is named; "last" has no layer weights to show."""
    folder = make_random_encoder(tmp_path / "random", seed=0)
    encoder = Encoder(folder, save_path="", freeze=True)
    report = make_report(encoder, layers="last")
    report.write(predictions, best_epoch=2, temperature=1.5)
    assert report.facts()["Encoder"] == "random (random weights)"
    assert read_metrics(tmp_path / "out")["encoder_is_random"]
    page = (tmp_path / "out/report.html").read_text("utf-8")
    assert "random (random weights)" in page
    assert "random weights: it was never trained" in page
    assert "random weights" in read_metrics(tmp_path / "out")["about"]
    assert "Learned layer weights" not in page


def test_metrics_are_written_last(make_report, predictions, tmp_path):
    """A run whose page cannot be written has not ended, and resumes."""
    (tmp_path / "out/report.html").mkdir(parents=True)
    report = make_report()
    with pytest.raises(OSError):
        report.write(predictions, best_epoch=2, temperature=1.5)
    assert not report.is_written()
    (tmp_path / "out/report.html").rmdir()
    report.write(predictions, best_epoch=2, temperature=1.5)
    assert report.is_written()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("predictions.csv", "report.html", "metrics.json")
    }


def score_page(path, classes, truth, prediction):
    """Writes a page of made-up predictions and returns its text."""
    table = pd.DataFrame({"truth": truth, "prediction": prediction})
    table.insert(0, "ID", [f"<clip> {number}" for number in table.index])
    for name in classes:
        table[name] = np.where(table["prediction"] == name, 0.9, 0.1)
    speakers = [f"s{number % 3}" for number in table.index]
    metrics = compute_metrics(table, classes, speakers, 1.5)
    metrics |= {"corpus": "ab", "best_epoch": 2}
    facts = {"Corpus": "A & B", "Protocol": "<loso>"}
    write_report(path, metrics, table, HISTORY, None, facts)
    return path.read_text("utf-8")


def test_page_of_any_names(tmp_path):
    """Names are text, not markup or formulas; a class without clips has no
    recall; the page asks for nothing outside itself."""
    classes = ["$joy$", "<b>", "no_clips"]
    page = score_page(
        tmp_path / "page.html",
        classes,
        ["$joy$", "<b>", "<b>"],
        ["$joy$", "<b>", "$joy$"],
    )
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert "&lt;clip&gt; 2" in page and "&lt;loso&gt;" in page
    assert "<title>Speech emotion recognition: A &amp; B</title>" in page
    assert "Most frequent mistake: &lt;b&gt; taken for $joy$ (1 of 3" in page
    row = page[page.index("no clips</th>") :]
    assert row.index("–") < row.index("</tr>")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)


def test_page_without_mistakes(tmp_path):
    """It says so, and has no table of them."""
    page = score_page(
        tmp_path / "page.html", ["a", "b"], ["a", "b"], ["a", "b"]
    )
    assert "There are no mistakes" in page
    assert "No clip was put into a wrong class" in page


def test_same_input_gives_the_same_page(tmp_path):
    """So that pages can be compared."""
    pages = [
        score_page(tmp_path / name, ["a", "b"], ["a", "b"], ["a", "a"])
        for name in ("one.html", "two.html")
    ]
    assert pages[0] == pages[1]
