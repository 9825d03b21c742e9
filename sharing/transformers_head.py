"""A linear head in the form of transformers' own classes, so that its
"audio-classification" pipeline can load the folder of a model.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from ser.files import write_text, written_whole
from ser.model_folder import ENCODER, read_model

CLASSES = {
    "wav2vec2": "Wav2Vec2ForSequenceClassification",
    "hubert": "HubertForSequenceClassification",
    "wavlm": "WavLMForSequenceClassification",
    "data2vec-audio": "Data2VecAudioForSequenceClassification",
}


def add_classifier(folder):
    """Adds the head to an exported model's encoder, if transformers has a
    place for it; the folder stays one that `ser.load_model` reads, with the
    same answers.

    Arguments
    ---------
    folder : str or pathlib.Path
        What `ser.model_folder.write_model` wrote, with the encoder included.

    Returns
    -------
    str
        Why the head does not fit, without a full stop; "" if it does.
    """
    folder = Path(folder)
    model, config = read_model(folder)
    described = config["emotion_model"]
    if misfit := find_misfit(described):
        return misfit
    standardiser, _, classifier = model.head
    size = len(standardiser.std[-1])
    # Frames are projected and then averaged, which is the same as averaged and
    # then standardised.
    std = standardiser.std[-1].double()
    added = {
        "projector.weight": torch.diag(1 / std),
        "projector.bias": -standardiser.mean[-1].double() / std,
        **{
            f"classifier.{name}": torch.stack(
                [getattr(head[-1], name) for head in classifier.heads]
            ).mean(dim=0)
            / model.temperature
            for name in ("weight", "bias")
        },
    }
    weights = load_file(folder / ENCODER)
    weights |= {name: weight.float() for name, weight in added.items()}
    with written_whole(folder / ENCODER) as unfinished:
        save_file(weights, unfinished, metadata={"format": "pt"})
    content = (folder / ENCODER).read_bytes()
    described["weights_sha256"][ENCODER] = hashlib.sha256(content).hexdigest()
    config |= {
        "architectures": [CLASSES[config["model_type"]]],
        "classifier_proj_size": size,
        "id2label": dict(enumerate(model.classes)),
        "label2id": {name: i for i, name in enumerate(model.classes)},
        "problem_type": "single_label_classification",
        "use_weighted_layer_sum": False,
    }
    text = json.dumps(config, indent=2, sort_keys=True)
    write_text(text + "\n", folder / "config.json")
    return ""


def find_misfit(described):
    """Says what about a model's head transformers has no place for, given its
    entry in config.json."""
    if described["pooling"] != "mean":
        return (
            "its classes pool by the mean, and this model by "
            f"{described['pooling']} (train with --pooling mean)"
        )
    if described["layers"] != "last":
        return (
            "its classes weigh layers as they are, and this model standardises "
            "each layer first (train with --layers last)"
        )
    if described["hidden_sizes"]:
        return (
            "its classes have no hidden layers with ReLU, and the head has "
            f"{len(described['hidden_sizes'])} (train with --hidden_size_1 0 "
            "--hidden_size_2 0)"
        )
    return ""


def is_alone_only(config):
    """Tells whether transformers' own classes answer differently for a clip
    that is padded in a batch.

    Arguments
    ---------
    config : dict
        What the config.json of a model holds.

    Returns
    -------
    bool
        True where a group norm counts the padding, or where stacked positional
        convolutions (data2vec) read what was written into it.
    """
    stacked = config["model_type"] == "data2vec-audio"
    return stacked or config.get("feat_extract_norm") == "group"
