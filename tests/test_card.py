"""The card of an exported model, as the hub and a reader see it."""

import json
import re

import pytest
from huggingface_hub import ModelCard
from sharing.card import write_card
from sharing.folder import read_run


@pytest.fixture
def metrics(small_run):
    """What the small run measured, to be changed."""
    return read_run(small_run)


@pytest.fixture
def make_card(small_run, tmp_path):
    """Writes the card of a folder; returns it, read by the hub's library."""

    def make(metrics, misfit="", files=(), **changes):
        config = json.loads((small_run / "model/config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | changes))
        for name in files:
            (tmp_path / name).touch()
        write_card(tmp_path, metrics, "someone/emotions", misfit)
        return ModelCard.load(tmp_path / "README.md")

    return make


def rows(text, heading):
    """Splits the first table below a heading into its cells, without the line
    that aligns them."""
    table = text.split(f"# {heading}\n", 1)[1].split("|", 1)[1]
    lines = f"|{table}".split("\n\n", 1)[0].splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [
        [cell.strip() for cell in row] for row in cells if "---" not in row[0]
    ]


def test_the_hub_finds_its_metadata(make_card, metrics):
    """They are those that the hub filters by, and the scores are the run's."""
    data = make_card(metrics).data
    assert data.library_name == "speechbrain"
    assert data.pipeline_tag == "audio-classification"
    assert data.language == ["en"]
    assert data.license == "cc-by-nc-sa-4.0"
    assert data.get("base_model") is None
    assert data.model_name == "emotions"
    results = {result.metric_name: result for result in data.eval_results}
    assert results.keys() == {"UAR", "WA", "Macro-F1"}
    assert results["UAR"].metric_value == round(metrics["uar"], 4)
    assert results["WA"].metric_type == "accuracy"
    assert results["Macro-F1"].metric_args == {"average": "macro"}
    for result in results.values():
        assert result.task_type == "audio-classification"
        assert result.dataset_name == "RAVDESS"
        assert result.dataset_config == f"{metrics['protocol']}; fold 1"


@pytest.mark.parametrize(
    "licence, expected",
    [
        ("CREMA-D: Open Database License 1.0", "odbl"),
        ("SUBESCO: CC BY 4.0", "cc-by-4.0"),
        ("demo: Apache-2.0, as this repository", "apache-2.0"),
        ("URDU: not stated", "unknown"),
        (None, "unknown"),
        ("CaFE: CC BY-NC-SA 4.0; nEMO: CC BY-NC-SA 4.0", "cc-by-nc-sa-4.0"),
        (
            "EMO-DB: free for research, on request",
            "free-for-research-on-request",
        ),
        ("A: CC0 1.0; B: GPL-3.0", "a-cc0-1.0-b-gpl-3.0"),
    ],
)
def test_licences_are_the_hub_s(make_card, metrics, licence, expected):
    """A licence that the hub does not know, or several, is called other."""
    metrics["facts"]["Licence"] = licence
    if licence is None:
        del metrics["facts"]["Licence"]
    data = make_card(metrics).data
    other = data.license == "other"
    assert (data.license_name if other else data.license) == expected
    assert other == expected.startswith(("free", "a-"))


@pytest.mark.parametrize(
    "language, codes",
    [
        ("German", ["de"]),
        ("English and Mandarin", ["en", "zh"]),
        ("English; Bangla", ["en", "bn"]),
        ("none", None),
        ("Klingon", None),
    ],
)
def test_languages_are_codes(make_card, metrics, language, codes):
    """They are ISO 639-1, and what is none is left out."""
    metrics["facts"]["Language"] = language
    assert make_card(metrics).data.language == codes


def test_an_encoder_of_the_hub_is_the_base_model(make_card, metrics):
    """The hub links the two."""
    metrics["facts"]["Encoder"] = "facebook/wav2vec2-base"
    assert make_card(metrics).data.base_model == "facebook/wav2vec2-base"


def test_scores_are_the_run_s(make_card, metrics):
    """The tables hold what was measured, and what it was measured on."""
    text = make_card(metrics).text
    uar, *_ = rows(text, "Results")[1:]
    low, high = (f"{100 * end:.1f}" for end in metrics["uar_ci95"])
    assert uar == ["UAR", f"{100 * metrics['uar']:.1f} %", f"{low} to {high}"]
    assert metrics["ci_resamples"] in text
    confusion = rows(text, "Confusion matrix")
    assert confusion[0] == ["", *metrics["classes"]]
    assert [[int(n) for n in row[1:]] for row in confusion[1:]] == (
        metrics["confusion"]
    )
    classes = rows(text, "Scores per emotion")[1:]
    assert [row[0] for row in classes] == metrics["classes"]
    assert [int(row[-1]) for row in classes] == [2] * 8
    ece, nll, brier = rows(text, "Calibration")[1:]
    assert nll[1:] == [
        f"{metrics['nll_uncalibrated']:.3f}",
        f"{metrics['nll']:.3f}",
    ]
    assert brier[2] == f"{metrics['brier']:.3f}"
    assert ece[2] == f"{100 * metrics['ece']:.1f} %"
    facts = dict(rows(text, "What it was trained on")[1:])
    assert facts["Citation"].startswith("Livingstone")
    assert facts["Manifests"] == f"sha256 {metrics['manifest_sha256']}"
    assert facts["Fold, seed"] == "1, 1234"
    assert (
        f"fold 1, seed 1234;\n{metrics['n']} clips of 1 unseen speaker" in text
    )


def test_a_run_of_a_cross_validation_says_so(make_card, metrics):
    """It has no intervals, and none are made up."""
    for name in ("uar_ci95", "wa_ci95", "macro_f1_ci95", "ci_resamples"):
        del metrics[name]
    text = make_card(metrics).text
    assert "one of a cross-validation" in text
    assert [row[2] for row in rows(text, "Results")[1:]] == ["–"] * 3


def test_notices_are_said_with_the_score(make_card, metrics):
    """What must be read with the score is above it."""
    assert "> **" not in make_card(metrics).text
    metrics["shares_speakers"] = True
    metrics["facts"]["Notice"] = "The built-in corpus is synthetic."
    text = make_card(metrics).text.split("## Results")[0]
    assert "> **The built-in corpus is synthetic.**" in text
    assert "1 speaker it" in text  # who is not unseen


def test_names_stay_text(make_card, metrics):
    """What a stranger's corpus is called is neither Markdown, HTML, a column
    nor metadata."""
    evil = "a|b\n---\nlicense: mit\n# <img src=x> [c](d) `e` *f*"
    metrics = json.loads(json.dumps(metrics).replace("neutral", "NEUTRAL"))
    metrics["facts"] |= {"Corpus": evil, "Citation": evil}
    metrics["classes"][0] = evil
    metrics["per_class"][evil] = metrics["per_class"]["NEUTRAL"]
    card = make_card(metrics, misfit=evil)
    assert card.data.license == "cc-by-nc-sa-4.0"
    assert card.data.eval_results[0].dataset_name == " ".join(evil.split())
    shown = re.sub(r"\\.", "", card.text)
    assert not set("<[`") & set(
        shown.split("## How to")[0].split("## Results")[1]
    )
    assert "<img" not in shown
    for heading in ("Confusion matrix", "Scores per emotion"):
        assert len({len(row) for row in rows(card.text, heading)}) == 1


def test_limits_are_named(make_card, metrics):
    """The card says what the model must not be used for."""
    text = make_card(metrics).text.split("## Intended use")[1]
    for use in ("hiring", "surveillance", "medical", "legal", "AI Act"):
        assert use in text


def test_ways_to_load_are_those_that_work(make_card, metrics):
    """Each way is shown if the folder holds what it needs, or why not."""
    text = make_card(metrics, misfit="its head is too deep").text
    assert 'load_model("someone/emotions")' in text
    assert "foreign_class" not in text
    assert "Not possible: its head is too deep." in text
    assert "ONNX" not in text
    assert "crema\\_d\\_small, is not in the folder" in text
    module = "emotion_recogniser_0123456789abcdef.py"
    text = make_card(metrics, files=[module, "model.onnx"]).text
    assert f'pymodule_file="{module}"' in text
    assert "**This runs code of the folder**" in text
    assert 'pipeline("audio-classification", model="someone/emotions")' in text
    assert "one clip at a time" not in text
    assert "With ONNX Runtime" in text
    text = make_card(metrics, feat_extract_norm="group").text
    assert "**Pass one clip at a time**" in text
