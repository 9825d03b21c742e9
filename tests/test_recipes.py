"""What SpeechBrain asks of recipes, of this repository and of exported ones;
and that nothing derived has drifted.
"""

import ast
import csv
import re
import shutil

import pytest
from conftest import ROOT
from data_prep.corpus import find_corpus
from forking.derived import derived_files, recipe_name, sync
from forking.standalone import export_recipe
from ser.settings_file import read_settings

from speechbrain.utils.run_opts import RunOptions

COLUMNS = (
    "Task Dataset Script_file Hparam_file Data_prep_file Readme_file "
    "Result_url HF_repo test_debug_flags test_debug_checks performance"
).split()
FILES = ("Script_file", "Hparam_file", "Data_prep_file", "Readme_file")
EXPORTED = ("RAVDESS", "EMO-DB", "CREMA-D")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with exported recipes."""
    folder = tmp_path_factory.mktemp("exported")
    for name in EXPORTED:
        export_recipe(name, folder)
    return folder


@pytest.fixture(params=["here", "exported"])
def root(request, exported):
    """This repository, then that folder."""
    return ROOT if request.param == "here" else exported


def read_rows(root):
    """Reads the rows of all tables of recipes, as dicts."""
    rows = []
    for path in sorted((root / "tests/recipes").glob("*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            rows += table
            assert table.fieldnames == COLUMNS, path
    return rows


def find(root, pattern):
    """Lists files below recipes/, as the tables of recipes name them."""
    files = root.glob(f"recipes/**/{pattern}")
    return {path.relative_to(root).as_posix() for path in files}


def test_tables_name_files_that_are_there(root):
    """Script, settings, preparation and README of every recipe."""
    rows = read_rows(root)
    assert {row["Dataset"] for row in rows} >= set(EXPORTED)
    for row in rows:
        assert row["Task"] == "Emotion_recognition"
        assert row["test_debug_flags"] and row["test_debug_checks"]
        for column in FILES:
            assert (root / row[column]).is_file(), row[column]


def test_every_recipe_is_in_a_table(root):
    """Settings, README and script, in that of their own corpus."""
    rows = read_rows(root)
    for pattern, column in (
        ("*.yaml", "Hparam_file"),
        ("README.md", "Readme_file"),
        ("train*.py", "Script_file"),
        ("*_prepare.py", "Data_prep_file"),
    ):
        listed = {row[column] for row in rows}
        assert find(root, pattern) <= listed
    for row in rows:
        assert row["Hparam_file"].startswith(f"recipes/{row['Dataset']}/")


def missing_links(root, row):
    """Lists what the README of a recipe lacks: links to the results and models
    of its row, and files that it links to."""
    path = root / row["Readme_file"]
    text = path.read_text("utf-8")
    links = re.findall(r"https?://[^\s<>()\[\]]+", text)
    promised = f"{row['Result_url']} {row['HF_repo']}".split()
    files = re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)
    return [link for link in promised if link not in links] + [
        file for file in files if not (path.parent / file).exists()
    ]


def test_readmes_have_their_links(root):
    """Results and models of a table are linked from the README; links to
    other files lead to files that are there."""
    for row in read_rows(root):
        assert not missing_links(root, row), row["Readme_file"]


RESULTS = "https://www.dropbox.com/sh/results"
MODEL = "https://huggingface.co/someone/model"


@pytest.mark.parametrize(
    "readme, missing",
    [
        (f"[results]({RESULTS}), <{MODEL}>, [settings](train.yaml)", []),
        (f"| {RESULTS} | {MODEL} |", []),
        (f"[model]({MODEL})", [RESULTS]),
        (f"[results]({RESULTS}), [model]({MODEL}-2)", [MODEL]),
        (f"{RESULTS} {MODEL} [settings](other.yaml)", ["other.yaml"]),
        ("", [RESULTS, MODEL]),
    ],
)
def test_a_missing_link_is_found(tmp_path, readme, missing):
    """In a table whose row has links, as one of trained models has."""
    row = dict.fromkeys(COLUMNS, "") | {
        "Readme_file": "recipes/X/README.md",
        "Result_url": RESULTS,
        "HF_repo": MODEL,
    }
    folder = tmp_path / "recipes/X"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    (folder / "train.yaml").touch()
    path = tmp_path / "tests/recipes/X.csv"
    path.parent.mkdir(parents=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerow(row)
    (row,) = read_rows(tmp_path)
    assert missing_links(tmp_path, row) == missing


def test_settings_and_script_agree(root):
    """A key at column 0 that no later !ref uses is read in the script, as
    SpeechBrain's tests/utils/check_yaml.py asks."""
    pairs = {
        (row["Hparam_file"], row["Script_file"]) for row in read_rows(root)
    }
    if root == ROOT:
        pairs |= {
            ("hparams/train.yaml", "train.py"),
            ("hparams/finetune.yaml", "train.py"),
            ("hparams/encoder.yaml", "encoders/train.py"),
        }
    for settings, script in sorted(pairs):
        text = read_settings(root / settings)
        script = (root / script).read_text("utf-8")
        assert not unused_keys(text, script), settings


