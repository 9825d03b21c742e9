"""From waveforms to hidden states that do not depend on the batch that a clip
is in.
"""

import hashlib

import torch

# A vector of masked training, drawn again if a checkpoint lacks it.
UNUSED_WEIGHT = "masked_spec_embed"


class HiddenStates(torch.nn.Module):
    """A wav2vec 2.0, HuBERT, WavLM or data2vec model of transformers in which
    padding reaches no valid frame, and each clip is normalised by itself.

    Arguments
    ---------
    model : transformers.PreTrainedModel
        The model, which is changed in place.
    normalize_wav : bool
        Whether it wants zero mean and unit variance.
    """

    def __init__(self, model, normalize_wav):
        super().__init__()
        self.model = model
        self.normalize_wav = normalize_wav
        self._make_padding_invariant()

    def forward(self, wav, wav_lens=None):
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
        clips = [clip[:, :n] for clip, n in zip(x, frames, strict=True)]
        mean = torch.stack([clip.mean(dim=-1) for clip in clips])
        # A fifth of the time of torch.var_mean
        norms = [
            torch.linalg.vector_norm(clip - centre[:, None], dim=-1)
            for clip, centre in zip(clips, mean)
        ]
        counts = torch.tensor(frames, device=x.device)[:, None]
        variance = torch.stack(norms).square() / counts
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


def weights_sha256(model):
    """Hashes the weights of a transformers model.

    Arguments
    ---------
    model : transformers.PreTrainedModel or dict
        The model, or its state dict.

    Returns
    -------
    str
        The same for equal weights, wherever they were loaded from.
    """
    digest = hashlib.sha256()
    weights = model if isinstance(model, dict) else model.state_dict()
    for name, weight in sorted(weights.items()):
        if name == UNUSED_WEIGHT:
            continue
        text = f"{name} {weight.dtype} {list(weight.shape)}"
        digest.update(text.encode())
        flat = weight.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()
