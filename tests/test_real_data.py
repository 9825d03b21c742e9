"""The real corpora, where SER_DATA is set to the folder that holds them."""

import pandas as pd
from trees import (
    EMODB_SPEAKERS,
    excluded,
    prepare_all,
    run_prepare,
    speakers,
    whole,
)


def test_real_emodb(ser_data, tmp_path):
    """All 535 clips, in each of the ten folds."""
    folds = prepare_all(ser_data / "emodb", tmp_path / "m", "emodb")
    tested = [speakers(splits)["test"] for splits in folds]
    assert tested == [{speaker} for speaker in EMODB_SPEAKERS]
    for splits in folds:
        assert len(whole(splits)) == 535
    assert excluded(tmp_path / "m" / "1") == {}
    assert whole(folds[0])["emotion"].value_counts().to_dict() == {
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "sadness": 62,
        "neutral": 79,
    }


def test_real_ravdess(ser_data, tmp_path):
    """The six actors that are there, three clips of theirs in stereo."""
    folds = prepare_all(ser_data / "ravdess", tmp_path / "m")
    assert [len(whole(splits)) for splits in folds] == 6 * [360]
    channels = whole(folds[0])["channels"]
    assert (channels == 2).sum() == 3
    assert set(channels) == {1, 2}


def test_real_crema_d(ser_data, tmp_path):
    """All clips but the silent one and three recordings under two labels."""
    splits = run_prepare(ser_data / "crema_d", tmp_path / "m", "crema_d")
    clips = whole(splits)
    assert len(clips) == 7442 - 7
    assert clips["spk_id"].nunique() == 91
    sexes = pd.read_csv(ser_data / "crema_d" / "VideoDemographics.csv")
    sexes = sexes.set_index("ActorID")["Sex"].str.lower()
    sexes.index = sexes.index.astype(str)
    found = clips.drop_duplicates("spk_id").set_index("spk_id")["gender"]
    assert (found == sexes[found.index]).all()
    assert excluded(tmp_path / "m")["AudioWAV/1076_MTI_SAD_XX.ogg"] == "silence"
