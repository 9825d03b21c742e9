"""Scores of predictions that any system made, their tables, and mistakes."""

import html
import itertools
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import score
import test_score_formats as emo
from conftest import ROOT, fork_program
from scoring.ranking import holm, rank
from ser.errors import RecipeError, user_errors
from ser.report.summary import summarise
from sklearn.metrics import balanced_accuracy_score
from test_score_formats import PLAIN, expect, hold, put_clips, write
from trees import ACTORS, put_all_emotions

FOUR = ["angry", "happy", "neutral", "sad"]
OF_EMODB = dict(zip(("anger", "happiness", "neutral", "sadness"), FOUR))
OF_RAVDESS = dict(zip(("05", "03", "01", "04"), FOUR))


def start(folder, corpus, data, *args):
    """Runs score.py in a process of its own, which writes to a folder."""
    command = [ROOT / "score.py", *args, "--corpus", corpus]
    command += ["--data_folder", data, "--out", folder / "out"]
    return fork_program(*command, "--audio_index", folder / "index.sqlite")


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    """A tree of EMO-DB; not to be changed."""
    return put_clips(tmp_path_factory.mktemp("emodb") / "data")


@pytest.fixture(scope="module")
def loso(emodb):
    """The clips, each speaker a fold."""
    return expect("emodb", emodb)


@pytest.fixture
def call(emodb, monkeypatch, capsys, tmp_path):
    """Calls main in this process, on EMO-DB unless told otherwise; returns its
    exit status and what it prints."""

    def main(*args):
        given = {"--corpus": "emodb", "--data_folder": emodb}
        given |= {"--out": tmp_path / "out", "--audio_index": tmp_path / "i"}
        pairs = [p for p in given.items() if p[0] not in args]
        argv = ["score.py", *args, *itertools.chain(*pairs)]
        monkeypatch.setattr(sys, "argv", list(map(str, argv)))
        with pytest.raises(SystemExit) as ended, user_errors():
            score.main()
            sys.exit()
        return ended.value.code, capsys.readouterr().out

    return main


