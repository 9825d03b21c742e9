"""From a clip's embeddings to logits, and from logits to probabilities."""

from math import exp, log

import numpy as np
import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from ser.errors import RecipeError, check_finite


class Standardiser(torch.nn.Module):
    """Gives each channel of each layer zero mean and unit variance over the
    training set; the statistics are stored with the model.

    Arguments
    ---------
    num_layers : int
        Transformer layers of the encoder.
    dim : int
        Channels of an embedding.

    Example
    -------
    >>> standardiser = Standardiser(num_layers=2, dim=4)
    >>> embeddings = torch.rand(16, 3, 4)
    >>> standardiser.fit([embeddings[:8], embeddings[8:]])
    >>> standardiser(embeddings).mean().abs() < 1e-5
    tensor(True)
    """

    def __init__(self, num_layers, dim):
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_layers + 1, dim))
        self.register_buffer("std", torch.ones(num_layers + 1, dim))

    def fit(self, batches):
        """Takes the statistics of the training set, in one pass and fp64.

        Arguments
        ---------
        batches : iterable of torch.Tensor
            Embeddings [batch, layer + 1, channel] of training clips only.
        """
        count, mean, scatter = 0, 0.0, 0.0
        for batch in batches:
            # Chan, Golub & LeVeque (1983). scikit-learn's StandardScaler does
            # the same, but the last digit of a mean in a thousand differs.
            batch = batch.detach().double()
            shift = batch.mean(dim=0) - mean
            total = count + len(batch)
            scatter = (
                scatter
                + (batch - batch.mean(dim=0)).square().sum(dim=0)
                + shift.square() * count * len(batch) / total
            )
            mean = mean + shift * len(batch) / total
            count = total
        check_finite(
            torch.stack([mean, scatter]),
            ["the mean of the training set", "its variance"],
        )
        self.mean.copy_(mean)
        # The rounding errors of a constant channel must not be scaled up to
        # unit variance.
        floor = 1e-4 * self.mean.abs() + 1e-5
        self.std.copy_((scatter / count).sqrt()).clamp_(min=floor)

    def forward(self, embeddings):
        """Standardises embeddings [batch, layer + 1, channel]."""
        return (embeddings - self.mean) / self.std


class LayerWeights(torch.nn.Module):
    """Turns the layers into one vector: their softmax-weighted sum, as in
    SUPERB (https://arxiv.org/abs/2105.01051), or the last layer alone.

    Arguments
    ---------
    layers : str
        "weighted" or "last".
    num_layers : int
        Transformer layers of the encoder.

    Example
    -------
    >>> LayerWeights("weighted", num_layers=2)(torch.rand(16, 3, 4)).shape
    torch.Size([16, 4])
    """

    def __init__(self, layers, num_layers):
        super().__init__()
        if layers not in ("weighted", "last"):
            raise RecipeError(
                f"layers is '{layers}': expected weighted or last."
            )
        self.score = (
            torch.nn.Parameter(torch.zeros(num_layers + 1))
            if layers == "weighted"
            else None
        )

    def weights(self):
        """Returns the weight of each layer [layer + 1], or None for "last"."""
        return None if self.score is None else self.score.softmax(dim=0)

    def forward(self, embeddings):
        """Turns [batch, layer + 1, channel] into [batch, channel]."""
        if self.score is None:
            return embeddings[:, -1]
        return torch.einsum("blc,l->bc", embeddings, self.weights())