def unused_keys(settings, script):
    """Lists the keys of settings that nothing reads."""
    options = RunOptions().as_dict()
    keys = re.findall(r"^(\w+):(?!.*!apply)", settings, flags=re.MULTILINE)
    assert "seed" in keys and len(keys) > 30
    unused = []
    for key in keys:
        after = settings.split(f"\n{key}:", 1)[-1]
        ways = [f'["{key}"]', f"hparams.{key}", f"modules.{key}"]
        ways += [f'hparams, "{key}"', f'hparams.get("{key}"']
        ways += [re.sub("^[a-z]+_", '[f"{name}_', key) + '"]']
        used = re.search(rf"!ref[^\n]*<{key}[>.\[]", after)
        if not (used or key in options or any(way in script for way in ways)):
            unused.append(key)
    return unused


def test_an_unused_key_is_found():
    """One more that nothing reads, at either end of the file."""
    text = read_settings(ROOT / "hparams/finetune.yaml")
    script = (ROOT / "train.py").read_text("utf-8")
    assert unused_keys(text + "\nspare: 1\n", script) == ["spare"]
    assert unused_keys(f"spare: 1\n{text}", script) == ["spare"]


def test_everything_has_a_docstring(root):
    """Every file, class and function, but for private ones and those inside
    of tests."""
    paths = [
        path
        for path in [*root.glob("*.py"), *root.glob("[!.]*/**/*.py")]
        if not {"cache", "results"} & set(path.relative_to(root).parts)
    ]
    assert len(paths) >= 24
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in paths:
        tree = ast.parse(path.read_text("utf-8"))
        in_tests = path.is_relative_to(root / "tests")
        for node in [tree, *tree.body] if in_tests else ast.walk(tree):
            name = getattr(node, "name", "")
            if isinstance(node, kinds) and not name.startswith("_"):
                assert ast.get_docstring(node), f"{path} {name}"


@pytest.mark.parametrize(
    "recipe", sorted(path.name for path in ROOT.glob("recipes/*"))
)
def test_a_recipe_holds_what_differs(recipe):
    """The corpus and, once it has data of its own, where they are; the rest
    is that of hparams/."""
    corpus = find_corpus(recipe)
    assert recipe_name(corpus) == recipe
    paths = sorted(ROOT.glob(f"recipes/{recipe}/hparams/*"))
    assert [path.name for path in paths] == ["finetune.yaml", "train.yaml"]
    differing = {"corpus"} if corpus.make else {"corpus", "data_folder"}
    for path in paths:
        own = path.read_text("utf-8")
        keys = set(re.findall(r"^(\w+):", own, flags=re.MULTILINE))
        assert keys == {"base"} | differing
        base = read_settings(ROOT / "hparams" / path.name)
        mine, theirs = keys_of(read_settings(path)), keys_of(base)
        assert list(mine) == list(theirs)
        assert {k for k in mine if mine[k] != theirs[k]} == differing
        assert mine["corpus"] == f" {corpus.key}\n"
        assert corpus.make or mine["data_folder"].startswith(" !PLACEHOLDER")


