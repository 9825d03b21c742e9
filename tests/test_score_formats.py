"""Tables of predictions as other systems write them, held against EMO-DB."""

import json

import numpy as np
import pandas as pd
import pytest
import score
from corpus_files import put_corpus
from data_prep.corpora import Corpora
from prediction.output import write_table
from scoring.audit import Expected, audit, combine
from scoring.words import find_class, read_words
from ser.errors import RecipeError
from trees import ACTORS, EMODB_SPEAKERS, encode, noise, put, put_ravdess

# The emotions of the corpus by their letters, and EmoBox's words for them.
EMOTIONS = dict(
    W=("anger", "Angry"),
    L=("boredom", "Boredom"),
    E=("disgust", "Disgust"),
    A=("fear", "Fear"),
    F=("happiness", "Happy"),
    T=("sadness", "Sad"),
    N=("neutral", "Neutral"),
)
CLASSES = sorted(name for name, _ in EMOTIONS.values())
LETTERS = {name: letter for letter, (name, _) in EMOTIONS.items()}
PAIRS = [f"{number}={name}" for number, name in enumerate(CLASSES)]
NAMES = [f"{s}a01{letter}a" for s in EMODB_SPEAKERS for letter in EMOTIONS]
TRUTHS = [EMOTIONS[name[5]][0] for name in NAMES]
# Every third answer is wrong.
ANSWERS = [
    CLASSES[(CLASSES.index(truth) + (number % 3 == 0)) % len(CLASSES)]
    for number, truth in enumerate(TRUTHS)
]
NUMBERS = list(map(CLASSES.index, ANSWERS))
FOLDS = [1 + EMODB_SPEAKERS.index(name[:2]) for name in NAMES]
SHARES = np.round(np.random.default_rng(0).dirichlet(np.ones(7), 70), 6)
SHARES[:, -1] = 1 - SHARES[:, :-1].sum(axis=1)
PLAIN = pd.DataFrame({"file": NAMES, "emotion": ANSWERS})


def expect(key, folder, protocol="default", fold=None, label_set="own"):
    """Finds the clips of one corpus."""
    corpora = Corpora(key, folder, label_set, "", "", "", "")
    index = folder.parent / "index.sqlite"
    return Expected(corpora, protocol, 5, fold, 0.1, index)


def put_clips(folder):
    """Writes a tree in which three files cannot be used: one is empty, and two
    hold the same audio under two labels."""
    for name in NAMES:
        put(folder / "wav" / f"{name}.wav")
    put(folder / "wav/03b01Wa.wav", b"")
    for name in ("08b01Wa", "08b01Na"):
        put(folder / f"wav/{name}.wav", encode(noise("disputed")))
    return folder


@pytest.fixture(scope="module")
def loso(tmp_path_factory):
    """The clips, each speaker a fold; not to be changed."""
    return expect("emodb", put_clips(tmp_path_factory.mktemp("emodb") / "data"))


def hold(expected, *given, words=()):
    """Reads the tables of one system and holds them against the folds; returns
    the predictions and the notes."""
    given = [path if "=" in str(path) else f"given={path}" for path in given]
    found = score.assign(score.read_systems(given), [expected])
    (((name, _), (parts, _, notes)),) = found.items()
    table = combine(parts, name)
    table, more = audit(table, expected, read_words(words), name)
    return table, notes + more


