"""Speaker normalisation: a speaker's embeddings by the mean and deviation of
that speaker's own clips, whose labels are not needed.
"""

import torch
from ser.errors import RecipeError
from ser.head import Standardiser

UNKNOWN = "unknown"  # as in manifests: a speaker who may be anyone
MIN_CLIPS = 10  # fewer tell more of their emotions than of the voice
RULE = (
    f"where a speaker has fewer than {MIN_CLIPS} clips or is unknown, the mean "
    "and deviation are those of the training set"
)
BATCH = 256  # embeddings that are in memory at a time


def check_normalise(hparams):
    """Raises a RecipeError unless the settings (a dict) can have the kind of
    normalisation that they name."""
    kind = hparams["normalise"]
    if kind not in ("none", "speaker"):
        raise RecipeError(f"normalise is '{kind}': expected none or speaker.")
    stored = hparams["freeze_wav2vec2"] and hparams["encode_once"]
    if kind == "speaker" and (not stored or hparams["pooling"] == "attention"):
        raise RecipeError(
            "normalise is speaker, which takes the stored embeddings of all "
            "clips of a speaker: use hparams/train.yaml with encode_once True "
            "and pooling mean or mean_std, or leave --normalise out."
        )


def has_statistics(speaker, clips):
    """Tells whether a speaker (str) with so many clips is normalised."""
    return speaker != UNKNOWN and clips >= MIN_CLIPS


def fit_speakers(read, speakers):
    """Takes the statistics of each speaker's clips.

    Source: https://arxiv.org/abs/2104.03502, where they are of features before
    the pooling

    Arguments
    ---------
    read : callable
        From the numbers of clips to their embeddings [clip, layer + 1,
        channel].
    speakers : list of str
        The speaker of each clip.

    Returns
    -------
    list of (ser.head.Standardiser or None)
        For each clip that of its speaker, as `normalise_speakers` takes it;
        None where the statistics are those of the training set.
    """
    clips, found = {}, [None] * len(speakers)
    for number, speaker in enumerate(speakers):
        clips.setdefault(speaker, []).append(number)
    for speaker, numbers in clips.items():
        if has_statistics(speaker, len(numbers)):
            _, layers, channels = read(numbers[:1]).shape
            own = Standardiser(layers - 1, channels)
            own.fit(
                read(numbers[start : start + BATCH])
                for start in range(0, len(numbers), BATCH)
            )
            for number in numbers:
                found[number] = own
    return found


def normalise_speakers(embeddings, own, standardiser):
    """Gives the clips of each speaker the mean and deviation of the training
    set, which the head's first module takes away again.

    Arguments
    ---------
    embeddings : torch.Tensor
        [batch, layer + 1, channel].
    own : list of (ser.head.Standardiser or None)
        As `fit_speakers` returns them; None leaves a clip as it is.
    standardiser : ser.head.Standardiser
        Of the training set.

    Returns
    -------
    torch.Tensor
        [batch, layer + 1, channel].
    """
    device = embeddings.device
    return torch.stack(
        [
            clip
            if speaker is None
            else speaker.to(device)(clip) * standardiser.std + standardiser.mean
            for clip, speaker in zip(embeddings, own)
        ]
    )
