"""From hidden states to one embedding for each clip and layer."""

import torch
from ser.errors import RecipeError

KINDS = ("mean", "mean_std", "attention")


class Pooling(torch.nn.Module):
    """Pools each layer's frames over the length of each clip.

    Unlike SpeechBrain's `StatisticsPooling` it adds no noise and does not
    loop over the batch.

    Arguments
    ---------
    kind : str
        "mean", "mean_std" (mean and standard deviation) or "attention"
        (a mean with learned weights, https://arxiv.org/abs/1803.10963).
    dim : int
        Channels of the encoder.
    num_layers : int
        Transformer layers of the encoder.

    Example
    -------
    >>> pooling = Pooling("mean_std", dim=4, num_layers=2)
    >>> pooling(torch.rand(3, 2, 9, 4), torch.tensor([0.5, 1.0])).shape
    torch.Size([2, 3, 8])
    """

    def __init__(self, kind, dim, num_layers):
        super().__init__()
        if kind not in KINDS:
            raise RecipeError(
                f"pooling is '{kind}': expected one of {', '.join(KINDS)}."
            )
        self.kind = kind
        self.output_size = 2 * dim if kind == "mean_std" else dim
        if kind == "attention":
            # Zero to begin with: a plain mean.
            self.score = torch.nn.Parameter(torch.zeros(num_layers + 1, dim))

    def forward(self, hidden, lens):
        """Pools a batch.

        Arguments
        ---------
        hidden : torch.Tensor
            Hidden states [layer + 1, batch, frame, channel].
        lens : torch.Tensor
            Relative lengths in frames [batch].

        Returns
        -------
        torch.Tensor
            Embeddings [batch, layer + 1, channel], in fp32; with "mean_std"
            the standard deviations follow the means.
        """
        frames = hidden.shape[2]
        index = torch.arange(frames, device=hidden.device)
        valid = index < (lens * frames).round()[:, None]
        # Half precision would round a mean over hundreds of frames.
        with torch.autocast(hidden.device.type, enabled=False):
            # A layer at a time, which a processor's cache holds.
            pooled = [
                self._pool_layer(layer.float(), valid, number)
                for number, layer in enumerate(hidden)
            ]
        return torch.stack(pooled, dim=1)

    def _pool_layer(self, hidden, valid, layer):
        """Turns [batch, frame, channel] into [batch, channel]."""
        if self.kind == "attention":
            score = (hidden @ self.score[layer]).masked_fill(~valid, -torch.inf)
            weight = score.softmax(dim=-1)
        else:
            weight = valid / valid.sum(dim=1, keepdim=True)
        # A weight of zero is not enough: the padding may be infinite.
        hidden = hidden.masked_fill(~valid[..., None], 0)
        mean = torch.einsum("btc,bt->bc", hidden, weight)
        if self.kind != "mean_std":
            return mean
        centred = hidden - mean[:, None]
        variance = torch.einsum("btc,bt->bc", centred.square(), weight)
        return torch.cat([mean, variance.clamp(min=1e-10).sqrt()], dim=-1)
