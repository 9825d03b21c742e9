"""An emotion recogniser for SpeechBrain's `foreign_class`, which needs
SpeechBrain, transformers and safetensors, and nothing of the repository that
it was trained in.
"""

import hashlib
import io
import json
from pathlib import Path
from threading import Lock

import torch
import transformers
from safetensors.torch import load as tensors_of
from ser.audio import resampling_ratio
from ser.errors import RecipeError
from ser.hidden_states import weights_sha256
from ser.model import build_model, encoder_config, load_weights

from speechbrain.augment.time_domain import Resample
from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.data_utils import split_path
from speechbrain.utils.fetching import fetch
from speechbrain.utils.parameter_transfer import Pretrainer


class ModelFiles(Pretrainer):
    """Finds the files of a model and leaves them where they are, the hub's in
    the cache of its client: linked or copied into a `savedir`, a second model
    would take them for its own."""

    config = "config.json"

    def collect_files(self, default_source=None, local_strategy=None, **kwargs):
        """Finds config.json and the weights that it names."""
        path = fetch(self.config, default_source, **kwargs)
        self.paths = {self.config: path}
        described = json.loads(path.read_text("utf-8"))["emotion_model"]
        for name in described["weights_sha256"]:
            self.paths[name] = fetch(name, default_source, **kwargs)


def read_model(paths):
    """Makes a model of its files (from names to paths), each of which must be
    the one that was trained."""
    config = json.loads(paths[ModelFiles.config].read_text("utf-8"))
    weights = {}
    for name, known in config["emotion_model"]["weights_sha256"].items():
        content = paths[name].read_bytes()
        if hashlib.sha256(content).hexdigest() != known:
            raise RecipeError(f"'{paths[name]}' is damaged: get it again.")
        weights[name] = tensors_of(content)
    model = build_model(config)
    encoder = weights.get("model.safetensors") or named_encoder(config)
    load_weights(model, encoder, weights["head.safetensors"])
    return model


def named_encoder(config):
    """Loads the weights of the encoder that a config names, from the hub."""
    named = config["emotion_model"]["encoder"]
    encoder = transformers.AutoModel.from_pretrained(
        named["source"],
        config=encoder_config(config),
        revision=named["revision"] or "main",
        use_safetensors=True,
    ).float()
    if weights_sha256(encoder) != named["weights_sha256"]:
        raise RecipeError(
            f"the encoder '{named['source']}' is not the one that the model was "
            "trained with: its weights differ."
        )
    prefix = encoder.base_model_prefix
    return {f"{prefix}.{n}": w for n, w in encoder.state_dict().items()}


class EmotionRecogniser(Pretrained):
    """Tells the emotion of speech. Its arguments are those of ``Pretrained``;
    it is in evaluation mode even if its parameters are not frozen."""

    def __init__(self, modules=None, hparams=None, *args, **kwargs):
        paths = hparams["pretrainer"].paths
        if ModelFiles.config not in paths:
            raise RecipeError(
                "`savedir` holds the hyperparams.yaml of another model: give "
                "each model a folder of its own."
            )
        model = read_model(paths)
        super().__init__({"model": model}, hparams, *args, **kwargs)
        self.classes = model.classes
        self.lock = Lock()  # a model notes the lengths of a batch
        # SpeechBrain turns it on, and its rounding (1e-3) differs with the
        # batch.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False

    def classify_batch(self, wavs, wav_lens=None):
        """Classifies clips, each of them as if it were alone.

        Arguments
        ---------
        wavs : torch.Tensor
            Waveforms at 16 kHz [batch, time] or [time].
        wav_lens : torch.Tensor
            Lengths relative to the longest one [batch]; None for no padding.

        Returns
        -------
        out_prob : torch.Tensor
            Calibrated log-probabilities [batch, class].
        score : torch.Tensor
            That of the best class [batch].
        index : torch.Tensor
            The best class [batch].
        text_lab : list of str
            Its name.
        """
        wavs = torch.atleast_2d(wavs).to(self.device).float()
        wav_lens = torch.ones(len(wavs)) if wav_lens is None else wav_lens
        samples = (wav_lens * wavs.shape[1]).round()
        if samples.min() < 400 or not wavs.isfinite().all():
            raise RecipeError(
                "a clip has fewer than 400 samples (25 ms at 16 kHz), or some "
                "are not finite: leave it out."
            )
        with self.lock:
            out_prob = self.mods.model(wavs, wav_lens.to(self.device))
        score, index = out_prob.max(dim=-1)
        return out_prob, score, index, [self.classes[i] for i in index]

    def classify_file(self, path, **kwargs):
        """Classifies a file, for which other arguments are those of
        ``load_audio``; returns what ``classify_batch`` does for one clip."""
        return self.classify_batch(self.load_audio(path, **kwargs))

    def forward(self, wavs, wav_lens=None):
        """Classifies clips, as ``classify_batch``."""
        return self.classify_batch(wavs, wav_lens)

    def load_audio(self, path, savedir=None):
        """Reads a file, of the web or the hub too, as training did: mono, at
        16 kHz [time]. ``Pretrained`` takes gigabytes for some sample rates."""
        try:
            from speechbrain.dataio import audio_io
        except ImportError:  # SpeechBrain 1.0
            import torchaudio as audio_io

        if not Path(path).is_file():
            source, name = split_path(path)
            path = fetch(name, source, savedir)
        content = io.BytesIO(Path(path).read_bytes())
        wav, sample_rate = audio_io.load(content)
        old, new = resampling_ratio(sample_rate).as_integer_ratio()
        # The precision of the filter is that of torchaudio's function.
        resample = Resample(old, new, dtype=torch.float32)
        return resample(wav.mean(dim=0)[None])[0].to(self.device)
