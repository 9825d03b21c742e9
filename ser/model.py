"""The whole way from waveforms to calibrated probabilities, as one module."""

from itertools import accumulate
from operator import mul

import torch
import transformers
from ser.errors import RecipeError
from ser.head import Classifier, LayerWeights, Standardiser
from ser.hidden_states import HiddenStates
from ser.pooling import Pooling
from ser.speakers import normalise_speakers

MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")


class EmotionModel(torch.nn.Module):
    """Computes log-probabilities from waveforms.

    Arguments
    ---------
    encoder : ser.hidden_states.HiddenStates
        From waveforms to hidden states.
    pool : ser.pooling.Pooling
        From hidden states to embeddings.
    head : torch.nn.Sequential
        Standardiser, layer weights and classifier.
    classes : list of str
        In the order of the logits.
    temperature : float
        What logits are divided by.
    normalise : str
        "speaker" if it was trained with speaker normalisation.
    """

    def __init__(
        self, encoder, pool, head, classes, temperature=1.0, normalise="none"
    ):
        super().__init__()
        self.encoder, self.pool, self.head = encoder, pool, head
        self.classes, self.temperature = list(classes), temperature
        self.normalise = normalise

    def forward(self, wavs, lens=None):
        """Classifies a batch.

        Arguments
        ---------
        wavs : torch.Tensor
            Waveforms at 16 kHz [batch, sample].
        lens : torch.Tensor
            Relative lengths [batch]; None for no padding.

        Returns
        -------
        torch.Tensor
            Log-probabilities [batch, class].
        """
        return self.classify(self.embed(wavs, lens))

    def embed(self, wavs, lens=None):
        """Computes embeddings [batch, layer + 1, channel] of a batch, given as
        to `forward`."""
        return self.pool(*self.encoder(wavs, lens))

    def classify(self, embeddings, own=None):
        """Computes log-probabilities [batch, class] of embeddings [batch, layer
        + 1, channel]; `own` normalises them, as `normalise_speakers` says."""
        if own is not None:
            standardiser = self.head[0]
            embeddings = normalise_speakers(embeddings, own, standardiser)
        return (self.head(embeddings) / self.temperature).log_softmax(dim=-1)


def build_model(config):
    """Makes a model without its weights.

    Arguments
    ---------
    config : dict
        The encoder's config, and the rest under "emotion_model", as in the
        config.json of a model's folder.

    Returns
    -------
    EmotionModel
        In evaluation mode.
    """
    facts = config["emotion_model"]
    encoder = transformers.AutoModel.from_config(encoder_config(config))
    dim, num_layers = encoder.config.hidden_size, len(encoder.encoder.layers)
    pool = Pooling(facts["pooling"], dim, num_layers)
    head = torch.nn.Sequential(
        Standardiser(num_layers, pool.output_size),
        LayerWeights(facts["layers"], num_layers),
        Classifier(
            pool.output_size,
            facts["hidden_sizes"],
            len(facts["classes"]),
            facts["num_heads"],
        ),
    )
    encoder = HiddenStates(encoder, facts["normalize_wav"])
    model = EmotionModel(
        encoder,
        pool,
        head,
        facts["classes"],
        facts["temperature"],
        facts.get("normalise", "none"),
    )
    return model.eval()


def encoder_config(config):
    """Makes the encoder's config of those entries of a dict that its class
    alone has, so that no other can ask for code."""
    if config.get("model_type") not in MODEL_TYPES:
        raise RecipeError(
            f"model_type is '{config.get('model_type')}': expected one of "
            f"{', '.join(MODEL_TYPES)}."
        )
    known = transformers.AutoConfig.for_model(config["model_type"])
    names = known.to_dict().keys() - transformers.PretrainedConfig().to_dict()
    made = type(known)(**{k: v for k, v in config.items() if k in names})
    check_size(made, names)
    return made


def check_size(config, names):
    """Refuses an encoder's config whose numbers (by their names) would build a
    model without end, or one without end of memory for a clip."""
    for name in names:
        value = getattr(config, name)
        numbers = value if isinstance(value, (list, tuple)) else [value]
        numbers = [n for n in numbers if type(n) in (int, float)]
        is_count = name.startswith(("conv_", "num_")) or name.endswith("_size")
        most = 10_000_000
        if name.startswith("num_"):
            most = 100 if name.endswith("_layers") else 1000
        least = 1 if is_count else -most
        if len(numbers) > 100 or not all(least <= n <= most for n in numbers):
            raise RecipeError(
                f"{name} is {str(value)[:50]}: too much or little."
            )
    strides = list(accumulate(config.conv_stride, mul))  # in samples
    widest = max(dim / n for dim, n in zip(config.conv_dim, strides))
    if strides[-1] < 80 or widest > 256:
        raise RecipeError(
            f"conv_dim is {list(config.conv_dim)} and conv_stride is "
            f"{list(config.conv_stride)}: too many numbers for each sample."
        )
    # WavLM looks distances up in a table of so many rows.
    if getattr(config, "max_bucket_distance", 10**4) <= getattr(
        config, "num_buckets", 0
    ):
        raise RecipeError("max_bucket_distance is not above num_buckets.")


def load_weights(model, encoder, head):
    """Loads weights, every one of which must be there and fit.

    Arguments
    ---------
    model : EmotionModel
        Where they go.
    encoder : dict of torch.Tensor
        The encoder's, named as transformers does in a model with a head;
        those of its own head are left out.
    head : dict of torch.Tensor
        Those of the pooling and the head.

    Raises
    ------
    RecipeError
        If a weight is missing, has another shape or type, is not finite, or
        is not of the model.
    """
    hf = model.encoder.model
    prefix = f"{hf.base_model_prefix}."
    expected = {prefix + n: w for n, w in hf.state_dict().items()} | {
        name: weight
        for name, weight in model.state_dict().items()
        if not name.startswith("encoder.")
    }
    found = head | {
        name: weight
        for name, weight in encoder.items()
        if not name.startswith(("projector.", "classifier."))
    }
    differ = sorted(expected.keys() ^ found.keys())
    differ += [
        name
        for name, weight in expected.items()
        if name in found
        and (
            weight.shape != found[name].shape
            or found[name].dtype != torch.float32
            or not found[name].isfinite().all()
        )
    ]
    if differ:
        raise RecipeError(
            f"{len(differ)} weights are missing, not of this model, of another "
            f"shape or type, or not finite, such as {differ[0]}: get the whole "
            "model again."
        )
    # Assigned, not copied, so that a model without memory gets theirs.
    hf.load_state_dict(
        {n: found.pop(prefix + n) for n in hf.state_dict()}, assign=True
    )
    model.load_state_dict(found, strict=False, assign=True)
