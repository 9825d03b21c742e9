"""The encoder: the same output in any batch, frozen when frozen, and whole."""

from itertools import product

import pytest
import torch
from encoders.random_encoder import make_random_encoder
from safetensors.torch import load_file, save_file
from ser.encoder import Encoder
from ser.errors import RecipeError
from ser.head import LayerWeights, Standardiser
from ser.pooling import KINDS, Pooling
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

SMALL = dict(
    conv_dim=(32,) * 7,
    hidden_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=128,
    num_conv_pos_embedding_groups=4,
)
PRE_NORM = dict(
    feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True
)
FAMILIES = {
    "wav2vec2 group norm": (Wav2Vec2Model, Wav2Vec2Config, {}),
    "wav2vec2 layer norm, XLS-R": (Wav2Vec2Model, Wav2Vec2Config, PRE_NORM),
    "hubert": (HubertModel, HubertConfig, {}),
    "wavlm base": (WavLMModel, WavLMConfig, {}),
    "wavlm large": (WavLMModel, WavLMConfig, PRE_NORM),
    "data2vec": (
        Data2VecAudioModel,
        Data2VecAudioConfig,
        dict(conv_pos_kernel_size=19, num_conv_pos_embeddings=5),
    ),
}
SAMPLES = [1200, 16000, 5000, 80000, 31999, 16001]


