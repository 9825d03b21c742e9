"""Cross-validation: its options, and the runs that follow from them."""

import pytest
from conftest import ROOT
from cross_validation.runs import list_runs
from crossval import parse_command_line
from ser.errors import RecipeError

SETTINGS = "hparams/train.yaml"


@pytest.mark.parametrize(
    "args, words",
    [
        (["--fold", "1"], "--fold was given"),
        (["--seed", "1"], "--seed was given"),
        (["--seeds", "0"], "seeds is 0"),
        (["--jobs", "-1"], "jobs -1"),
    ],
)
def test_folds_and_seeds_are_its_own(args, words, monkeypatch):
    """A fold or a seed on the command line is refused, and so are numbers of
    seeds and jobs that make no sense."""
    monkeypatch.chdir(ROOT)
    with pytest.raises(RecipeError, match=words):
        parse_command_line([SETTINGS, *args])


def test_runs_are_all_folds_of_each_seed():
    """In this order, each in a folder of its own; others are refused."""
    runs = list_runs("out", {"lr": 0.1}, num_folds=3, seeds=2, only=[1, 3])
    assert runs == [
        {"lr": 0.1, "fold": fold, "seed": seed, "output_folder": folder}
        for seed, fold, folder in [
            (1, 1, "out/fold1/1"),
            (1, 3, "out/fold3/1"),
            (2, 1, "out/fold1/2"),
            (2, 3, "out/fold3/2"),
        ]
    ]
    assert len(list_runs("out", {}, num_folds=3, seeds=2, only=[])) == 6
    with pytest.raises(RecipeError, match="there are folds 1 to 3"):
        list_runs("out", {}, num_folds=3, seeds=1, only=[4])
