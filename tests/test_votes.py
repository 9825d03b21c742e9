"""What listeners heard: votes that are read, learned and compared with."""

import html
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import train
from conftest import ROOT, fork_program
from corpus_files import put_corpus, write
from data_prep.demo_synthesis import SPEAKERS, synthesise
from data_prep.votes import read_labels, read_votes
from ser.errors import RecipeError, user_errors
from ser.report.summary import read_predictions
from ser.settings import load_settings, parse_arguments, start_run
from sklearn.metrics import recall_score
from trees import declare, put_emodb

SETTINGS = "hparams/train.yaml"
CLASSES = ["anger", "disgust", "fear", "happy", "neutral", "sad"]
ACTORS = range(1001, 1005)
# The synthetic emotion of each label, and the votes A, D, F, H, N and S on the
# first actor; of what is here heard more than once, others have more.
HEARD = {
    "ANG": ("angry", [4, 0, 2, 1, 1, 0]),  # half, which is not most
    "HAP": ("happy", [0, 0, 0, 7, 2, 0]),  # most, and as the label says
    "SAD": ("sad", [0, 1, 0, 0, 9, 2]),  # most, and another emotion
    "FEA": ("fearful", None),  # no listener
}
OTHERS = [9, 99, 0, 0, 9, 0]  # of those who saw the face
RELEASES = {
    "1.12": [
        "FileName,EmoDetail",
        '0,"WORKER00014364; Neutral; Neutral,Excited; A:5.000000; V:4.000000; '
        'D:4.000000;"',
        "0,WORKER00014332; Other-Annoyed; Annoyed; A:4.000000; V:3.000000; ",
        "0,WORKER00000003; Angry; Angry; A:2.000000; V:4.000000; D:3.000000;",
        "0,WORKER00000004; Neutral; ; A:2.000000; V:4.000000; D:3.000000;",
        '1,"WORKER00000001; Happy; Happy,Amused; A:6.000000; V:2.000000;"',
        "1,WORKER00000001; Surprise; Surprise; A:6.000000; V:2.000000;",
        "2,WORKER00000005; Other-; ; A:4.000000; V:4.000000; D:4.000000;",
    ],
    "2.0": [
        "FileName,WorkerID,EmoClass_Major,EmoClass_Second,EmoAct,EmoVal,EmoDom",
        '0,WORKER00014364,Neutral,"Neutral,Excited",5.0,4.0,4.0',
        "0,WORKER00014332,Other-Annoyed,Annoyed,4.0,3.0,4.0",
        "0,WORKER00000003,Angry,Angry,2.0,4.0,3.0",
        "0,WORKER00000004,Neutral,,,,",
        '1,WORKER00000001,Happy,"Happy,Amused",6.0,2.0,2.0',
        "1,WORKER00000001,Surprise,Surprise,6.0,2.0,2.0",
        "2,WORKER00000005,,,4.0,4.0,4.0",
    ],
}


def counts_of(actor, code):
    """The votes on the voice in a clip, or None."""
    votes = HEARD[code][1]
    return votes and [n + (actor - ACTORS[0]) * (n > 1) for n in votes]


def shares_of(clip):
    """The shares of the classes in the votes on a clip, or None."""
    actor, _, code, _ = clip.split("_")
    votes = counts_of(int(actor), code)
    return votes and np.divide(votes, sum(votes))


