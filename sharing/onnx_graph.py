"""A model as one ONNX graph, for `ser.onnx_network` and other programs."""

import copy
import json
import warnings

import torch
from ser.audio import SAMPLE_RATE
from ser.errors import RecipeError
from ser.files import written_whole
from ser.hidden_states import ValidGroupNorm

LARGEST = 2**31 - 2**24  # bytes of weights; a file of 2 GiB cannot be read
OPSET = 17


def write_onnx(model, about, path):
    """Writes a model as a graph, in fp32. Its inputs are `samples` at 16 kHz
    [batch, time] and `lengths` in samples [batch], its output calibrated
    `probabilities` [batch, class]; metadata hold the classes, as JSON, and what
    the model is fit for.

    Arguments
    ---------
    model : ser.model.EmotionModel
        In evaluation mode, on the CPU.
    about : str
        What it is and is not fit for, in a line.
    path : str or pathlib.Path
        Where the graph goes.

    Raises
    ------
    RecipeError
        If the package onnx is missing, or the weights are too large.
    """
    try:
        import onnx
    except ImportError as error:
        raise RecipeError(
            "writing an ONNX file needs the package onnx, which is not "
            "installed: pip install onnx"
        ) from error
    size = sum(w.nbytes for w in model.state_dict().values())
    if size > LARGEST:
        raise RecipeError(
            f"the weights take {size / 2**30:.1f} GiB and an ONNX file holds "
            "less than 2: leave --onnx out."
        )
    # Two clips, one of them padded, so that nothing is left out of the graph.
    samples = torch.zeros(2, SAMPLE_RATE)
    lengths = torch.tensor([SAMPLE_RATE, SAMPLE_RATE // 2])
    with written_whole(path) as unfinished, warnings.catch_warnings():
        # Of constants in the graph, which are constants for any input, and of
        # the exporter's age; the newer one needs one more package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Graph(model),
            (samples, lengths),
            str(unfinished),
            dynamo=False,
            opset_version=OPSET,
            input_names=["samples", "lengths"],
            output_names=["probabilities"],
            dynamic_axes={
                "samples": {0: "batch", 1: "time"},
                "lengths": {0: "batch"},
                "probabilities": {0: "batch"},
            },
        )
        graph = onnx.load(unfinished)
        facts = {"classes": json.dumps(model.classes), "about": about}
        onnx.helper.set_model_props(graph, facts)
        onnx.save(graph, unfinished)


class Graph(torch.nn.Module):
    """The model in operations on tensors alone, which the exporter follows
    for clips of any number and length."""

    def __init__(self, model):
        super().__init__()
        self.model = copy.deepcopy(model)
        encoder = self.model.encoder.model
        # PyTorch's own attention becomes the same graph with more operations,
        # and the mask of the frames would be derived from that of the samples.
        encoder.set_attn_implementation("eager")
        encoder._get_feature_vector_attention_mask = self.valid_frames
        first = encoder.feature_extractor.conv_layers[0]
        if isinstance(first.layer_norm, ValidGroupNorm):
            first.layer_norm = MaskedGroupNorm(
                first.layer_norm, self.model.encoder
            )

    def forward(self, samples, lengths):
        """Maps samples [batch, time] and lengths [batch] to probabilities
        [batch, class]."""
        return self.model(samples, lengths / samples.shape[1]).exp()

    def valid_frames(self, frames, mask, add_adapter=None):
        """Makes the mask of the frames [batch, frame], in place of the
        method of transformers."""
        index = torch.arange(frames)
        return index < self.model.encoder._frames()[:, None]


class MaskedGroupNorm(torch.nn.Module):
    """`ValidGroupNorm` without its loop over clips."""

    def __init__(self, norm, encoder):
        super().__init__()
        self.norm = norm
        self.samples = lambda: encoder.samples  # and no submodule

    def forward(self, x):
        """Normalises [batch, channel, frame]."""
        norm = self.norm
        frames = torch.div(
            self.samples() - norm.kernel, norm.stride, rounding_mode="floor"
        )
        frames = (frames + 1)[:, None, None]
        valid = torch.arange(x.shape[-1]) < frames
        mean = (x * valid).sum(dim=-1, keepdim=True) / frames
        centred = (x - mean) * valid
        variance = centred.square().sum(dim=-1, keepdim=True) / frames
        scale = norm.weight[:, None] * (variance + norm.eps).rsqrt()
        return centred * scale + norm.bias[:, None]
