"""A small wav2vec 2.0 model with random weights, and the way to save one."""

import torch
from ser.files import written_whole
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model


def make_random_encoder(folder, seed):
    """Makes a small wav2vec 2.0 model with random weights, in the Hugging
    Face format, for tests and comparisons.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where it goes.
    seed : int
        Of the weights.

    Returns
    -------
    str
        The folder.

    Example
    -------
    >>> folder = make_random_encoder(getfixture("tmpdir") / "encoder", seed=0)
    >>> model = Wav2Vec2Model.from_pretrained(folder)
    >>> model(torch.rand(1, 16000)).last_hidden_state.shape
    torch.Size([1, 49, 128])
    """
    config = Wav2Vec2Config(
        conv_dim=(64, 64, 64, 96, 96, 128, 128),
        hidden_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        num_conv_pos_embeddings=32,
        num_conv_pos_embedding_groups=4,
        randomly_initialised=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Wav2Vec2Model(config)
    with written_whole(folder) as unfinished:
        save_encoder(model, unfinished)
    return str(folder)


def save_encoder(model, folder, weights=None):
    """Saves a model in the Hugging Face format, with the settings of its
    input.

    Arguments
    ---------
    model : transformers.Wav2Vec2Model
        The model.
    folder : pathlib.Path
        Where it goes.
    weights : dict
        From name to tensor, saved in place of the model's own.
    """
    model.save_pretrained(folder, state_dict=weights)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