def answer(names, truths, share, seed):
    """Makes a table: of the clips a share is right, the others are guessed."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"file": names, "truth": truths})
    right = rng.random(len(table)) < share
    table["emotion"] = np.where(right, truths, rng.choice(FOUR, len(table)))
    return table


@pytest.fixture(scope="module")
def compared(emodb, tmp_path_factory):
    """Three systems over two corpora: one was trained with two seeds on the
    first, one lacks the second. The tables, what was printed and the folder."""
    folder = tmp_path_factory.mktemp("compared")
    ravdess = put_all_emotions(folder / "ravdess", ACTORS[:6])
    pairs = [(n, OF_EMODB.get(t)) for n, t in zip(emo.NAMES, emo.TRUTHS)]
    first = list(zip(*(pair for pair in pairs if pair[1])))
    pairs = [(p.stem, OF_RAVDESS.get(p.stem[6:8])) for p in ravdess.iterdir()]
    second = list(zip(*(pair for pair in sorted(pairs) if pair[1])))
    tables = {
        ("ours", "emodb"): [answer(*first, 0.9, s) for s in (1, 2)],
        ("ours", "ravdess"): [answer(*second, 0.9, 3)],
        ("<b>theirs", "emodb"): [answer(*first, 0.1, 4)],
        ("<b>theirs", "ravdess"): [answer(*second, 0.2, 5)],
        ("lone", "emodb"): [answer(*first, 0.7, 6)],
    }
    given = []
    for (system, corpus), seeds in tables.items():
        for table in seeds:
            path = folder / f"{len(given)}.csv"
            given.append(f"{system}={write(path, table[['file', 'emotion']])}")
    given += ["--label_set", "common"]
    done = start(folder, "emodb,ravdess", f"{emodb},{ravdess}", *given)
    assert (done.returncode, done.stderr) == (0, "")
    return tables, done.stdout, folder / "out"


def read_rows(text):
    """Reads the rows of the tables in Markdown, without their headings."""
    lines = html.unescape(text).replace("\\|", "/").splitlines()
    rows = [line[1:-1].split("|") for line in lines if line.startswith("| ")]
    rows = [[cell.strip() for cell in row] for row in rows]
    return [row for row in rows if row[0] not in ("system", "corpus", "---")]


def read_scores(out):
    """Reads the scores of each system and corpus, and sees that it has a page."""
    found = {}
    for path in out.glob("*/*/summary.json"):
        summary = json.loads(path.read_text("utf-8"))
        page = path.with_suffix(".html").read_text("utf-8")
        assert "as its authors say" in page
        found[summary["facts"]["System"], path.parts[-3]] = summary
    return found


def test_scores_are_those_of_scikit_learn(compared):
    """Of each system on each corpus, the mean of the seeds."""
    tables, _, out = compared
    scores = read_scores(out)
    assert scores.keys() == tables.keys()
    for key, seeds in tables.items():
        assert scores[key]["n"] == len(seeds[0])
        assert scores[key]["folds"] == (10 if key[1] == "emodb" else 6)
        uar = [balanced_accuracy_score(t["truth"], t["emotion"]) for t in seeds]
        assert scores[key]["uar"]["pooled"] == pytest.approx(np.mean(uar))


def test_table_has_scores_and_ranks(compared):
    """In Markdown, on the terminal and in HTML, where names cannot be code;
    the mean rank is over the corpus that all have."""
    _, printed, out = compared
    text = (out / "scores.md").read_text("utf-8")
    page = (out / "scores.html").read_text("utf-8")
    assert text in printed
    rows = {row[0]: row[1:] for row in read_rows(text)[:3]}
    assert list(rows) == ["ours", "<b>theirs", "lone"]
    assert [row[2] for row in rows.values()] == ["1", "3", "2"]
    ranks = {"emodb": (1, 3, 2), "ravdess": (1, 2)}
    for (system, corpus), scores in read_scores(out).items():
        place = ranks[corpus][list(rows).index(system)]
        share = f"{100 * scores['uar']['pooled']:.1f}"
        ends = (f"{100 * end:.1f}" for end in scores["uar"]["pooled_ci95"])
        ends = " to ".join(ends)
        cell = rows[system][list(ranks).index(corpus)]
        assert re.fullmatch(rf"{share}( ± .*)? \({ends}\), {place}", cell)
        assert ("±" in cell) == (len(scores["seeds"]) > 1)
        assert f"{share}%" in page and ends in page
    assert rows["lone"][1] == "–"
    assert "<b>theirs" not in page and "&lt;b&gt;theirs" in page
    for words in ("loso, leave one speaker out", "6 folds of the 6 speakers"):
        assert words in text and words in page


def test_tests_are_corrected_for_their_number(compared):
    """Four pairs by Holm; the p value of six folds is that of all 64 swaps of
    folds."""
    tables, _, out = compared
    tests = read_rows((out / "scores.md").read_text("utf-8"))[3:]
    pairs = ["ours less <b>theirs", "ours less lone", "<b>theirs less lone"]
    assert [test[1] for test in tests] == [*pairs, pairs[0]]
    ((one,), (two,)) = tables["ours", "ravdess"], tables["<b>theirs", "ravdess"]
    actors = one["file"].str[-2:].astype(int) - 1
    one, two, truth = one["emotion"], two["emotion"], one["truth"]
    differences = []
    for swapped in itertools.product([False, True], repeat=6):
        chosen = actors.map(dict(enumerate(swapped)))
        here = balanced_accuracy_score(truth, one.mask(chosen, two))
        there = balanced_accuracy_score(truth, two.mask(chosen, one))
        differences.append(round(here - there, 10))
    p_value = np.mean(np.abs(differences) >= abs(differences[0]))
    assert float(tests[3][3]) == pytest.approx(p_value, rel=0.01)
    assert tests[3][2].startswith(f"{100 * differences[0]:.1f} (")
    corrected = holm([float(test[3]) for test in tests])
    assert [float(t[4]) for t in tests] == pytest.approx(corrected, rel=0.02)


def test_holm_and_ranks():
    """As by hand; equal systems share a rank."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1, 1] and holm([]) == []
    uars = {"x": [0.5, 0.5, 0.7, 0.2], "y": [0.1, 0.3, 0.2, np.nan]}
    ranks, mean = rank(pd.DataFrame(uars))
    assert ranks["x"].tolist() == [2, 2, 1, 4]
    assert ranks["y"].tolist()[:3] == [3, 1, 2] and np.isnan(ranks["y"][3])
    assert mean.tolist() == [2, 2, 1, 4]  # over x, which all have
    lone = pd.DataFrame({"x": [0.5, np.nan], "y": [np.nan, 0.5]})
    assert rank(lone)[1].isna().all()


def test_ranks_of_equal_scores_that_are_rounded():
    """0.1 + 0.2 + 0.3 is 0.3 + 0.2 + 0.1."""
    uars = pd.DataFrame({"x": [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1]})
    assert rank(uars)[0]["x"].tolist() == [1, 1]


