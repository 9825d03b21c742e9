"""The folder of a model: what a run leaves, an export holds and prediction
reads. Reading it runs nothing that is in it.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Literal

import torch
import transformers
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from ser.errors import RecipeError
from ser.files import write_text, written_whole
from ser.hidden_states import weights_sha256
from ser.model import build_model, encoder_config, load_weights
from transformers.utils import logging as transformers_logging

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

ROOT = Path(__file__).resolve().parents[1]
HEAD, ENCODER = "head.safetensors", "model.safetensors"

# Entries of an encoder's config that say where it is from, not what it is
ORIGIN = (
    "_name_or_path",
    "transformers_version",
    "dtype",
    "torch_dtype",
    "training_speakers",
    "randomly_initialised",
)

# What a folder may hold: data, pages, and what stock SpeechBrain loads
ENDINGS = set(".json .safetensors .md .txt .onnx .png .svg .csv .html".split())
NAMES = set(
    ".gitattributes .DS_Store Thumbs.db LICENSE NOTICE hyperparams.yaml".split()
)
CODE = re.compile(r"emotion_recogniser_([0-9a-f]{16})\.py")
TAGS = re.compile(
    r"tag:yaml\.org,2002:(map|seq|str|int|float|bool|null)"
    r"|!new:speechbrain\.utils\.parameter_transfer\.Pretrainer"
)
LARGEST = 10_000_000  # of the numbers in a config, and 1,000 of layers


class Part(BaseModel):
    """A part of config.json, without other entries or types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True
    )


class EncoderSource(Part):
    """Which encoder a model was trained with, and where it is."""

    source: str | None  # hub name, or a folder of the repository
    revision: str | None
    weights_sha256: str = Field(pattern="[0-9a-f]{64}")
    included: bool
    cache: str | None = None  # of the hub, on the machine of the run


class Description(Part):
    """The entry "emotion_model" of config.json."""

    format: Literal[1] = 1
    classes: list[str] = Field(min_length=2, max_length=1000)
    pooling: Literal["mean", "mean_std", "attention"]
    layers: Literal["weighted", "last"]
    hidden_sizes: list[int] = Field(max_length=10)
    temperature: float = Field(gt=0)
    normalize_wav: bool
    encoder: EncoderSource
    weights_sha256: dict[Literal["head.safetensors", "model.safetensors"], str]
    about: str = ""


def save_model(folder, encoder, pool, head, classes, temperature):
    """Writes a trained model. A frozen encoder is named, not written again; the
    adapters of a trained one are merged.

    Arguments
    ---------
    folder : str
        Where it goes.
    encoder : ser.encoder.Encoder
        With the weights that were tested, as `pool` and `head`.
    pool : ser.pooling.Pooling
        Its kind and weights are kept.
    head : torch.nn.Sequential
        Standardiser, layer weights and `ser.head.Classifier`.
    classes : list of str
        In the order of the logits.
    temperature : float
        From `ser.head.fit_temperature`.
    """
    _, layer_weights, classifier = head
    weights = merge_adapters(encoder.model)
    source, local = encoder.source, Path(encoder.source)
    if local.is_dir():
        local = local.resolve()
        inside = local.is_relative_to(ROOT / "encoders")
        source = local.relative_to(ROOT).as_posix() if inside else str(local)
    described = {
        "classes": list(classes),
        "pooling": pool.kind,
        "layers": "last" if layer_weights.score is None else "weighted",
        "hidden_sizes": classifier.hidden_sizes,
        "temperature": float(temperature),
        "normalize_wav": bool(encoder.normalize_wav),
        "encoder": {
            "source": source if encoder.freeze else None,
            "revision": getattr(encoder.model.config, "_commit_hash", None),
            "weights_sha256": weights_sha256(weights),
            "included": not encoder.freeze,
            "cache": os.path.abspath(encoder.save_path),
        },
    }
    state = torch.nn.ModuleDict({"pool": pool, "head": head}).state_dict()
    write_model(
        folder,
        encoder.model.config.to_dict() | {"emotion_model": described},
        type(encoder.model),
        state,
        None if encoder.freeze else weights,
    )


