"""Names of files that are refused, and the reason."""

import re
from pathlib import PurePath

import pytest
from data_prep.corpus import find_corpus


@pytest.mark.parametrize(
    "key, name, reason",
    [
        ("aesdd", "a03 (7)", "name does not parse as emotion, text, (speaker)"),
        ("aesdd", "n03 (1)", "emotion not in the class set: n"),
        (
            *("cafe", "13-C-1-1"),
            "name does not parse as actor-emotion-intensity-sentence",
        ),
        (
            *("crema_d", "1092_DFA_ANG_XX"),
            "name does not parse as actor_sentence_emotion_level",
        ),
        ("crema_d", "1001_DFA_SUR_XX", "emotion not in the class set: SUR"),
        (
            *("emodb", "07a01Wa"),
            "name does not parse as speaker, text, emotion, take",
        ),
        ("emodb", "03a01Xa", "emotion not in the class set: X"),
        ("esd", "0021_000001", "name does not parse as speaker_number"),
        ("esd", "0001_001751", "no emotion has its number: 001751"),
        (
            *("ravdess", "03-01-01-01-01-01"),
            "name does not parse as seven numbers of two digits",
        ),
        ("ravdess", "03-01-09-01-01-01-01", "emotion not in the class set: 09"),
        (
            *("ravdess", "03-01-01-01-03-01-01"),
            "name does not parse: no such actor or statement",
        ),
        ("ravdess_song", "03-01-01-01-01-01-01", "speech, not song"),
        (
            *("subesco", "F_11_MONIKA_S_2_SAD_3"),
            "name does not parse as speaker, sentence, emotion and take",
        ),
        ("tess", "OAF_back_calm", "emotion not in the class set: calm"),
    ],
)
def test_refused_names(key, name, reason):
    """Unknown speakers, unknown emotions and other forms."""
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        find_corpus(key).describe(PurePath(f"folder/{name}.wav"))