class Classifier(torch.nn.Module):
    """MLPs from the one vector of a clip to logits, or linear layers; several
    are trained side by side, and their logits averaged.

    Arguments
    ---------
    input_size : int
        Channels of the vector.
    hidden_sizes : list of int
        Of the hidden layers; a 0 is no layer.
    num_classes : int
        How many logits.
    num_heads : int
        How many MLPs.
    dropout : float
        After each hidden layer.

    Example
    -------
    >>> classifier = Classifier(4, [8, 0], num_classes=3, num_heads=5)
    >>> classifier(torch.rand(16, 4)).shape
    torch.Size([5, 16, 3])
    >>> classifier.eval()(torch.rand(16, 4)).shape
    torch.Size([16, 3])
    """

    def __init__(
        self, input_size, hidden_sizes, num_classes, num_heads=1, dropout=0.0
    ):
        super().__init__()
        if not isinstance(num_heads, int) or num_heads < 1:
            raise RecipeError(f"num_heads is {num_heads}: expected 1 or more.")
        self.hidden_sizes = [size for size in hidden_sizes if size]
        self.heads = torch.nn.ModuleList()
        for _ in range(num_heads):
            layers, channels = [], input_size
            for size in self.hidden_sizes:
                layers.append(torch.nn.Linear(channels, size))
                layers.append(torch.nn.ReLU())
                layers.append(torch.nn.Dropout(dropout))
                channels = size
            layers.append(torch.nn.Linear(channels, num_classes))
            self.heads.append(torch.nn.Sequential(*layers))

    def forward(self, x):
        """Computes logits from [batch, channel]: [head, batch, class] in
        training, [batch, class] outside."""
        logits = torch.stack([head(x) for head in self.heads])
        return logits if self.training else logits.mean(dim=0)


def share_of(emotion, clip, classes, votes):
    """Returns what a clip teaches of each class, an array [class]: the share of
    the votes for it if there are votes on the clip, else its emotion alone.

    Arguments
    ---------
    emotion, clip : str
        The label and the ID of a clip.
    classes : list of str
        In the order of the logits.
    votes : dict
        From IDs to the shares (0 to 1) of the classes.
    """
    shares = votes.get(clip) or [name == emotion for name in classes]
    return np.array(shares, dtype=np.float32)


def inverse_frequency(emotions, classes):
    """Weighs each class by the inverse of its frequency.

    Arguments
    ---------
    emotions : list of str
        Of the training clips.
    classes : list of str
        In the order of the logits.

    Returns
    -------
    torch.Tensor
        Weights [class], whose mean over the clips is 1 if every class occurs.
    """
    counts = np.array([emotions.count(name) for name in classes])
    weights = len(emotions) / (len(classes) * np.maximum(counts, 1))
    return torch.tensor(weights * (counts > 0), dtype=torch.float32)


def fit_temperature(logits, targets):
    """Finds what to divide logits by so that their probabilities are
    calibrated: the least cross entropy on clips that were not trained on.

    Source: https://arxiv.org/abs/1706.04599

    Arguments
    ---------
    logits : torch.Tensor
        [clip, class].
    targets : torch.Tensor
        Classes [clip].

    Returns
    -------
    float
        0.1 to 10.
    """
    logits = logits.double()

    def loss(log_temperature):
        """Computes the cross entropy at a temperature."""
        scaled = logits / exp(log_temperature)
        return torch.nn.functional.cross_entropy(scaled, targets).item()

    limit = log(10)  # a set without any mistake would have it 0
    return exp(minimize_scalar(loss, bounds=(-limit, limit)).x)


def tabulate(outputs, classes, temperature):
    """Makes a table of logits.

    Arguments
    ---------
    outputs : list of (str, int, torch.Tensor)
        The ID of each clip, its class, and its logits [class].
    classes : list of str
        In the order of the logits.
    temperature : float
        From `fit_temperature`.

    Returns
    -------
    pandas.DataFrame
        ID, truth, prediction and a calibrated probability for each class, by
        ID.
    """
    ids, truth, logits = zip(*outputs)
    classes, logits = np.array(classes), torch.stack(logits)
    check_finite(logits, [f"the output for {clip}" for clip in ids])
    probabilities = (logits / temperature).softmax(dim=-1)
    table = pd.DataFrame(probabilities.numpy(), columns=classes)
    table.insert(0, "prediction", classes[logits.argmax(dim=-1).numpy()])
    table.insert(0, "truth", classes[list(truth)])
    table.insert(0, "ID", ids)
    return table.sort_values("ID", ignore_index=True)