def merge_adapters(model):
    """Copies the state dict of a model, with LoRA's adapters added to the
    weights that they change."""
    from speechbrain.nnet.adapters import LoRA

    weights = dict(model.state_dict())
    for name, module in model.named_modules():
        if isinstance(module, LoRA):
            up = weights.pop(f"{name}.adapter_up_proj.weight")
            down = weights.pop(f"{name}.adapter_down_proj.weight")
            for part in ("weight", "bias"):
                inner = weights.pop(f"{name}.pretrained_module.{part}")
                weights[f"{name}.{part}"] = inner
            weights[f"{name}.weight"] = (
                weights[f"{name}.weight"] + module.scaling * up @ down
            )
    return weights


def write_model(folder, config, architecture, head, encoder=None):
    """Writes the folder of a model, whole or not at all.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where it goes.
    config : dict
        The encoder's config with `Description` as "emotion_model", but for
        what follows from the weights.
    architecture : type
        The encoder's class, of transformers.
    head, encoder : dict of torch.Tensor
        Weights of pooling and head, and the encoder's if it is included.
    """
    prefix = architecture.base_model_prefix
    files = {HEAD: head}
    if encoder is not None:
        files[ENCODER] = {f"{prefix}.{n}": w for n, w in encoder.items()}
    with written_whole(folder) as unfinished:
        unfinished.mkdir()
        hashes = {}
        for name, weights in files.items():
            weights = {n: w.cpu().contiguous() for n, w in weights.items()}
            content = save(weights, metadata={"format": "pt"})
            (unfinished / name).write_bytes(content)
            hashes[name] = hashlib.sha256(content).hexdigest()
        described = config["emotion_model"] | {"weights_sha256": hashes}
        described = Description.model_validate(described).model_dump()
        config = {k: v for k, v in config.items() if k not in ORIGIN}
        config["architectures"] = [architecture.__name__]
        config["emotion_model"] = described
        text = json.dumps(config, indent=2, sort_keys=True)
        write_text(text + "\n", unfinished / "config.json")
        transformers.Wav2Vec2FeatureExtractor(
            do_normalize=described["normalize_wav"],
            return_attention_mask=config.get("feat_extract_norm") == "layer",
        ).save_pretrained(unfinished)


def read_model(folder, is_own=False, from_hub=False):
    """Reads a model from a folder, which may be a stranger's.

    Arguments
    ---------
    folder : str or pathlib.Path
        What `write_model` wrote.
    is_own : bool
        Whether a run of this repository left it, which may name an encoder by
        a path of this machine.
    from_hub : bool
        Whether the hub's client put it there, whose files are links.

    Returns
    -------
    model : ser.model.EmotionModel
        In evaluation mode.
    config : dict
        What config.json holds.

    Raises
    ------
    RecipeError
        If there is anything in it that does not belong there, or that is
        damaged, or the encoder that it names is another one now.
    """
    folder = Path(folder)
    if not from_hub:
        check_files(folder)
    config, described = read_config(folder)
    weights = {
        name: read_weights(folder / name, sha256)
        for name, sha256 in described.weights_sha256.items()
    }
    if (
        HEAD not in weights
        or (ENCODER in weights) != described.encoder.included
    ):
        raise refused(folder, "its config.json does not name its weights")
    try:
        with torch.device("meta"):  # no memory for what a file may ask for
            model = build_model(config)
    except Exception as error:  # of any kind: the entries are a stranger's
        reason = f"its config.json makes no model ({error})"
        raise refused(folder, reason) from error
    encoder = weights.get(ENCODER)
    if encoder is None:
        named = find_encoder(folder, described.encoder, config, is_own)
        prefix = named.base_model_prefix
        encoder = {f"{prefix}.{n}": w for n, w in named.state_dict().items()}
    try:
        load_weights(model, encoder, weights[HEAD])
    except RecipeError as error:
        raise refused(folder, str(error)) from error
    return model.requires_grad_(False), config


