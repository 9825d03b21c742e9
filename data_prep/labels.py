"""Label sets: a corpus's own classes, the common ones, or some of its own."""

import functools
from collections import Counter
from dataclasses import replace

from ser.errors import RecipeError

# Four classes that most corpora have, in EmoBox's mapping of their names,
# https://github.com/emo-box/EmoBox; other emotions are not in the set.
COMMON = {
    "angry": "angry",
    "anger": "angry",
    "happy": "happy",
    "happiness": "happy",
    "joy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
}


def common_classes():
    """Lists the classes of the common label set, sorted."""
    return tuple(sorted(set(COMMON.values())))


def with_label_set(corpus, label_set):
    """Gives a corpus the classes of a label set; other emotions are excluded.

    Arguments
    ---------
    corpus : data_prep.corpus.Corpus
        With classes.
    label_set : str
        "own", "common", or the classes to keep, separated by commas.

    Returns
    -------
    data_prep.corpus.Corpus

    Raises
    ------
    RecipeError
        If the corpus does not have these classes, or fewer than two are kept.
    """
    if label_set == "own":
        return corpus
    if label_set == "common":
        return with_common_labels(corpus)
    classes = tuple(name.strip() for name in label_set.split(","))
    unknown = set(classes) - set(corpus.classes)
    if unknown or len(set(classes)) < max(2, len(classes)):
        raise RecipeError(
            f"label_set is '{label_set}': expected own, common "
            f"({', '.join(common_classes())}), or two or more of the classes "
            f"of {corpus.name} ({', '.join(corpus.classes)}), separated "
            "by commas."
        )
    clips = {k: n for k, n in corpus.clips.items() if k in classes}
    return replace(corpus, classes=classes, clips=clips, emobox_clips=False)


def with_common_labels(corpus):
    """Maps the emotions of a corpus to the common label set."""
    if not COMMON.keys() & set(corpus.classes):
        raise RecipeError(
            f"{corpus.name} has the classes {', '.join(corpus.classes)} and "
            f"none of the common label set ({', '.join(common_classes())}): "
            "leave --label_set out."
        )
    clips = Counter()
    for emotion, number in corpus.clips.items():
        if emotion in COMMON:
            clips[COMMON[emotion]] += number
    return replace(
        corpus,
        classes=common_classes(),
        clips=clips,
        emobox_clips=False,
        describe=functools.partial(describe_common, corpus.describe),
    )


def describe_common(describe, path):
    """Describes a clip by an emotion of the common label set."""
    clip = describe(path)
    if clip["emotion"] not in COMMON:
        raise ValueError(
            f"emotion not in the common label set: {clip['emotion']}"
        )
    return clip | {"emotion": COMMON[clip["emotion"]]}
