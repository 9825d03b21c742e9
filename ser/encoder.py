"""SpeechBrain's Wav2Vec2 lobe, changed so that a clip's hidden states do not
depend on the batch that it is in.
"""

import hashlib
import json
from pathlib import Path

import torch
from ser.errors import RecipeError
from ser.hidden_states import UNUSED_WEIGHT, HiddenStates, weights_sha256
from transformers.utils import logging as transformers_logging

from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.nnet.adapters import AdaptedModel, LoRA

# Its messages about every config and weight would bury ours.
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
# SpeechBrain turns it on, and its rounding (1e-3) differs with the batch.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False

# Entries of the config that change no hidden state
UNUSED_ENTRIES = (
    "_name_or_path",
    "transformers_version",
    "dtype",
    "torch_dtype",
    "training_speakers",
)


class Encoder(HiddenStates, Wav2Vec2):
    """Any wav2vec 2.0, HuBERT, WavLM, data2vec or XLS-R model of the hub or of
    a folder in the Hugging Face format.

    It differs from the lobe in this: each clip is normalised by itself, the
    group norm of the first convolution and the positional convolutions see
    valid frames only, frozen layers stay in evaluation mode and without
    gradient, and weights that are missing from the checkpoint are an error.

    Source: https://arxiv.org/abs/2006.11477

    Arguments
    ---------
    source : str
        Hub name, such as "facebook/wav2vec2-base", or a folder.
    save_path : str
        Where a model of the hub is kept.
    freeze : bool
        If True, nothing is trained.
    train_layers : int
        How many transformer layers are trained unless frozen, counted from the
        last; -1 is all of them and the projection before them.
    lora_rank : int
        If above 0, low-rank adapters of this rank in the trained layers are
        trained instead of the layers (https://arxiv.org/abs/2106.09685).
    gradient_checkpointing : bool
        If True, the backward pass computes activations again: slower, and much
        less memory.
    train_front_end : bool
        If True, everything is trained, the convolutional front end too, as for
        an encoder from scratch.

    Example
    -------
    >>> import transformers
    >>> config = transformers.Wav2Vec2Config(
    ...     hidden_size=48, num_hidden_layers=1
    ... )
    >>> folder = str(getfixture("tmpdir"))
    >>> transformers.Wav2Vec2Model(config).save_pretrained(folder)
    >>> _ = transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    >>> encoder = Encoder(folder, save_path="")
    >>> hidden, lens = encoder(torch.rand(2, 16000), torch.tensor([0.5, 1.0]))
    >>> hidden.shape, (lens * hidden.shape[2]).round().int().tolist()
    (torch.Size([2, 2, 49, 48]), [24, 49])
    """

    def __init__(
        self,
        source,
        save_path,
        freeze=True,
        train_layers=-1,
        lora_rank=0,
        gradient_checkpointing=False,
        train_front_end=False,
    ):
        try:
            Wav2Vec2.__init__(self, source, save_path, freeze=freeze)
        except RecipeError:
            raise
        # The hub's client raises errors of many libraries without a network.
        except Exception as error:
            raise RecipeError(_explain(source, error)) from error
        config = self.model.config
        if not hasattr(config, "conv_kernel"):
            raise RecipeError(
                f"'{source}' is a {config.model_type} model: expected one with "
                "wav2vec 2.0's front end (wav2vec 2.0, HuBERT, WavLM, data2vec)."
            )
        config.layerdrop = 0.0  # a skipped layer would have no hidden state
        self.source, self.save_path = str(source), save_path
        self.dim = config.hidden_size
        self.num_layers = config.num_hidden_layers
        # Entries of this repository's own encoders; the speakers are those of
        # labelled training, such as crema_d-1003.
        self.is_random = getattr(config, "randomly_initialised", False)
        self.training_speakers = set(getattr(config, "training_speakers", ()))
        if freeze:
            self.frozen_parts = [self.model]
        elif train_front_end:
            self.frozen_parts = []
        else:
            self.frozen_parts = self._freeze_up_to(
                self.num_layers if train_layers < 0 else train_layers
            )
        if lora_rank and not freeze:
            first = 0 if train_layers < 0 else self.num_layers - train_layers
            self._add_lora(lora_rank, range(first, self.num_layers))
        if gradient_checkpointing and not freeze:
            # Without re-entry, since the front end returns no gradient.
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        self._make_padding_invariant()
        self.train(not freeze)

    def _from_pretrained(self, source, save_path, cache_dir, **kwargs):
        """Loads the weights, and refuses a checkpoint that lacks some, where
        the lobe only warns."""
        super()._from_pretrained(
            source,
            save_path,
            cache_dir,
            output_loading_info=True,
            dtype=torch.float32,  # whatever it was saved in
            **kwargs,
        )
        if not isinstance(self.model, tuple):
            raise RecipeError(
                f"'{source}' is a checkpoint of SpeechBrain (.ckpt), whose "
                "missing weights would go unnoticed: expected the Hugging Face "
                "format, as its save_pretrained writes it."
            )
        self.model, info = self.model
        missing = set(info["missing_keys"]) - {UNUSED_WEIGHT}
        missing |= {str(key) for key in info["mismatched_keys"]}
        if missing:
            raise RecipeError(
                f"the checkpoint of '{source}' lacks {len(missing)} weights of "
                f"its model, or has them in another shape: "
                f"{', '.join(sorted(missing))}; get a whole checkpoint."
            )

    def _freeze_up_to(self, train_layers):
        """Freezes what comes before the last `train_layers` layers, and
        returns the frozen modules."""
        if not 1 <= train_layers <= self.num_layers:
            raise RecipeError(
                f"train_layers is {train_layers}, and '{self.source}' has "
                f"{self.num_layers} layers: give 1 to {self.num_layers}, or -1."
            )
        layers = self.model.encoder.layers
        frozen = [self.model.feature_extractor]
        # HF's own switch, or it would ask for the gradient of the waveform.
        self.model.feature_extractor._freeze_parameters()
        if train_layers < self.num_layers:
            frozen.append(self.model.feature_projection)
            frozen.append(self.model.encoder.pos_conv_embed)
            if not getattr(self.model.config, "do_stable_layer_norm", False):
                frozen.append(self.model.encoder.layer_norm)
            frozen += layers[: self.num_layers - train_layers]
        for part in frozen:
            part.requires_grad_(False)
        if hasattr(self.model, "masked_spec_embed"):
            # Unused, and DDP waits for every parameter that has a gradient.
            self.model.masked_spec_embed.requires_grad_(False)
        return frozen

    def _add_lora(self, rank, layers):
        """Adds SpeechBrain's LoRA to the attention of some layers."""
        # WavLM reads its attention's weights past the modules that hold them.
        parts = (
            ("feed_forward.intermediate_dense", "feed_forward.output_dense")
            if self.model.config.model_type == "wavlm"
            else ("attention.q_proj", "attention.v_proj")
        )
        # It changes the model in place; its saver, which keeps the adapters
        # alone, is not used, since the whole encoder is checkpointed.
        AdaptedModel(
            self.model,
            LoRA,
            target_layers=[
                f"encoder.layers.{layer}.{part}"
                for layer in layers
                for part in parts
            ],
            adapter_kwargs={"rank": rank},
        )

    def train(self, mode=True):
        """Sets the mode of what is trained; the rest stays in evaluation
        mode, without dropout, whatever the Brain asks for."""
        super().train(mode and not self.freeze)
        for part in getattr(self, "frozen_parts", []):
            part.eval()
        return self

    def forward(self, wav, wav_lens=None):
        """Encodes as `HiddenStates` does, without gradient if frozen."""
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.freeze
        ):
            return super().forward(wav, wav_lens)

    def fingerprint(self):
        """Hashes the weights and the config, for the embedding store: the same
        text for equal encoders, wherever they were loaded from."""
        config = self.model.config.to_dict()
        config = {k: v for k, v in config.items() if k not in UNUSED_ENTRIES}
        text = json.dumps(
            [config, self.normalize_wav, weights_sha256(self.model)],
            sort_keys=True,
            default=str,
        )
        return hashlib.sha256(text.encode()).hexdigest()


def _explain(source, error):
    """Explains in a sentence why an encoder did not load."""
    if Path(source).is_dir():
        return (
            f"the folder '{source}' is not an encoder in the Hugging Face format "
            "(config.json, preprocessor_config.json, model.safetensors): "
            f"{type(error).__name__}: {error}"
        )
    return (
        f"'{source}' is not a folder here and could not be downloaded from the "
        f"hub ({type(error).__name__}): check the name and the network, or "
        f"download it elsewhere ('hf download {source} --local-dir DIR') and "
        "pass --wav2vec2_hub DIR."
    )