def check_files(folder):
    """Refuses what a folder of data has no use for: code, pickles, links."""
    for path in sorted(Path(folder).iterdir()):
        if path.name in (".git", ".cache") and not path.is_symlink():
            continue
        code = CODE.fullmatch(path.name)
        if path.is_symlink() or not path.is_file():
            raise refused(folder, f"'{path.name}' is a link or no file")
        if code:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if not found.startswith(code[1]):
                raise refused(folder, f"'{path.name}' was changed")
        elif path.name not in NAMES and path.suffix not in ENDINGS:
            raise refused(folder, f"'{path.name}' may hold code")
        if path.name == "hyperparams.yaml":
            check_yaml(path)


def check_yaml(path):
    """Refuses tags that an export does not write, without acting on any."""
    try:
        text = path.read_text("utf-8")
        tags = {
            event.tag
            for event in yaml.parse(text, yaml.SafeLoader)
            if getattr(event, "tag", None)
        }
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise refused(path.parent, f"'{path.name}' is no YAML") from error
    for tag in tags:
        if not TAGS.fullmatch(tag):
            raise refused(path.parent, f"'{path.name}' has the tag {tag}")


def read_config(folder):
    """Reads config.json; returns all of it, and the checked `Description`."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
        described = Description.model_validate(config["emotion_model"])
        if len(set(described.classes)) < len(described.classes):
            raise ValueError("a class is named twice")
        bound_numbers(config)
        encoder_config(config)
    except OSError as error:
        reason = "there is no config.json that can be read"
        raise refused(folder, reason) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"its config.json is wrong at {where}: {first['msg']}"
        raise refused(folder, reason) from error
    # Whatever a stranger's entries cause in the classes of transformers
    except Exception as error:
        reason = f"its config.json is wrong ({type(error).__name__}: {error})"
        raise refused(folder, reason) from error
    return config, described


def bound_numbers(entry, name=""):
    """Refuses numbers that would build a model without end."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            bound_numbers(value, key)
    elif isinstance(entry, list):
        if len(entry) > 1000:
            raise ValueError(f"{name} has {len(entry)} entries")
        for value in entry:
            bound_numbers(value, name)
    elif isinstance(entry, (int, float)):
        layers = name.startswith("num_") and name.endswith("_layers")
        if not abs(entry) <= (1000 if layers else LARGEST):
            raise ValueError(f"{name} is {entry}")


def read_weights(path, sha256):
    """Reads a file of weights whose hash is known."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise refused(path.parent, f"'{path.name}' is damaged or changed")
        return load(content)
    except OSError as error:
        raise refused(path.parent, f"'{path.name}' is not there") from error
    except (SafetensorError, ValueError, KeyError) as error:
        reason = f"'{path.name}' is not safetensors ({error})"
        raise refused(path.parent, reason) from error


def find_encoder(folder, encoder, config, is_own):
    """Loads the encoder that a model names, and checks that it is the one that
    the model was trained with."""
    source = encoder.source or ""
    if re.fullmatch(r"encoders/\w+", source):
        source = ROOT / source
    elif not is_own and not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", source):
        reason = f"it names '{source}', which is no encoder of the hub"
        raise refused(folder, reason)
    own = {"cache_dir": encoder.cache} if is_own and encoder.cache else {}
    try:
        found = transformers.AutoModel.from_pretrained(
            source,
            config=encoder_config(config),
            revision=encoder.revision or "main",
            dtype=torch.float32,
            trust_remote_code=False,
            **own,
        )
    # The hub's client raises errors of many libraries without a network.
    except Exception as error:
        raise RecipeError(
            f"the encoder '{source}' of the model in '{folder}' cannot be "
            f"loaded ({type(error).__name__}): put it there, or export the "
            "model where the encoder is (export.py includes it)."
        ) from error
    if weights_sha256(found) != encoder.weights_sha256:
        raise RecipeError(
            f"the encoder '{source}' is not the one that the model in "
            f"'{folder}' was trained with (its weights differ): put that one "
            "there."
        )
    return found


def refused(folder, reason):
    """Makes the error for a folder that is not read."""
    return RecipeError(
        f"the model in '{folder}' is refused: {' '.join(reason.split())[:300]}; "
        "expected what export.py writes, unchanged (get it again)."
    )