@pytest.fixture(params=FAMILIES)
def folder(request, tmp_path):
    """A small model of each family, random, in the Hugging Face format."""
    model, config, extra = FAMILIES[request.param]
    torch.manual_seed(0)
    model(config(**SMALL, **extra)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    return str(tmp_path)


@pytest.fixture
def random_encoder(tmp_path):
    """The folder of a small encoder with random weights."""
    return make_random_encoder(tmp_path / "encoder", seed=0)


def noise():
    """Clips of very different lengths, with an offset and unequal levels."""
    torch.manual_seed(1)
    return [
        (torch.randn(n) * 0.1 + 0.05) * (index + 1)
        for index, n in enumerate(SAMPLES)
    ]


def in_one_batch(clips, padding):
    """Pads clips with any value; SpeechBrain's relative lengths."""
    wavs = torch.nn.utils.rnn.pad_sequence(
        clips, batch_first=True, padding_value=padding
    )
    return wavs, torch.tensor([len(c) / wavs.shape[1] for c in clips])


def test_logits_do_not_depend_on_the_batch(folder):
    """Alone and in any batch a clip's logits differ by at most 1e-4."""
    encoder = Encoder(folder, save_path="", freeze=True)
    clips = noise()
    pair = [clips[3], clips[0]]
    with torch.no_grad():
        alone = [encoder(clip[None], torch.ones(1)) for clip in clips]
        zeros = encoder(*in_one_batch(clips, 0.0))
        others = encoder(*in_one_batch(clips, 3.0))
        two = encoder(*in_one_batch(pair, 0.0))
    for kind, layers in product(KINDS, ("weighted", "last")):
        pool = Pooling(kind, encoder.dim, encoder.num_layers)
        if kind == "attention":
            torch.nn.init.normal_(pool.score)
        standardise = Standardiser(encoder.num_layers, pool.output_size)
        standardise.fit([pool(*zeros)])
        weigh = LayerWeights(layers, encoder.num_layers)
        head = torch.nn.Linear(pool.output_size, 8)

        def logits(encoded):
            return head(weigh(standardise(pool(*encoded))))

        one = torch.cat([logits(encoded) for encoded in alone])
        assert (logits(zeros) - one).abs().max() <= 1e-4
        assert (logits(others) - one).abs().max() <= 1e-4
        assert (logits(two) - one[[3, 0]]).abs().max() <= 1e-4
        assert (one[1:] - one[:1]).abs().max() > 1e-3


def test_hidden_states_are_those_of_transformers(folder):
    """For one clip they are what the model itself gives, the last included."""
    encoder = Encoder(folder, save_path="", freeze=True)
    clip = noise()[1][None]
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    inputs = extractor(
        clip[0].numpy(), sampling_rate=16000, return_tensors="pt"
    )
    with torch.no_grad():
        ours, _ = encoder(clip, torch.ones(1))
        theirs = (
            type(encoder.model)
            .from_pretrained(folder)
            .eval()(inputs["input_values"], output_hidden_states=True)
        )
    assert len(ours) == len(theirs.hidden_states) == 4
    assert torch.allclose(ours[1], theirs.hidden_states[1], atol=1e-4)
    assert torch.allclose(ours[-1], theirs.last_hidden_state, atol=1e-4)


def test_frozen_means_frozen(random_encoder):
    """The Brain's train() turns no dropout on, and nothing has a gradient."""
    encoder = Encoder(random_encoder, save_path="", freeze=True)
    wavs, lens = in_one_batch(noise(), 0.0)
    before = encoder(wavs, lens)[0]
    torch.nn.ModuleDict({"wav2vec2": encoder}).train()
    assert not any(module.training for module in encoder.modules())
    assert torch.equal(encoder(wavs, lens)[0], before)
    assert not before.requires_grad
    assert not any(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize("train_layers, lora_rank", [(-1, 0), (1, 0), (1, 4)])
def test_what_is_trained(random_encoder, train_layers, lora_rank):
    """Gradients reach the layers that are trained, and no others."""
    encoder = Encoder(
        random_encoder,
        save_path="",
        freeze=False,
        train_layers=train_layers,
        lora_rank=lora_rank,
        gradient_checkpointing=True,
    )
    encoder.train()
    encoder(*in_one_batch(noise(), 0.0))[0].square().sum().backward()
    moved = {
        name
        for name, p in encoder.named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    }
    wanted = {n for n, p in encoder.named_parameters() if p.requires_grad}
    # LoRA's up projection is zero at first, so the one before it stays.
    assert moved == {n for n in wanted if "adapter_down" not in n}
    assert not any("feature_extractor" in name for name in wanted)
    assert not encoder.model.feature_extractor.training
    layers = {n.split("layers.")[1][0] for n in wanted if "layers." in n}
    assert layers == ({"0", "1", "2"} if train_layers < 0 else {"2"})
    if lora_rank:
        assert all("adapter" in name for name in wanted)


@pytest.mark.parametrize("train_layers", [1, 2])
def test_frozen_layers_are_never_in_training_mode(folder, train_layers):
    """Train, validate, train again, as the Brain does."""
    encoder = Encoder(
        folder, save_path="", freeze=False, train_layers=train_layers
    )
    brain_modules = torch.nn.ModuleDict({"wav2vec2": encoder})
    model = encoder.model
    layers = model.encoder.layers
    frozen = [model.feature_extractor, model.feature_projection]
    frozen += [model.encoder.pos_conv_embed, *layers[:-train_layers]]
    for _ in range(2):
        brain_modules.train()
        for part in frozen:
            assert not any(module.training for module in part.modules())
        for part in layers[-train_layers:]:
            assert all(module.training for module in part.modules())
        brain_modules.eval()
        assert not any(module.training for module in encoder.modules())


def test_lora_learns_in_every_family(folder):
    """Some adapter of the last layer is given a gradient."""
    encoder = Encoder(
        folder, save_path="", freeze=False, train_layers=1, lora_rank=2
    )
    encoder(*in_one_batch(noise(), 0.0))[0].square().sum().backward()
    up = [p for n, p in encoder.named_parameters() if "adapter_up" in n]
    assert len(up) == 2
    assert all(p.grad.abs().sum() > 0 for p in up)


def test_missing_weights_are_named(random_encoder):
    """A checkpoint that lacks weights is refused, and they are named."""
    path = f"{random_encoder}/model.safetensors"
    weights = load_file(path)
    lost = "encoder.layers.1.attention.k_proj.weight"
    del weights[lost]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(RecipeError, match=lost):
        Encoder(random_encoder, save_path="", freeze=True)


def test_half_precision_checkpoints_are_loaded_in_fp32(random_encoder):
    """Whatever the weights were saved in, outputs are fp32."""
    whole = Encoder(random_encoder, save_path="", freeze=True)
    half = Encoder(random_encoder, save_path="", freeze=True)
    half.model.half().save_pretrained(random_encoder)
    again = Encoder(random_encoder, save_path="", freeze=True)
    wavs, lens = in_one_batch(noise(), 0.0)
    assert again(wavs, lens)[0].dtype == torch.float32
    difference = again(wavs, lens)[0] - whole(wavs, lens)[0]
    assert difference.abs().max() < 0.1


def test_a_vector_that_is_never_used_is_no_part_of_the_fingerprint(
    random_encoder,
):
    """CTC checkpoints lack it, and it is then drawn anew for each seed."""
    path = f"{random_encoder}/model.safetensors"
    weights = load_file(path)
    del weights["masked_spec_embed"]
    save_file(weights, path, metadata={"format": "pt"})
    prints = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        encoder = Encoder(random_encoder, save_path="", freeze=True)
        prints.append(encoder.fingerprint())
    assert prints[0] == prints[1]


def test_pooling_is_fp32_under_autocast():
    """Half precision in training changes no mean."""
    torch.manual_seed(0)
    hidden, lens = torch.randn(3, 2, 50, 4) + 20, torch.tensor([0.5, 1.0])
    pool = Pooling("mean_std", 4, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = pool(hidden, lens)
    assert pooled.dtype == torch.float32
    assert torch.equal(pooled, pool(hidden, lens))


def test_unreachable_hub_is_explained(monkeypatch, tmp_path):
    """Without a network the error says how to pass a folder."""
    # What the hub's client takes for no network; it would retry for long.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(RecipeError, match="pass --wav2vec2_hub DIR"):
        Encoder("facebook/wav2vec2-base", save_path=str(tmp_path))


def test_a_folder_that_is_no_encoder(tmp_path):
    """The error names the folder and what was looked for."""
    with pytest.raises(RecipeError, match="not an encoder in the Hugging Face"):
        Encoder(str(tmp_path), save_path="")


def test_pooling_is_that_of_each_clip():
    """Means and deviations are those of the valid frames alone."""
    torch.manual_seed(0)
    hidden = torch.randn(3, 2, 10, 4)
    pooled = Pooling("mean_std", 4, 2)(hidden, torch.tensor([0.3, 1.0]))
    short = hidden[:, 0, :3].transpose(0, 1)
    wanted = torch.cat([short.mean(0), short.std(0, correction=0)], dim=-1)
    assert torch.allclose(pooled[0], wanted, atol=1e-6)
    mean = Pooling("mean", 4, 2)(hidden, torch.tensor([0.3, 1.0]))
    assert torch.allclose(mean[1], hidden[:, 1].mean(dim=1), atol=1e-6)


def test_pooling_of_large_means_is_as_precise_as_fp64():
    """The deviation is not the difference of two large squares."""
    torch.manual_seed(0)
    hidden = torch.randn(2, 3, 400, 8) + 1000
    lens = torch.tensor([0.25, 0.5, 1.0])
    pooled = Pooling("mean_std", 8, 1)(hidden, lens)
    for clip, frames in enumerate((100, 200, 400)):
        valid = hidden[:, clip, :frames].double()
        mean, std = pooled[clip].double().chunk(2, dim=-1)
        assert (mean - valid.mean(dim=1)).abs().max() < 2e-3
        assert (std - valid.std(dim=1, correction=0)).abs().max() < 2e-6


@pytest.mark.parametrize("longest", [400, 401, 499, 997, 1999])
def test_pooling_knows_the_frames_of_every_length(longest):
    """Relative lengths are rounded to whole frames for any padding."""
    frames = torch.arange(1, 401)
    index = torch.arange(float(longest))  # so that a mean tells the count
    hidden = index[None, None, :, None].expand(1, 400, -1, 1)
    pooled = Pooling("mean", 1, 0)(hidden, frames / longest)
    assert torch.equal((2 * pooled.flatten() + 1).round().int(), frames.int())
    assert (2 * pooled.flatten() + 1 - frames).abs().max() < 0.01


@pytest.mark.parametrize("longest", [16080, 16399, 20011])
def test_encoder_knows_the_frames_of_every_length(random_encoder, longest):
    """Frames of 400 samples, 320 apart: one sample less is one frame less,
    although lengths are relative."""
    encoder = Encoder(random_encoder, save_path="", freeze=True)
    whole = [400 + 320 * index for index in range(50)]
    samples = torch.tensor(whole + [n - 1 for n in whole[1:]])
    with torch.no_grad():
        hidden, lens = encoder(
            torch.randn(len(samples), longest), samples / longest
        )
    frames = (samples - 400) // 320 + 1
    assert torch.equal((lens * hidden.shape[2]).round().long(), frames)


def test_standardiser_takes_statistics_in_one_pass():
    """Batches of unequal size give the mean and deviation of all."""
    torch.manual_seed(0)
    data = torch.randn(101, 3, 5) * 7 + 100
    standardise = Standardiser(num_layers=2, dim=5)
    standardise.fit(data.split(17))
    out = standardise(data)
    assert torch.allclose(out.mean(0), torch.zeros(3, 5), atol=1e-4)
    assert torch.allclose(out.std(0, correction=0), torch.ones(3, 5), atol=1e-4)


@pytest.mark.parametrize("constant", [0.0, 1.0, -100.0])
def test_rounding_errors_are_not_standardised_to_unit_variance(constant):
    """A constant channel stays near zero beside one that varies."""
    torch.manual_seed(0)
    noise = 1e-7 * max(1, abs(constant)) * torch.randn(200, 1, 1)
    data = torch.cat([constant + noise, torch.randn(200, 1, 1)], dim=-1)
    assert data[..., 0].std() > 0
    standardise = Standardiser(num_layers=0, dim=2)
    standardise.fit(data.split(32))
    out = standardise(data)
    assert out[..., 0].abs().max() < 0.1
    assert out[..., 1].std(correction=0) == pytest.approx(1, abs=1e-4)