def test_results_folder_has_the_scores_of_its_summary(emodb, tmp_path):
    """Two seeds that crossval.py could have written: the same UAR, interval,
    speakers and calibration as its summary has."""
    folder = emo.results(tmp_path)
    one = pd.read_csv(folder / "predictions.csv", dtype={"spk_id": str})
    two = one.assign(prediction=one["truth"].where(one["fold"] < 6, "fear"))
    table = pd.concat([one.assign(seed=3), two.assign(seed=7)])
    write(folder / "predictions.csv", table)
    done = start(tmp_path, "emodb", emodb, folder)
    assert done.returncode == 0, done.stderr
    (found,) = read_scores(tmp_path / "out").values()
    men = ("03", "10", "11", "12", "15")
    genders = {n: "male" if n[:2] in men else "female" for n in emo.NAMES}
    expected = summarise(table, found["classes"], genders)
    for name in ("uar", "wa", "macro_f1", "calibration"):
        for key, value in expected[name].items():
            assert found[name][key] == pytest.approx(value, rel=1e-5)
    for name in ("speakers", "gender", "confusion", "n", "folds"):
        assert found[name] == expected[name]
    assert f"UAR {100 * expected['uar']['pooled']:.1f} ± " in done.stdout


def test_a_mistake_is_one_sentence(emodb, tmp_path):
    """On the error stream, with the exit status 1, and nothing is written."""
    path = write(tmp_path / "a.csv", PLAIN[1:])
    done = start(tmp_path, "emodb", emodb, path)
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch("error: 1 clips of a are missing .*\n", done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (("--data_folder", "none"), "the data folder 'none' is not a folder"),
        (("--corpus", "emodbb"), "no corpus 'emodbb' .did you mean emodb"),
        (("--corpus", "emodb,ravdess"), "were given 1 data folders"),
        (("--protocol", "official"), "EMO-DB has no official split here"),
        (("--protocol", "emobox"), "no folds of unseen speakers for EMO-DB"),
        (("--fold", "11"), "fold 11 does not exist: there are folds 1 to 10"),
        (("--out", __file__), "Not a directory|exists"),
        (("--words", "0=a", "b"), "--words has 'b'"),
    ],
)
def test_mistakes_in_the_options(options, words, call, tmp_path):
    """Each ends in a sentence."""
    status, printed = call(write(tmp_path / "a.csv"), *options)
    assert re.match(f"error: .*({words})", status) and "\n" not in status
    assert "UAR" not in printed


