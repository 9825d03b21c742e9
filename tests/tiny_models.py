"""Small models with random weights, in the folder format of `ser.model_folder`,
of each family of encoders.
"""

import torch
from ser.head import Classifier, LayerWeights, Standardiser
from ser.hidden_states import HiddenStates, weights_sha256
from ser.model import EmotionModel
from ser.model_folder import write_model
from ser.pooling import Pooling
from test_encoder import FAMILIES, SMALL, in_one_batch, noise

CLASSES = ["angry", "fröhlich", "neutral", "sad"]


@torch.no_grad()
def make_model_folder(
    folder,
    family,
    pooling="mean_std",
    layers="weighted",
    hidden_sizes=(16,),
    num_heads=2,
    **extra,
):
    """Writes the folder of a model whose probabilities differ widely between
    clips, and returns it; `extra` goes to the encoder's config."""
    torch.manual_seed(0)
    architecture, config, options = FAMILIES[family]
    encoder = architecture(config(**SMALL, **options, **extra)).eval()
    weights = dict(encoder.state_dict())
    dim, num_layers = SMALL["hidden_size"], SMALL["num_hidden_layers"]
    pool = Pooling(pooling, dim, num_layers)
    head = torch.nn.Sequential(
        Standardiser(num_layers, pool.output_size),
        LayerWeights(layers, num_layers),
        Classifier(pool.output_size, hidden_sizes, len(CLASSES), num_heads),
    ).eval()
    for weight in [*pool.parameters(), *head[1].parameters()]:
        torch.nn.init.normal_(weight)
    model = EmotionModel(HiddenStates(encoder, True), pool, head, CLASSES)
    head[0].fit([pool(*model.encoder(*in_one_batch(noise(), 0.0)))])
    described = {
        "classes": CLASSES,
        "pooling": pooling,
        "layers": layers,
        "hidden_sizes": list(hidden_sizes),
        "num_heads": num_heads,
        "temperature": 0.2,
        "normalize_wav": True,
        "encoder": {
            "source": None,
            "revision": None,
            "weights_sha256": weights_sha256(weights),
            "included": True,
        },
        "about": "A model of noise; fit for nothing.",
    }
    state = torch.nn.ModuleDict({"pool": pool, "head": head}).state_dict()
    described = encoder.config.to_dict() | {"emotion_model": described}
    write_model(folder, described, architecture, state, weights)
    return folder