def test_settings_are_laid_over_their_base(tmp_path):
    """A block replaces that of its key, with its comment; a new one follows
    the one before it; a base may have a base itself."""
    files = {
        "base.yaml": "# Base\n\n# of a\na: 1\n\n# of b\nb: !new:B\n    c: 2\n\n"
        "    d: 3\nlast: 4\n",
        "middle.yaml": "# Middle\n\nbase: base.yaml\n\n# of b, anew\nb: 5\n\n"
        "# of new\nnew: 6\n",
        "sub/top.yaml": "base: ../middle.yaml\n\na: 7\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert read_settings(tmp_path / "sub/top.yaml") == (
        "# Middle\n\n# of a\na: 7\n\n# of b, anew\nb: 5\n\n# of new\nnew: 6\n"
        "last: 4\n"
    )


@pytest.mark.parametrize("path, text", derived_files(ROOT).items())
def test_recipes_do_not_drift(path, text):
    """What follows from the declarations of the corpora is written so:
    `python fork.py --sync` writes it anew."""
    assert (ROOT / path).read_text("utf-8") == text, "python fork.py --sync"


def test_a_drift_is_found(tmp_path):
    """`sync` corrects a changed fact, a changed row and a missing table, and
    nothing else."""
    for folder in ("recipes", "data_prep", "tests/recipes"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "README.md", tmp_path)
    assert sync(tmp_path) == []
    readme = tmp_path / "recipes/RAVDESS/README.md"
    table = tmp_path / "tests/recipes/RAVDESS.csv"
    lost = tmp_path / "tests/recipes/EMO-DB.csv"
    before = [path.read_text("utf-8") for path in (readme, table, lost)]
    for path, old, new in (
        (readme, "| Clips | 1440 |", "| Clips | 1441 |"),
        (table, "train.py", "test.py"),
    ):
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    lost.unlink()
    assert set(sync(tmp_path)) == {
        "recipes/RAVDESS/README.md",
        "tests/recipes/RAVDESS.csv",
        "tests/recipes/EMO-DB.csv",
    }
    after = [path.read_text("utf-8") for path in (readme, table, lost)]
    assert after == before


@pytest.mark.parametrize("name", EXPORTED)
@pytest.mark.parametrize("stem", ["train", "finetune"])
def test_an_export_differs_in_what_is_declared(name, stem, exported):
    """Its settings are those of hparams/, but for keys of several corpora, of
    the report and, with a trained encoder, of stored embeddings and of what is
    off by default, which are left out, and for these."""
    folder = exported / f"recipes/{name}/emotion_recognition/hparams"
    mine = keys_of((folder / f"{stem}.yaml").read_text("utf-8"))
    theirs = keys_of(read_settings(ROOT / f"hparams/{stem}.yaml"))
    assert list(mine) == [key for key in theirs if key in mine]
    left_out = set(
        "corpus protocol num_folds text_independent label_set test_corpus "
        "test_data_folder columns speaker_pattern audio_index corpora "
        "labels max_duration read_labels report save_model".split()
    )
    if stem == "finetune":
        left_out |= {"embedding_store", "encode_batch_length"}
        left_out |= {"store_precision"}
        left_out |= {"encode_workers", "store_embeddings"}
        left_out |= {"augment", "speed", "noise", "drop_chunk"}
        left_out |= {"drop_frequency", "wav_augment"}
    assert set(theirs) - set(mine) == left_out
    assert {key for key in mine if mine[key] != theirs[key]} == set(
        "data_folder output_folder classes data_roots prepare wav2vec2_hub "
        "out_n_neurons train_logger checkpointer refit_checkpointer".split()
    )
    assert mine["data_folder"].startswith(" !PLACEHOLDER")
    assert mine["wav2vec2_hub"] == " facebook/wav2vec2-base\n"
    number = len(find_corpus(name).classes)
    assert mine["out_n_neurons"] == f" {number}\n"


def keys_of(settings):
    """Splits settings by their keys, comments at column 0 left out."""
    text = re.sub(r"^(#.*|)\n", "", settings, flags=re.MULTILINE)
    blocks = re.split(r"^(\w+):", text, flags=re.MULTILINE)
    return dict(zip(blocks[1::2], blocks[2::2]))