@pytest.mark.parametrize(
    "folds, words",
    [
        ([(fold + 1) // 2 for fold in emo.FOLDS], "fold 1 .* of folds 1, 2"),
        ([number % 5 for number in range(70)], "fold 0 of given holds clips"),
        # Other clips of the speaker were trained on.
        (range(70), "trained on"),
    ],
)
def test_folds_of_the_table(folds, words, loso, tmp_path):
    """Others than those of the protocol may have trained on a speaker."""
    path = write(tmp_path / "a.csv", PLAIN.assign(fold=folds))
    with pytest.raises(RecipeError, match=words):
        hold(loso, path)


def test_a_single_fold(emodb, tmp_path):
    """Clips of others were trained on."""
    expected = expect("emodb", emodb, fold=2)
    path = write(tmp_path / "a.csv", PLAIN[7:14])
    assert set(hold(expected, path)[0]["spk_id"]) == {"08"}
    path = write(tmp_path / "b.csv", PLAIN[6:14])
    words = r"1 clips .* not tested in fold 2 .* trained on \(03a01Na\)"
    with pytest.raises(RecipeError, match=words):
        hold(expected, path)


def test_tables_of_folds_and_of_seeds(loso, tmp_path):
    """Tables of other clips are folds, those of the same clips seeds; what is
    neither is refused."""
    parts = [
        write(tmp_path / f"{number}.csv", PLAIN[7 * number : 7 * number + 7])
        for number in range(10)
    ]
    names = [f"fold_{11 - fold}" for fold in emo.FOLDS]
    named = write(tmp_path / "named.csv", PLAIN.assign(fold=names))
    for given in ([named], parts):
        table, _ = hold(loso, *given)
        assert len(table) == 70 and set(table["seed"]) == {1}
    whole = write(tmp_path / "whole.csv")
    other = write(tmp_path / "other.csv", PLAIN.assign(emotion=emo.TRUTHS))
    table, _ = hold(loso, whole, other)
    for seed, right in ((1, np.mean(PLAIN["emotion"] == emo.TRUTHS)), (2, 1)):
        clips = table[table["seed"] == seed]
        assert (clips["prediction"] == clips["truth"]).mean() == right
    for given in ([whole, parts[3]], [*parts, parts[0]]):
        with pytest.raises(
            RecipeError, match="share a part of their|given twice"
        ):
            hold(loso, *given)
    with pytest.raises(RecipeError, match="7 clips of given are missing"):
        hold(loso, *parts[:-1])


def test_random_folds_share_speakers(emodb, loso, tmp_path):
    """The words say so; its own folds are accepted, and not those of others."""
    expected = expect("emodb", emodb, "random")
    folds = expected.clips["fold"].loc[emo.NAMES].tolist()
    path = write(tmp_path / "a.csv", PLAIN.assign(fold=folds))
    assert len(hold(expected, path)[0]) == 70
    assert "speakers shared" in expected.words
    with pytest.raises(RecipeError, match="holds clips of folds"):
        hold(loso, path)


def list_clips(folder):
    """Makes a table of the clips, as the corpus `table` takes it."""
    table = pd.DataFrame({"wav": [f"{folder}/wav/{n}.wav" for n in emo.NAMES]})
    speakers = [name[:2] for name in emo.NAMES]
    return table.assign(emotion=emo.TRUTHS, spk_id=speakers)


def test_an_official_split_tests_only_its_test_set(emodb, tmp_path):
    """The others were trained on."""
    table = list_clips(emodb)
    table["split"] = np.where(table["spk_id"] == "03", "test", "train")
    expected = expect("table", write(tmp_path / "table" / "clips.csv", table))
    scores, _ = hold(expected, write(tmp_path / "a.csv", PLAIN[:7]))
    assert set(scores["spk_id"]) == {"03"}
    words = "1 clips .* are tested in no fold .official.* leave their rows out"
    with pytest.raises(RecipeError, match=words):
        hold(expected, write(tmp_path / "b.csv", PLAIN[:8]))


def test_corpora_with_classes_of_their_own(emodb, call, tmp_path):
    """Each is scored on its own, and they make one table."""
    ravdess = put_all_emotions(tmp_path / "ravdess", ACTORS[:3])
    names = [path.stem for path in ravdess.iterdir()]
    more = pd.DataFrame({"file": names, "emotion": "calm"})
    given = [f"ours={write(tmp_path / 'a.csv')}"]
    given += [f"ours={write(tmp_path / 'b.csv', more)}"]
    given += ["--corpus", "emodb,ravdess", "--data_folder"]
    status, printed = call(*given, f"{emodb},{ravdess}")
    assert status is None
    ((name, first, second, _),) = read_rows(printed)
    uar = 100 * balanced_accuracy_score(emo.TRUTHS, emo.ANSWERS)
    assert name == "ours" and first.startswith(f"{uar:.1f} (")
    assert second.startswith("12.5 (")


@pytest.mark.parametrize("names", [("..", "a"), ("a", "A|b")])
def test_any_name_of_a_system(names, call, tmp_path):
    """Each has a folder of its own, and the table a row."""
    path = write(tmp_path / "a.csv")
    status, printed = call(*(f"{name}={path}" for name in names))
    assert status is None
    assert len(list(tmp_path.glob("out/emodb/*/summary.html"))) == 2
    assert [len(row) for row in read_rows(printed)] == [3, 3, 5]


def test_two_names_of_one_folder_are_refused(call, tmp_path):
    """Neither is overwritten."""
    path = write(tmp_path / "a.csv")
    status, _ = call(f"a/b={path}", f"a_b={path}")
    assert "two systems would be called" in str(status)


def test_clips_of_a_table_beside_others(emodb, call, tmp_path):
    """The one that was named is read, wherever its clips are."""
    path = write(tmp_path / "clips.csv", list_clips(emodb))
    given = write(tmp_path / "a.csv")
    status, printed = call(given, "--corpus", "table", "--data_folder", path)
    assert status is None and "kfold, 5 folds of unseen" in printed


def test_files_of_one_name_are_not_one_system(tmp_path, monkeypatch):
    """Only a NAME= puts tables together. A folder may have a dot, or be the
    one in which the command is given."""
    folders = [tmp_path / name for name in ("a.1", "a.2")]
    for folder in folders:
        write(folder / "predictions.csv")
    found = score.read_systems(list(map(str, folders)))
    assert len({name for name, *_ in found}) == 2
    monkeypatch.chdir(folders[0])
    ((name, *_),) = score.read_systems(["predictions.csv"])
    assert name


def test_given_tables_are_not_overwritten(call, tmp_path):
    """Not even if they are where the scores would go."""
    path = write(tmp_path / "out" / "emodb" / "mine" / "predictions.csv")
    before = path.read_bytes()
    call(path)
    assert path.read_bytes() == before