def write(path, table=PLAIN, **options):
    """Writes a CSV file and its folder; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, **options)
    return path


def named(pattern):
    """The plain table with the files named otherwise."""
    return PLAIN.assign(file=[pattern.format(name) for name in NAMES])


def nkululeko(**columns):
    """A table as nkululeko writes it, with these columns after the segment's
    ends."""
    files = [f"././wav/{name}.wav" for name in NAMES]
    ends = {"file": files, "start": "0 days", "end": "0 days 00:00:02.2828125"}
    return pd.DataFrame(ends | columns)


def with_shares(table=PLAIN, shares=SHARES, names=CLASSES):
    """Adds a column for each class."""
    return table.join(pd.DataFrame(shares, columns=names))


def semicolons(folder):
    """What Excel writes where the comma is a decimal sign."""
    return write(folder / "a.csv", sep=";")


def excel(folder):
    """A byte order mark, line ends and paths of Windows, and quotes."""
    table = named("C:\\My data\\EMO-DB, raw\\wav\\{}.WAV")
    options = {"encoding": "utf-8-sig", "lineterminator": "\r\n", "quoting": 1}
    return write(folder / "a.csv", table, **options)


def tabs(folder):
    """Absolute paths of another machine, and capitals."""
    table = named("/home/anna/emodb/wav/{}.flac")
    table = table.assign(emotion=[answer.title() for answer in ANSWERS])
    return write(folder / "a.tsv", table, sep="\t")


def keys(folder):
    """EmoBox's keys and its words for emotions, as it evaluates them."""
    rows = [
        {"key": f"emodb-{name}", "pred": EMOTIONS[LETTERS[answer]][1]}
        for name, answer in zip(NAMES, ANSWERS)
    ]
    (folder / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder / "a.json"


def numbered_keys(folder):
    """EmoBox's keys, and its numbers for emotions."""
    rows = [
        json.dumps({"key": f"emodb-{name}", "pred": number})
        for name, number in zip(NAMES, NUMBERS)
    ]
    (folder / "a.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "a.jsonl"


def pred(folder):
    """nkululeko's pred_*.csv, whose answer need not be the most probable."""
    table = with_shares(nkululeko())
    table["predicted"], table["truth"] = ANSWERS, TRUTHS
    return write(folder / "a.csv", table.assign(uncertainty=0.26, correct=True))


def save_test(folder):
    """nkululeko's save_test: the emotion is the truth."""
    columns = {"speaker": 3, "gender": "male", "emotion": TRUTHS}
    columns |= {"source_db": "emodb", "predictions": ANSWERS}
    return write(folder / "a.csv", nkululeko(**columns))


def predict_config(folder):
    """nkululeko.predict with a configuration: the emotion is a number, and the
    probabilities have three digits."""
    columns = {"emotion": list(map(CLASSES.index, TRUTHS))}
    table = nkululeko(**columns, class_label=TRUTHS, source_db="emodb")
    table = with_shares(table, [[f"{p:.3f}" for p in row] for row in SHARES])
    return write(folder / "a.csv", table.assign(predicted=ANSWERS))


def demo(folder):
    """nkululeko.demo with a fine-tuned model: no heading."""
    rows = [f"wav/{n}.wav, {answer}\n" for n, answer in zip(NAMES, ANSWERS)]
    (folder / "a.csv").write_text("".join(rows), encoding="utf-8")
    return folder / "a.csv"


def json_lines(folder):
    """What predict.py writes to a file that ends in .jsonl."""
    columns = ["path", "emotion", *CLASSES, "duration", "note"]
    rows = [
        (f"data/wav/{name}.wav", answer, *shares.tolist(), 1.5, None)
        for name, answer, shares in zip(NAMES, ANSWERS, SHARES)
    ]
    write_table(str(folder / "a.jsonl"), columns, CLASSES, rows)
    return folder / "a.jsonl"


def results(folder):
    """A results folder of this repository."""
    table = with_shares(
        pd.DataFrame({"ID": NAMES, "spk_id": [name[:2] for name in NAMES]})
    )
    table["truth"], table["prediction"] = TRUTHS, ANSWERS
    write(folder / "predictions.csv", table.assign(protocol="loso", fold=FOLDS))
    return folder


NKULULEKO = [pred, save_test, predict_config, demo]
KINDS = [excel, tabs, keys, numbered_keys, *NKULULEKO, json_lines, results]


@pytest.mark.parametrize("kind", [semicolons, *KINDS])
def test_every_kind_of_table_gives_its_answers(kind, loso, tmp_path):
    """Of each clip, with the corpus's truth and fold, and the probabilities
    that some have."""
    words = PAIRS if kind is numbered_keys else ()
    table, notes = hold(loso, kind(tmp_path), words=words)
    assert table["ID"].tolist() == sorted(NAMES)
    clips = table.set_index("ID").loc[NAMES]
    assert clips["prediction"].tolist() == ANSWERS
    assert clips["truth"].tolist() == TRUTHS
    assert clips["fold"].tolist() == FOLDS
    assert set(table["seed"]) == {1}
    if kind in (pred, predict_config, json_lines, results):
        assert notes == []
        digits = 0.004 if kind is predict_config else 1e-6
        assert np.allclose(clips[CLASSES], SHARES, atol=digits)
        assert np.allclose(clips[CLASSES].sum(axis=1), 1, atol=1e-12)
    else:
        assert len(notes) == 1 and "no probabilities" in notes[0]
        assert not set(CLASSES) & set(table.columns)


@pytest.mark.parametrize("key", ["crema_d", "ravdess", "emodb"])
def test_keys_of_emobox(key, tmp_path):
    """They begin with the corpus, and CREMA-D's have hyphens."""
    expected = expect(key, put_corpus(key, tmp_path / "data"))
    for ID in expected.clips.index:
        for given in (f"{key.replace('_', '')}-{ID.replace('_', '-')}", ID):
            assert expected.find(given) == ID
            assert expected.find(f"D:\\x\\{given}.WAV") == ID
    assert expected.find("other-0001") is None


@pytest.mark.parametrize(
    "file, words",
    [
        ("03a01Wa", r"are there twice \(03a01Wa\): leave one row each"),
        ("x/wav/03A01WA.wav", r"1 clips of given are there twice \(03a01Wa\)"),
        ("03-01-05-01-01-01-01.wav", "1 clips of .* are no clips of EMO-DB"),
        ("", "1 clips of .* are no clips of EMO-DB"),
    ],
)
def test_doubled_and_unknown_clips_are_refused(file, words, loso, tmp_path):
    """By whatever name."""
    table = pd.concat([PLAIN, PLAIN[:1].assign(file=file)])
    with pytest.raises(RecipeError, match=words):
        hold(loso, write(tmp_path / "a.csv", table))


def test_missing_clips_are_refused(loso, tmp_path):
    """One, or nine folds."""
    words = r"1 clips of given are missing \(loso.* \(03a01Wa\): add"
    with pytest.raises(RecipeError, match=words):
        hold(loso, write(tmp_path / "a.csv", PLAIN[1:]))
    with pytest.raises(RecipeError, match="63 clips .* pass --fold if one"):
        hold(loso, write(tmp_path / "b.csv", PLAIN[:7]))


@pytest.mark.parametrize("answer", ["surprise", "nan", "", "0", "X"])
def test_answers_that_are_no_class_are_refused(answer, loso, tmp_path):
    """Nothing is guessed, and none is counted as wrong."""
    table = PLAIN.assign(emotion=[answer, *ANSWERS[1:]])
    words = f"given answers '{answer}', and the classes are anger, boredom,"
    with pytest.raises(RecipeError, match=words):
        hold(loso, write(tmp_path / "a.csv", table))


def test_excluded_clips_are_not_scored(loso, tmp_path):
    """Their answers are counted in a note; a table may lack them."""
    names = ["03b01Wa", "08b01Wa", "08b01Na"]
    more = pd.DataFrame({"file": names, "emotion": "anger"})
    path = write(tmp_path / "a.csv", pd.concat([PLAIN, more]))
    table, notes = hold(loso, path)
    assert len(table) == 70
    assert notes[0].startswith("3 answers of") and "not scored" in notes[0]


def test_a_table_of_excluded_clips_is_refused(loso, tmp_path):
    """There is nothing to score."""
    more = pd.DataFrame({"file": ["03b01Wa"], "emotion": "anger"})
    with pytest.raises(RecipeError, match="70 clips of given are missing"):
        hold(loso, write(tmp_path / "a.csv", more))


def test_labels_of_the_table_that_differ(loso, tmp_path):
    """The corpus's count, and a note says so; other words for them do not."""
    truth = [EMOTIONS[name[5]][1] for name in NAMES]
    table = PLAIN.rename(columns={"emotion": "prediction"}).assign(truth=truth)
    assert len(hold(loso, write(tmp_path / "a.csv", table))[1]) == 1
    table["truth"] = ["Sad", "Sad", *truth[2:]]
    table, notes = hold(loso, write(tmp_path / "b.csv", table))
    assert notes[0].startswith("2 labels in the table differ")
    assert table["truth"].tolist() == [EMOTIONS[n[5]][0] for n in table["ID"]]


@pytest.mark.parametrize(
    "shares, names",
    [
        (np.log(SHARES + 1e-3), CLASSES),  # logits
        (SHARES / 2, CLASSES),
        (100 * SHARES, CLASSES),
        (np.where(SHARES == SHARES[0, 0], np.nan, SHARES), CLASSES),
        (SHARES - [[0.5, -0.5, 0, 0, 0, 0, 0]], CLASSES),
        (SHARES, [*CLASSES[:-1], "surprise"]),
    ],
)
def test_numbers_that_are_no_probabilities(shares, names, loso, tmp_path):
    """Logits, shares that do not sum to 1, and those of other classes are left
    out: none is calibrated by them."""
    path = write(tmp_path / "a.csv", with_shares(shares=shares, names=names))
    table, notes = hold(loso, path)
    assert "probabilities" in notes[0]
    assert not set(CLASSES) & set(table.columns)


def test_words_for_emotions(tmp_path):
    """One word may stand for a class of another name; which of two is not
    guessed; pairs and capitals are the user's."""
    four = ["angry", "happy", "neutral", "sad"]
    assert find_class(" ANGER ", four, {}) == "angry"
    assert find_class("Joyful", four, {}) == "happy"
    assert find_class("joy", ["happy", "joy"], {}) == "joy"
    assert find_class("happiness", ["happy", "joy"], {}) is None
    assert find_class("fear", four, {}) is None
    words = read_words(["0=Anger", "X=sad"])
    assert find_class("0", four, words) == "angry"
    assert find_class("x", four, words) == "sad"
    assert find_class("1", four, words) is None
    for wrong in ("zero", str(tmp_path)):
        with pytest.raises(RecipeError, match="expected a pair such as 0=angr"):
            read_words([wrong])


def test_label_encoder_of_emobox(tmp_path):
    """Its last line is no emotion."""
    path = tmp_path / "label_encoder.txt"
    lines = ["'Angry' => 0", "'Sad' => 1", "=" * 16, "'starting_index' => 0"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_words([str(path)]) == {"0": "Angry", "1": "Sad"}


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.csv", b"", "No columns to parse"),
        ("a.csv", b"file,emotion\n", "has 0 rows and the columns file, emo"),
        ("a.csv", b"clip,emotion\nx,anger\n", "the columns clip, emotion: exp"),
        ("a.csv", b"file,label\nx,anger\n", "one for the answer"),
        ("a.csv", b'file,emotion\n"x,anger\n', "cannot be read as predictions"),
        ("a.wav", encode(noise(1)), "codec can't decode"),
        ("a.json", b'{"x": {"emo": "anger"}}', "it is no list of objects"),
        ("a.json", b"[1, 2]", "it is no list of objects"),
        ("a.json", b"[]", "has 0 rows"),
        ("a.jsonl", b'{"file": "x", "emotion"', "cannot be read as predic"),
        ("a.jsonl", b'{"file": "x", "FILE": "y", "pred": 1}', "two columns f"),
        ("folder/other.csv", b"", "predictions.csv cannot be read"),
        (
            "a.csv",
            b"file,predicted,file,predicted\nx,anger,x,fear\n",
            "two columns file",
        ),
    ],
)
def test_what_is_no_table_of_predictions(name, content, words, tmp_path):
    """A sentence says what was found and what was expected."""
    path = put(tmp_path / name, content)
    path = path if path.parent == tmp_path else path.parent
    for given in (path, f"name={path}"):
        with pytest.raises(RecipeError, match=words) as raised:
            score.read_systems([str(given)])
        assert "expected" in str(raised.value)
    with pytest.raises(RecipeError, match="No such file"):
        score.read_systems([str(tmp_path / "none.csv")])


def test_other_columns_do_not_matter(loso, tmp_path):
    """Not even one with the name that this repository gives to the answer."""
    table = PLAIN.rename(columns={"emotion": "prediction"})
    path = write(tmp_path / "a.csv", table.assign(answer="yes"))
    assert len(hold(loso, path)[0]) == 70


def test_a_table_is_of_one_corpus(loso, tmp_path):
    """Of which it has most clips; others are not dropped in silence."""
    ravdess = expect("ravdess", put_ravdess(tmp_path / "data", ACTORS[:6]))
    more = pd.DataFrame({"file": ravdess.clips.index, "emotion": "neutral"})
    tables = score.read_systems([str(write(tmp_path / "a.csv", more))])
    assert list(score.assign(tables, [loso, ravdess])) == [("a", 1)]
    path = write(tmp_path / "b.csv", pd.concat([PLAIN, more]))
    with pytest.raises(RecipeError, match="12 clips of .* no clips of EMO-DB"):
        score.assign(score.read_systems([str(path)]), [loso, ravdess])
