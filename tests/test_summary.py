"""What a cross-validation says of folds, speakers, genders and probabilities."""

import json

import numpy as np
import pandas as pd
import pytest
from ser.metrics import compute_calibration
from ser.report.pages import write_summary
from ser.report.summary import print_summary, summarise

CLASSES = ["angry", "happy", "sad"]
FACTS = dict.fromkeys(
    ("Date", "Settings", "Clips", "Protocol", "Encoder", "Versions", "Machine"),
    "",
)


def predict(shares, seeds=(1, 2), clips=30, in_fold=1):
    """Makes the predictions of a cross-validation: of each speaker a share of
    the clips is right, the first of each class."""
    rows = []
    for seed in seeds:
        for speaker, share in enumerate(shares):
            for clip in range(clips):
                truth = clip % len(CLASSES)
                right = clip < round(share * clips)
                prediction = truth if right else (truth + 1) % len(CLASSES)
                sure = np.where(np.arange(3) == prediction, 0.8, 0.1)
                rows.append(
                    (f"s{speaker}_{clip}", f"s{speaker}")
                    + (1 + speaker // in_fold, seed)
                    + (CLASSES[truth], CLASSES[prediction], *sure)
                )
    columns = ["ID", "spk_id", "fold", "seed", "truth", "prediction"]
    return pd.DataFrame(rows, columns=columns + CLASSES)


def genders_of(predictions, words):
    """Gives each speaker a gender: a dict from the IDs."""
    clips = predictions.drop_duplicates("ID")
    number = clips["spk_id"].str[1:].astype(int)
    return dict(zip(clips["ID"], number.map(dict(enumerate(words.split())))))


def write(folder, summary, capsys):
    """Writes and prints a summary; returns the page, the row and the lines,
    each as one line of text."""
    facts = FACTS | {"Corpus": "EMO-DB & more"}
    summary = {"facts": facts, "protocol": "loso"} | summary
    summary = json.loads(json.dumps(summary))
    write_summary(folder, summary)
    print_summary(summary, folder / "summary.html")
    texts = [
        (folder / "summary.html").read_text("utf-8"),
        (folder / "summary.md").read_text("utf-8"),
        capsys.readouterr().out,
    ]
    return [" ".join(text.split()) for text in texts]


def test_the_gap_of_genders(tmp_path, capsys):
    """Women are recognised better than men, by an interval of what five
    speakers each can tell: Welch's, of their scores."""
    female, male = [0.9, 0.8, 1, 0.7, 0.9], [0.5, 0.6, 0.4, 0.7, 0.3]
    predictions = predict(female + male)
    genders = genders_of(predictions, "female " * 5 + "male " * 5)
    summary = summarise(predictions, CLASSES, genders)
    found = summary["gender"]
    assert found["female"] == {
        "uar": pytest.approx(0.86),
        "speakers": 5,
        "n": 150,
    }
    assert found["gap"] == pytest.approx(0.36)
    # Two-sided 95 % quantile of t with the 7.6 degrees of freedom of Welch
    spread = np.sqrt(np.var(female, ddof=1) / 5 + np.var(male, ddof=1) / 5)
    assert found["gap_ci95"] == pytest.approx(
        [0.36 - 2.327 * spread, 0.36 + 2.327 * spread], abs=0.01
    )
    for text in write(tmp_path, summary, capsys):
        assert "UAR 86.0 % of 5 female speakers and 50.0 % of 5 male" in text
        assert "female less male 36.0 points (95 % interval" in text
        assert "UAR of these 10 speakers: quartiles 52.5, 70.0 and 87.5" in text


@pytest.mark.parametrize("words", ["unknown " * 4, "female " * 4])
def test_no_word_of_unknown_genders(words, tmp_path, capsys):
    """Nor of one gender."""
    predictions = predict([0.5] * 4)
    genders = genders_of(predictions, words)
    for given in (genders, {}):
        summary = summarise(predictions, CLASSES, given)
        assert "gender" not in summary
        for text in write(tmp_path, summary, capsys):
            assert "male" not in text


def test_a_lone_speaker_of_a_gender_has_no_interval(tmp_path, capsys):
    """The scores and the gap are told, and why there is none."""
    predictions = predict([0.5, 0.5, 0.8])
    genders = genders_of(predictions, "female female male")
    summary = summarise(predictions, CLASSES, genders)
    assert summary["gender"]["gap"] == pytest.approx(-0.3)
    assert summary["gender"]["gap_ci95"] is None
    for text in write(tmp_path, summary, capsys):
        assert "each gender needs two speakers" in text


def test_genders_with_other_emotions_have_no_gap(tmp_path, capsys):
    """Means of other emotions cannot be compared."""
    predictions = predict([0.5] * 4)
    lacks = predictions["spk_id"].isin(["s2", "s3"])
    predictions = predictions[~lacks | (predictions["truth"] != "sad")]
    genders = genders_of(predictions, "female female male male")
    summary = summarise(predictions, CLASSES, genders)
    assert summary["gender"]["gap"] is None
    for text in write(tmp_path, summary, capsys):
        assert "no gap, as one gender lacks an emotion of the other" in text


def test_the_worst_speaker_has_clips_and_emotions(tmp_path, capsys):
    """19 clips are too few, and 30 of one emotion; the rule is told."""
    predictions = predict([0, 0, 0.7, 0.9])
    few = (predictions["spk_id"] == "s0") & predictions["ID"].isin(
        [f"s0_{clip}" for clip in range(19, 30)]
    )
    alike = (predictions["spk_id"] == "s1") & (predictions["truth"] != "sad")
    predictions = predictions[~few & ~alike]
    summary = summarise(predictions, CLASSES, {})
    assert summary["worst_speaker"]["spk_id"] == "s2"
    assert summary["speaker_spread"]["number"] == 2
    assert summary["speakers"]["s0"] == 0
    for text in write(tmp_path, summary, capsys):
        assert "with at least 20 clips of 2 or more emotions: s2" in text


def test_no_worst_speaker(tmp_path, capsys):
    """If none has enough clips."""
    summary = summarise(predict([0.5] * 4, clips=18), CLASSES, {})
    assert summary["worst_speaker"] is summary["speaker_spread"] is None
    for text in write(tmp_path, summary, capsys):
        assert "No worst speaker is named: none has at least 20 clips" in text


def test_no_mean_of_folds_that_lack_an_emotion(tmp_path, capsys):
    """Their UAR and F1 are means of fewer emotions; the share of clips that
    are right is not."""
    predictions = predict([0.5, 0.5, 0.8, 0.8], in_fold=2)
    lacks = (predictions["fold"] == 2) & (predictions["truth"] == "sad")
    summary = summarise(predictions[~lacks], CLASSES, {})
    for name in ("uar", "macro_f1"):
        assert summary[name]["mean_of_folds"] is None
        assert summary[name]["mean_of_folds_std"] is None
    assert summary["wa"]["mean_of_folds"] == pytest.approx(0.65)
    for text in write(tmp_path, summary, capsys):
        assert "every emotion (1 of 2; fold 2 lacks sad)" in text
    assert "| – / 65.0 ± 0.0 / – |" in write(tmp_path, summary, capsys)[1]
    whole = summarise(predictions, CLASSES, {})
    assert whole["mean_of_folds_reason"] is None
    assert whole["uar"]["mean_of_folds"] == pytest.approx(0.65)


def test_calibration_is_that_of_all_folds(tmp_path, capsys):
    """The mean over the seeds, pooled."""
    shares = [0.9, 0.5, 0.6, 0.4]
    predictions = predict(shares)
    sad = predictions["seed"] == 2
    predictions.loc[sad, CLASSES] = [0.2, 0.2, 0.6]
    found = summarise(predictions, CLASSES, {})["calibration"]
    numbers = predictions["truth"].map(CLASSES.index)
    seeds = [
        compute_calibration(
            clips[CLASSES].to_numpy(), numbers[clips.index].to_numpy()
        )
        for _, clips in predictions.groupby("seed")
    ]
    for name in ("ece", "nll", "brier"):
        values = [seed[name] for seed in seeds]
        assert found[name] == pytest.approx(np.mean(values))
        assert found[f"{name}_std"] == pytest.approx(np.std(values, ddof=1))
    page = write(tmp_path, summarise(predictions, CLASSES, {}), capsys)[0]
    assert f"{found['brier']:.3f} ± {found['brier_std']:.3f}" in page


def test_one_seed_has_no_spread(tmp_path, capsys):
    """Nothing is explained that is not there, and one is one."""
    page, row, printed = write(
        tmp_path, summarise(predict([0.5] * 4, [1]), CLASSES, {}), capsys
    )
    assert "4 folds, 1 seed<" in page
    for text in (page, row, printed):
        assert "±" not in text
    page = write(tmp_path, summarise(predict([0.5] * 4), CLASSES, {}), capsys)[
        0
    ]
    assert "4 folds, 2 seeds<" in page
    assert "± is the standard deviation over the seeds (1, 2)" in page
    assert "<title>Cross-validation: EMO-DB &amp; more</title>" in page
