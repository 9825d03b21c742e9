"""An untrained wav2vec 2.0 model whose first convolution is a filter bank.

Learning to extract pitch and formants from the waveform takes most of a
training from random weights; this one has them from the start.
"""

import torch
from encoders.random_encoder import save_encoder
from ser.audio import SAMPLE_RATE
from ser.files import written_whole
from transformers import Wav2Vec2Config, Wav2Vec2Model

WINDOW = 400  # samples, wav2vec 2.0's receptive field
PHASES = 3  # of a filter, so that their rectified sum hardly ripples
NARROW = 32  # filters of the whole window, which resolve pitch
NARROW_BAND = (70.0, 1000.0)  # Hz
WIDE = 32  # filters above, at each of three places in the window
WIDE_BAND = (1030.0, 5300.0)  # Hz, up to where telephone-like corpora reach
WIDE_WINDOW = 160  # samples
FLOORS = 6  # channels that give a constant: the layer norm makes it loudness
FLOOR = 0.44  # their size, if a frame of the clip's mean power gives 1


def make_filterbank_encoder(folder, seed, **config):
    """Makes an untrained wav2vec 2.0 model in the Hugging Face format: one
    convolution of 25 ms every 20 ms, further ones of kernel 1, all with layer
    norm, and a pre-norm transformer. A folder that is there already is kept.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where it goes.
    seed : int
        Of the weights after the filter bank.
    **config : dict
        Further entries of `transformers.Wav2Vec2Config`; the first of
        `conv_dim` must be 390, or a ValueError is raised.

    Returns
    -------
    str
        The folder.

    Example
    -------
    >>> folder = getfixture("tmpdir") / "encoder"
    >>> config = {"conv_dim": [390, 32], "num_hidden_layers": 1}
    >>> folder = make_filterbank_encoder(folder, seed=0, **config)
    >>> model = Wav2Vec2Model.from_pretrained(folder)
    >>> model(torch.rand(1, 16000)).last_hidden_state.shape
    torch.Size([1, 49, 768])
    """
    ones = [1] * (len(config["conv_dim"]) - 1)
    config = Wav2Vec2Config(
        conv_kernel=[WINDOW, *ones],
        conv_stride=[SAMPLE_RATE // 50, *ones],
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        layerdrop=0.0,
        **config,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Wav2Vec2Model(config)
    _set_filterbank(model.feature_extractor.conv_layers[0])
    with written_whole(folder) as unfinished:
        save_encoder(model, unfinished)
    return str(folder)


@torch.no_grad()
def _set_filterbank(layer):
    """Turns a convolution and its norm into the filters and a rectifier."""
    filters = _filterbank()
    channels = len(filters) + FLOORS
    if len(layer.conv.weight) != channels:
        raise ValueError(
            f"the first of conv_dim is {len(layer.conv.weight)}: the filter "
            f"bank has {channels} channels"
        )
    layer.conv.weight.zero_()
    layer.conv.bias.zero_()
    layer.conv.weight[: len(filters), 0] = filters
    layer.conv.bias[-FLOORS::2] = FLOOR
    layer.conv.bias[1 - FLOORS :: 2] = -FLOOR
    # Makes the GELU that follows nearly a rectifier.
    layer.layer_norm.weight.fill_(3.0)


def _filterbank():
    """Returns the filters [filter, sample]: narrow ones below 1 kHz and short
    ones above, each in three phases, louder towards high frequencies, where
    speech is weak."""
    low = torch.linspace(*NARROW_BAND, NARROW)
    mel = 2595 * torch.log10(1 + torch.tensor(WIDE_BAND) / 700)
    high = 700 * (10 ** (torch.linspace(*mel.tolist(), WIDE) / 2595) - 1)
    starts = torch.linspace(0, WINDOW - WIDE_WINDOW, 3).int().tolist()
    places = [(f, 0, WINDOW) for f in low.tolist()]
    places += [(f, s, WIDE_WINDOW) for s in starts for f in high.tolist()]
    filters = torch.zeros(len(places), PHASES, WINDOW)
    phases = torch.arange(PHASES)[:, None] / PHASES
    for number, (frequency, start, length) in enumerate(places):
        time = torch.arange(length) / SAMPLE_RATE
        window = torch.hann_window(length, periodic=False)
        gain = 0.35 * max(1.0, frequency / 500)
        waves = window * torch.cos(2 * torch.pi * (frequency * time + phases))
        waves = gain * waves / waves.norm(dim=1, keepdim=True)
        filters[number, :, start : start + length] = waves
    return filters.flatten(0, 1)
