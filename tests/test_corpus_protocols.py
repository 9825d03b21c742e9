"""Which speakers each corpus trains, validates and tests on."""

import pandas as pd
import pytest
from corpus_files import index_of, open_corpora, prepare_corpus, released_trees
from corpus_trees import expected
from data_prep.corpus import find_corpus
from data_prep.manifest import SPLITS
from data_prep.protocol import make_protocol
from data_prep.scan import find_clips
from data_prep.split import split
from ser.errors import RecipeError


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The trees as they are released, which no test here changes."""
    return released_trees(tmp_path_factory)


def folds_of(key, folder):
    """Splits by the default protocol; returns it in words, and the clips of
    each fold with their split."""
    corpora = open_corpora(key, folder)
    table, _ = find_clips(corpora, 0.1, index_of(folder))
    plan = make_protocol(table, corpora, "default", 5, False)
    folds = []
    for fold in range(1, len(plan.folds) + 1):
        splits, left_out = split(table, plan, fold, 0.2)
        assert left_out == []
        clips = [c.assign(split=name) for name, c in splits.items()]
        folds.append(pd.concat(clips))
        assert sorted(folds[-1]["ID"]) == sorted(table["ID"])
        assert set(folds[-1]["split"]) == set(SPLITS)
        shared = folds[-1].groupby("spk_id")["split"].nunique() > 1
        assert not shared.any()
    return plan.words, folds


def speakers_tested(clips):
    """Lists the speakers of the test set."""
    return sorted(set(clips["spk_id"][clips["split"] == "test"]))


EMOBOX = {
    "savee": "JE|KL|DC|JK",
    "emovo": "f2|m3|m2|f3|f1|m1",
    "jl_corpus": "male2|female1|male1|female2",
    "iemocap": "Ses01F Ses01M|Ses02F Ses02M|Ses03F Ses03M|Ses04F Ses04M|"
    "Ses05F Ses05M",
    "esd": "0005 0011 0016 0018|0012 0014 0015 0019|0003 0004 0006 0009|"
    "0007 0008 0013 0020|0001 0002 0010 0017",
    "subesco": "F_03 M_03 M_08 M_09|F_01 F_04 F_10 M_07|F_06 F_08 M_05 M_06|"
    "F_05 F_07 F_09 M_04|F_02 M_01 M_02 M_10",
    "cafe": "01 07 08 10|02 04 09 12|03 05 06 11",
    "casia": "wangzhe|zhaozuoxiang|liuchanhg|zhaoquanyin",
    "polish": "m3|m2|m4|m5|m1",
}


@pytest.mark.parametrize("key", EMOBOX)
def test_folds_are_those_of_emobox(released, tmp_path, key):
    """Test speakers fold by fold, and none of them anywhere else."""
    folder = released(key)
    words, folds = folds_of(key, folder)
    tested = [" ".join(speakers_tested(fold)) for fold in folds]
    assert "|".join(tested) == EMOBOX[key]
    assert words.startswith("emobox")
    table, _, facts = prepare_corpus(key, folder, tmp_path / "m", fold=2)
    assert speakers_tested(table) == speakers_tested(folds[1])
    assert facts["num_folds"] == len(folds)
    assert not facts["shares_speakers"]


LOSO = ["emodb", "emov_db", "aesdd", "mesd", "nemo", "turev_db"]
KFOLD = "crema_d urdu shemo ased baved enterface oreau asvp_esd mead"


@pytest.mark.parametrize("key", LOSO)
def test_one_speaker_is_left_out(released, key):
    """Each speaker, or voice, is tested in a fold of its own."""
    words, folds = folds_of(key, released(key))
    tested = [speakers_tested(fold) for fold in folds]
    assert tested == [[name] for name in sorted(find_corpus(key).speakers)]
    assert words.startswith("loso")


@pytest.mark.parametrize("key", [*KFOLD.split(), "emozionalmente"])
def test_folds_of_unseen_speakers(released, key):
    """Five folds test each speaker once."""
    words, folds = folds_of(key, released(key))
    tested = [name for fold in folds for name in speakers_tested(fold)]
    assert sorted(tested) == sorted({row[1] for row in expected(key)})
    assert len(folds) == 5
    assert words.startswith("kfold")


@pytest.mark.parametrize("key", ["meld", "msp_podcast"])
def test_official_split(released, tmp_path, key):
    """Each clip is where its table says."""
    folder = released(key)
    table, _, facts = prepare_corpus(key, folder, tmp_path / "m")
    place = {
        "dev": "valid",
        "MSP-PODCAST_0001": "train",
        "MSP-PODCAST_0002": "valid",
        "MSP-PODCAST_0003": "test",
    }
    for clip in table.itertuples():
        start = clip.ID.rsplit("_", 2 if key == "meld" else 1)[0]
        assert clip.split == place.get(start, start)
    assert facts["protocol"].startswith("official")
    assert facts["shares_speakers"] == (key == "meld")


TOO_FEW = {
    "tess": (2, "two speakers"),
    "emns": (1, "one speaker"),
    "resd": (0, "no speakers"),
}


@pytest.mark.parametrize("key", TOO_FEW)
def test_too_few_speakers_are_shared_with_a_notice(released, tmp_path, key):
    """There is no other split, and each score comes with a notice."""
    number, words = TOO_FEW[key]
    folder = released(key)
    _, _, facts = prepare_corpus(key, folder, tmp_path / "m")
    assert facts["protocol"].startswith("random")
    assert "speakers shared" in facts["protocol"]
    assert words in find_corpus(key).notice
    with pytest.raises(RecipeError, match=f"{number} speakers"):
        prepare_corpus(key, folder, tmp_path / "loso", protocol="loso")


def test_scenarios_of_iemocap_stay_together(released, tmp_path):
    """What is tested of a script or a scenario is not trained on."""
    folder = released("iemocap")
    table, _, _ = prepare_corpus(
        "iemocap", folder, tmp_path / "m", text_independent=True
    )
    test = table["split"] == "test"
    assert not set(table["sentence"][test]) & set(table["sentence"][~test])
