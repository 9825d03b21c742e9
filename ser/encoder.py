"""From waveforms to hidden states: SpeechBrain's Wav2Vec2 lobe, changed so that
a clip's hidden states do not depend on the batch that it is in.
"""

import hashlib
import json
from pathlib import Path

import torch
from ser.errors import RecipeError
from transformers.utils import logging as transformers_logging

from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from speechbrain.nnet.adapters import AdaptedModel, LoRA

# Its messages about every config and weight would bury ours.
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
# SpeechBrain turns it on, and its rounding (1e-3) differs with the batch.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False

# What changes no hidden state: a vector of masked training, which is drawn again
# if a checkpoint lacks it, and entries of the config.
UNUSED_WEIGHT = "masked_spec_embed"
UNUSED_ENTRIES = (
    "_name_or_path",
    "transformers_version",
    "dtype",
    "torch_dtype",
    "training_speakers",
)


class Encoder(Wav2Vec2):
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
            super().__init__(
                source, save_path, freeze=freeze, output_all_hiddens=True
            )
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
        self.source = str(source)
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

    def _make_padding_invariant(self):
        """Changes the two places where padding reaches valid frames."""
        config = self.model.config
        for conv in self.model.feature_extractor.conv_layers:
            norm = getattr(conv, "layer_norm", None)
            if isinstance(norm, torch.nn.GroupNorm):
                conv.layer_norm = ValidGroupNorm(
                    norm, config.conv_kernel[0], config.conv_stride[0]
                ).to(conv.conv.weight.device)
        # data2vec stacks several, and each would read what the one before it
        # wrote into the padding.
        positional = getattr(self.model.encoder.pos_conv_embed, "layers", [])
        for layer in list(positional)[1:]:
            layer.register_forward_pre_hook(self._zero_padding)

    def _zero_padding(self, module, inputs):
        """Sets the padding of a module's input [batch, channel, frame] to
        zero."""
        index = torch.arange(inputs[0].shape[-1], device=inputs[0].device)
        return (inputs[0] * (index < self._frames()[:, None])[:, None],)

    def train(self, mode=True):
        """Sets the mode of what is trained; the rest stays in evaluation
        mode, without dropout, whatever the Brain asks for."""
        super().train(mode and not self.freeze)
        for part in getattr(self, "frozen_parts", []):
            part.eval()
        return self

    def extract_features(self, wav, wav_lens=None):
        """Encodes waveforms at 16 kHz [batch, sample] of relative lengths
        [batch]; returns hidden states [layer + 1, batch, frame, channel], the
        first of them the input of the transformer, and relative lengths in
        frames [batch]. Frames past the end of a clip hold no meaning."""
        if wav_lens is None:
            wav_lens = torch.ones(len(wav), device=wav.device)
        self.samples = (wav_lens * wav.shape[1]).round().long()
        index = torch.arange(wav.shape[1], device=wav.device)
        valid = index < self.samples[:, None]
        wav = wav * valid
        if self.normalize_wav:
            wav = normalise(wav, valid)
        for conv in self.model.feature_extractor.conv_layers[:1]:
            if isinstance(conv.layer_norm, ValidGroupNorm):
                conv.layer_norm.samples = self.samples.tolist()
        output = self.model(
            wav, attention_mask=valid, output_hidden_states=True
        )
        # transformers 5 leaves the final layer norm of pre-norm models out of
        # its hidden states; the last one must be the model's own output.
        hidden = (*output.hidden_states[:-1], output.last_hidden_state)
        return torch.stack(hidden), self._frames() / hidden[0].shape[1]

    def _frames(self):
        """Returns how many frames each clip of the last batch has [batch]."""
        return self.model._get_feat_extract_output_lengths(self.samples)

    def fingerprint(self):
        """Hashes the weights and the config, for the embedding store: the same
        text for equal encoders, wherever they were loaded from."""
        config = self.model.config.to_dict()
        config = {k: v for k, v in config.items() if k not in UNUSED_ENTRIES}
        text = json.dumps(
            [config, self.normalize_wav], sort_keys=True, default=str
        )
        digest = hashlib.sha256(text.encode())
        for name, weight in sorted(self.model.state_dict().items()):
            if name == UNUSED_WEIGHT:
                continue
            text = f"{name} {weight.dtype} {list(weight.shape)}"
            digest.update(text.encode())
            flat = weight.detach().cpu().contiguous().flatten()
            digest.update(flat.view(torch.uint8).numpy())
        return digest.hexdigest()


class ValidGroupNorm(torch.nn.GroupNorm):
    """A group norm over time that leaves the padding out of its statistics; it
    takes the weights of the one it replaces, and the kernel and the stride, in
    samples, of the convolution before it."""

    def __init__(self, norm, kernel, stride):
        super().__init__(norm.num_groups, norm.num_channels, norm.eps)
        self.weight, self.bias = norm.weight, norm.bias
        self.kernel, self.stride = kernel, stride
        self.samples = None  # of each clip, set before each forward pass

    def forward(self, x):
        """Normalises [batch, channel, frame], each clip by its own valid
        frames; frames past the end of a clip hold no meaning."""
        frames = [(n - self.kernel) // self.stride + 1 for n in self.samples]
        x = x.float()
        # Clip by clip: exactly the result of the clip alone. A group is a
        # channel.
        moments = [
            torch.var_mean(clip[:, :n], dim=-1, correction=0)
            for clip, n in zip(x, frames, strict=True)
        ]
        variance, mean = (torch.stack(m) for m in zip(*moments))
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return torch.addcmul(shift[..., None], x, scale[..., None])


def normalise(wav, valid):
    """Gives each clip of [batch, sample] zero mean and unit variance over its
    valid samples, as Hugging Face's feature extractor does; what is not valid
    must be zero and stays so."""
    samples = valid.sum(dim=1, keepdim=True)
    wav = (wav - wav.sum(dim=1, keepdim=True) / samples) * valid
    variance = wav.square().sum(dim=1, keepdim=True) / samples
    return wav / (variance + 1e-7).sqrt()


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