def put_votes(folder):
    """Writes tabulatedVotes.csv, whose rows on the voice come first."""
    clips = [(actor, code) for actor in ACTORS for code in HEARD]
    rows = ['"","A","D","F","H","N","S","fileName","numResponses","emoVote"']
    for modality in (1, 2, 3):
        for number, (actor, code) in enumerate(clips, start=1):
            votes = counts_of(actor, code) if modality == 1 else OTHERS
            if votes:
                row = ",".join(map(str, votes))
                name = f'"{modality}{number:05}",{row},"{actor}_DFA_{code}_XX"'
                rows.append(f'{name},{sum(votes)},"A:D"')
    write(folder / "tabulatedVotes.csv", "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def crema_d(tmp_path_factory):
    """A folder of synthetic clips with names and votes as in CREMA-D."""
    folder = tmp_path_factory.mktemp("crema_d") / "data"
    (folder / "AudioWAV").mkdir(parents=True)
    for voice, actor in zip(SPEAKERS, ACTORS):
        for code, (emotion, _) in HEARD.items():
            wav = synthesise(voice, emotion, 1, 1, 1, seed=0)
            name = f"{actor}_DFA_{code}_XX.wav"
            soundfile.write(folder / "AudioWAV" / name, wav, 16000)
    put_votes(folder)
    return folder


@pytest.fixture(scope="module")
def run(crema_d, run_train, tmp_path_factory):
    """A run that learns votes, each epoch of which is one step, without
    dropout: its folder, options and what it printed."""
    root = tmp_path_factory.mktemp("votes")
    options = {
        **{"corpus": "crema_d", "data_folder": str(crema_d)},
        **{"cache_folder": str(root / "cache"), "labels": "votes"},
        **{"protocol": "kfold", "num_folds": 2, "number_of_epochs": 8},
        **{"batch_size": 64, "dropout": 0.0, "num_heads": 2, "lr": 0.005},
    }
    folder = root / "out/fold1/1"
    own = {"fold": 1, "seed": 1, "output_folder": str(folder)}
    done = run_train(SETTINGS, *words(options | own))
    assert done.returncode == 0, done.stderr
    known = {"root": root, "options": options, "stdout": done.stdout}
    return SimpleNamespace(folder=folder, all=options | own, **known)


def words(options):
    """Writes options as on a command line."""
    return [f"--{name}={value}" for name, value in options.items()]


def train_here(settings, options):
    """Does in this process what train.py does."""
    file, run_opts, overrides = parse_arguments([settings, *words(options)])
    train.run(start_run(file, overrides), run_opts)


def compare(table):
    """Computes how near predictions are to the votes, as metrics.json says."""
    table = table[[shares_of(clip) is not None for clip in table["ID"]]]
    shares = np.array([shares_of(clip) for clip in table["ID"]])
    logs = np.log(table[CLASSES].to_numpy(float))
    own = [-sum(p * np.log(p) for p in row if p > 0) for row in shares]
    most = shares.max(axis=1) > 0.5
    agreed = table[most].assign(
        heard=np.array(CLASSES)[shares.argmax(axis=1)][most]
    )
    found = {"n": agreed["ID"].nunique()}
    for name, column in {"uar": "truth", "heard_uar": "heard"}.items():
        found[name] = np.mean(
            [
                recall_score(
                    *(clips[column], clips["prediction"]),
                    labels=sorted(set(clips[column])),
                    average="macro",
                )
                for _, clips in agreed.groupby("seed")
            ]
        )
    return {
        "n": table["ID"].nunique(),
        "cross_entropy": -(shares * logs).sum(axis=1).mean(),
        "entropy": np.mean(own),
        "agreed": found,
    }


def assert_compared(found, expected):
    """Scores are as computed, and intervals hold them."""
    agreed = dict(found["agreed"])
    for name in ("uar", "heard_uar"):
        low, high = agreed.pop(f"{name}_ci95")
        assert low <= agreed[name] <= high
    assert agreed == pytest.approx(expected["agreed"])
    scores = {k: v for k, v in found.items() if k != "agreed"}
    others = {k: v for k, v in expected.items() if k != "agreed"}
    assert scores == pytest.approx(others, abs=1e-6)


def assert_told(expected, *texts):
    """Texts have the cross-entropy and the number of clips agreed on."""
    for text in texts:
        text = " ".join(html.unescape(text).split())
        assert (
            "Cross-entropy against the votes of listeners on "
            f"{expected['n']} clips: {expected['cross_entropy']:.3f} nats, of "
            f"which {expected['entropy']:.3f} are their own" in text
        )
        assert f"On the {expected['agreed']['n']} clips on which" in text
        heard = 100 * expected["agreed"]["heard_uar"]
        assert f"and {heard:.1f} % (" in text


@pytest.mark.parametrize(
    "label_set, expected, heard",
    [
        ("own", [4 / 8, 0, 2 / 8, 1 / 8, 1 / 8, 0], {"ANG", "HAP", "SAD"}),
        ("common", [4 / 6, 1 / 6, 1 / 6, 0], {"ANG", "HAP", "SAD"}),
        # Sad ones were heard as neutral, disgusted and sad.
        ("happy,fear,anger", [1 / 7, 2 / 7, 4 / 7], {"ANG", "HAP"}),
    ],
)
def test_votes_on_the_voice_are_shares_of_the_classes(
    label_set, expected, heard, crema_d
):
    """In their order, without votes for other emotions or on faces, and
    without clips that then have none."""
    corpora = declare("crema_d", crema_d, label_set=label_set)
    votes = read_labels(corpora, "votes")
    assert read_labels(corpora, "emotion") == {}
    assert votes["1001_DFA_ANG_XX"] == pytest.approx(expected)
    assert {clip.split("_")[2] for clip in votes} == heard
    assert np.sum(list(votes.values()), axis=1) == pytest.approx(1)


def test_votes_of_several_corpora(crema_d, tmp_path):
    """Clips are named as in manifests; what is only tested needs none."""
    emodb = put_emodb(tmp_path / "emodb")
    tested = {"test_corpus": "emodb", "test_data_folder": emodb}
    corpora = declare("crema_d", crema_d, label_set="common", **tested)
    votes = read_labels(corpora, "votes")
    assert set(votes) == {
        f"crema_d-{actor}_DFA_{code}_XX"
        for actor in ACTORS
        for code in ("ANG", "HAP", "SAD")
    }
    both = f"{emodb},{crema_d}"
    corpora = declare("emodb,crema_d", both, label_set="common")
    assert read_votes(corpora) == votes
    with pytest.raises(RecipeError, match=f"'{emodb}' holds no votes of"):
        read_labels(corpora, "votes")


@pytest.mark.parametrize("label_set", ["own", "common"])
@pytest.mark.parametrize("release", RELEASES)
def test_votes_of_msp_podcast(release, label_set, tmp_path):
    """Are the first answers of the raters, but for emotions of their own."""
    folder = put_corpus("msp_podcast", tmp_path / "data")
    rows = [
        re.sub(r"^(\d),", r"MSP-PODCAST_0001_000\1.wav,", row)
        for row in RELEASES[release]
    ]
    write(folder / "Labels/labels_detailed.csv", "\n".join(rows) + "\n")
    write(folder / "A/labels_detailed.csv", "FileName,EmoAct\na.wav,4.0\n")
    corpora = declare("msp_podcast", folder, label_set=label_set)
    found = read_labels(corpora, "votes")
    names = [f"MSP-PODCAST_0001_000{number}" for number in (0, 1)]
    assert list(found) == names
    votes = [dict(zip(corpora.classes, found[name])) for name in names]
    heard = [{k: v for k, v in shares.items() if v} for shares in votes]
    assert heard[0] == pytest.approx({"neutral": 2 / 3, "angry": 1 / 3})
    happy = {"happy": 1 / 2, "surprise": 1 / 2}
    assert heard[1] == (happy if label_set == "own" else {"happy": 1})


def test_training_clips_teach_shares(run):
    """Also those that are trained on again; a clip without votes its emotion.
    Validation and test are by the emotions."""
    hparams = load_settings(ROOT / SETTINGS, run.all)
    found = hparams["store_embeddings"](train.dataio_prep(hparams))
    assert {name: len(clips) for name, clips in found.items()} == {
        **{"train": 4, "valid": 4, "test": 8, "refit": 8}
    }
    for name, clips in found.items():
        for clip, target in zip(clips.ids, clips.targets):
            emotion = {"FEA": 2, "ANG": 0, "HAP": 3, "SAD": 5}[clip[9:12]]
            expected = shares_of(clip)
            if expected is None:
                expected = np.eye(6)[emotion]
            if name in ("valid", "test"):
                expected = emotion
            assert target.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("phase", ["epoch", "refit epoch"])
def test_the_loss_is_of_shares(phase, run):
    """The first that is logged is the cross-entropy between the smoothed
    shares and the probabilities of the heads as they were made."""
    hparams = load_settings(ROOT / SETTINGS, run.all)
    stored = hparams["store_embeddings"](train.dataio_prep(hparams))
    clips = stored["train" if phase == "epoch" else "refit"]
    batch = clips.__getitems__(range(len(clips)))
    hparams["standardiser"].fit([batch.embedding])
    logits = hparams["head"].train()(batch.embedding)  # [head, clip, class]
    target = 0.9 * batch.emotion_encoded + 0.1 / 6
    loss = -(target * logits.log_softmax(dim=-1)).sum(dim=-1).mean().item()
    assert first_loss(run.folder, phase) == pytest.approx(loss, abs=2e-4)


def first_loss(folder, phase="epoch"):
    """Reads the training loss of the first epoch."""
    log = (folder / "train_log.txt").read_text("utf-8")
    found = re.search(rf"^{phase}: 1, .*train loss: (\S+)", log, re.MULTILINE)
    return float(found[1])


def test_a_run_is_compared_with_its_listeners(run):
    """In metrics.json, printed and on the page, which says what it learned."""
    metrics = json.loads((run.folder / "metrics.json").read_text("utf-8"))
    table = read_predictions(run.folder).assign(seed=1)
    expected = compare(table)
    assert (expected["n"], expected["agreed"]["n"]) == (6, 4)
    assert expected["agreed"]["uar"] != expected["agreed"]["heard_uar"]
    assert_compared(metrics["listeners"], expected)
    page = (run.folder / "report.html").read_text("utf-8")
    assert_told(expected, run.stdout, page)
    assert "<h2>Listeners</h2>" in page
    facts = metrics["facts"]["Training"]
    assert ", on the votes of listeners" in facts and facts in page


def test_cross_validation_is_compared_too(run):
    """Over its seeds, in its summaries and printed."""
    out = run.root / "out"
    done = fork_program(
        *(ROOT / "crossval.py", SETTINGS, "--seeds", 2, "--folds", 1),
        *("--jobs", 1, "--output_folder", out, *words(run.options)),
    )
    assert done.returncode == 0, done.stderr
    table = read_predictions(out)
    assert len(table) == 16
    expected = compare(table)
    assert (expected["n"], expected["agreed"]["n"]) == (6, 4)
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert_compared(summary["listeners"], expected)
    pages = [(out / f"summary.{e}").read_text("utf-8") for e in ("html", "md")]
    assert_told(expected, done.stdout, *pages)
    assert "<h2>Listeners</h2>" in pages[0]
    assert ", on the votes of listeners" in summary["facts"]["Training"]


def test_emotions_are_learned_by_default(run, tmp_path):
    """Nothing is said of listeners, whose votes are there."""
    options = run.all | {"output_folder": str(tmp_path / "out")}
    del options["labels"]
    train_here(SETTINGS, options)
    page = (tmp_path / "out/report.html").read_text("utf-8")
    metrics = json.loads((tmp_path / "out/metrics.json").read_text("utf-8"))
    assert "listeners" not in metrics
    assert "listeners" not in (page + metrics["facts"]["Training"]).lower()
    assert abs(first_loss(tmp_path / "out") - first_loss(run.folder)) > 1e-3


@pytest.mark.parametrize("settings", ["train", "finetune"])
def test_votes_are_learned_from_waveforms(settings, run, tmp_path):
    """When clips are encoded in each epoch, by an encoder that is trained or,
    with the same loss as from stored embeddings, by a frozen one."""
    options = run.all | {"output_folder": str(tmp_path / "out")}
    options |= {"encode_once": False, "number_of_epochs": 1}
    train_here(f"hparams/{settings}.yaml", options)
    metrics = json.loads((tmp_path / "out/metrics.json").read_text("utf-8"))
    table = read_predictions(tmp_path / "out").assign(seed=1)
    assert_compared(metrics["listeners"], compare(table))
    for phase in ("epoch", "refit epoch") * (settings == "train"):
        losses = [first_loss(f, phase) for f in (tmp_path / "out", run.folder)]
        assert losses[0] == pytest.approx(losses[1], abs=2e-4)


@pytest.mark.parametrize(
    "corpus, labels, message",
    [
        ("emodb", "votes", "holds no votes of listeners to EMO-DB: pass"),
        ("crema_d", "votes", "holds no votes of listeners to CREMA-D: pass"),
        ("msp_podcast", "votes", "holds no votes of listeners to MSP-Podcast"),
        (
            "emodb",
            "vote",
            "error: labels is 'vote': expected emotion or votes.",
        ),
    ],
)
def test_votes_that_are_none(corpus, labels, message, crema_d, tmp_path):
    """End in a sentence."""
    folder = tmp_path / "data"
    if corpus == "crema_d":
        shutil.copytree(crema_d / "AudioWAV", folder)
    else:
        put_corpus(corpus, folder)
    options = {"corpus": corpus, "data_folder": folder, "labels": labels}
    options |= {"cache_folder": tmp_path, "output_folder": tmp_path / "out"}
    if corpus == "crema_d":
        options |= {"num_folds": 2}
    with pytest.raises(SystemExit) as ended, user_errors():
        train_here(SETTINGS, options)
    assert message in ended.value.code and "\n" not in ended.value.code
    assert not (tmp_path / "out/metrics.json").exists()
