"""The folder of a model: what a run leaves, an export holds and prediction
reads. Reading it runs nothing that is in it.
"""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from pydantic import ValidationError
from pydantic_core import from_json
from safetensors.torch import load, save
from ser.description import Description
from ser.errors import RecipeError
from ser.files import write_text, written_whole
from ser.hidden_states import weights_sha256
from ser.model import build_model, encoder_config, load_weights
from ser.names import HUB_NAME, find_bad_class
from transformers.utils import logging as transformers_logging

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

ROOT = Path(__file__).resolve().parents[1]
HEAD, ENCODER = "head.safetensors", "model.safetensors"

# Entries of an encoder's config that say where it is from, not what it is
ORIGIN = set(
    "_name_or_path transformers_version dtype torch_dtype training_speakers "
    "randomly_initialised".split()
)
# Entries that make transformers run code, or load in another way
ORDERS = set(
    "auto_map custom_pipelines trust_remote_code attn_implementation "
    "_attn_implementation quantization_config".split()
)
# What a folder may hold: data, pages, and what stock SpeechBrain loads
BINARIES = set(".safetensors .onnx .png .DS_Store Thumbs.db".split())
TEXTS = set(".json .md .txt .svg .csv .gitattributes LICENSE NOTICE".split())
CODE = re.compile(r"emotion_recogniser_([0-9a-f]{16})\.py")
SETTINGS = re.compile(
    rb"pretrainer: !new:emotion_recogniser_\w{16}\.ModelFiles\s+modules: {}\s+"
)
SMALL, LARGEST = 2**20, 2**34  # bytes of a text, and of all weights


def save_model(
    folder, encoder, pool, head, classes, temperature, normalise="none"
):
    """Writes a trained model: a frozen encoder by its name, adapters merged.

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
    normalise : str
        "speaker" if it was trained with speaker normalisation, else "none".
    """
    _, layer_weights, classifier = head
    weights = merge_adapters(encoder.model)
    source, local = encoder.source, Path(encoder.source)
    if local.is_dir():
        local = local.resolve()
        ours = local.is_relative_to(ROOT / "encoders")
        source = local.relative_to(ROOT).as_posix() if ours else str(local)
    described = {
        "classes": list(classes),
        "pooling": pool.kind,
        "layers": "last" if layer_weights.score is None else "weighted",
        "hidden_sizes": classifier.hidden_sizes,
        "num_heads": len(classifier.heads),
        "normalise": normalise,
        "temperature": float(temperature),
        "normalize_wav": bool(encoder.normalize_wav),
        "encoder": {
            "source": source if encoder.freeze else None,
            "revision": find_revision(encoder),
            "weights_sha256": weights_sha256(weights),
            "included": not encoder.freeze,
            "cache": os.path.abspath(encoder.save_path),
        },
    }
    state = torch.nn.ModuleDict({"pool": pool, "head": head}).state_dict()
    shutil.rmtree(folder, ignore_errors=True)  # of a run that did not end
    write_model(
        folder,
        encoder.model.config.to_dict() | {"emotion_model": described},
        type(encoder.model),
        state,
        None if encoder.freeze else weights,
    )


def find_revision(encoder):
    """Finds the commit of the hub that an encoder was loaded from, or None."""
    if not HUB_NAME.fullmatch(encoder.source):
        return None
    cache = encoder.save_path or None
    found = try_to_load_from_cache(encoder.source, "config.json", cache)
    return Path(found).parent.name if isinstance(found, str) else None


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
        config = {k: config[k] for k in config.keys() - ORIGIN - ORDERS}
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
    named, hashes = described.encoder, described.weights_sha256
    allowed = (
        named.included
        if named.source is None
        else (is_own or HUB_NAME.fullmatch(named.source))
    )
    if not allowed:
        reason = f"it names '{named.source}', not an encoder of the hub"
        raise refused(folder, reason)
    if (
        HEAD not in hashes
        or (ENCODER in hashes) != named.included
        or {path.name for path in folder.glob("*.safetensors")} - hashes.keys()
    ):
        raise refused(folder, "its config.json does not name its weights")
    try:
        with torch.device("meta"):  # no memory for what a file may ask for
            model = build_model(config).requires_grad_(False)
        size = sum(weight.nbytes for weight in model.state_dict().values())
        if size > LARGEST:
            raise RecipeError(f"it would take {size} bytes")
    except Exception as error:  # of any kind: the entries are a stranger's
        reason = f"its config.json makes no model: {error}"
        raise refused(folder, reason) from error
    # The rest may be a classifier for transformers.
    weights = {
        name: read_weights(folder / name, sha256, 2 * size + SMALL)
        for name, sha256 in hashes.items()
    }
    if ENCODER not in weights:
        weights[ENCODER] = find_encoder(folder, named, config, is_own)
    try:
        load_weights(model, weights[ENCODER], weights[HEAD])
        # Not every config that makes a model makes one that can be used.
        samples = torch.arange(3200.0).sin().expand(2, -1)
        answers = model(samples, torch.tensor([1.0, 0.5]))
        if not answers.isfinite().all():
            raise RecipeError("its answers are no numbers")
    except Exception as error:
        raise refused(folder, f"it cannot be used: {error}") from error
    return model, config


def check_files(folder):
    """Refuses what a folder of data has no use for: code, pickles, links."""
    for path in sorted(folder.iterdir()):
        if path.name in (".git", ".cache") and not path.is_symlink():
            continue
        if fault := find_fault(path):
            raise refused(folder, f"'{path.name}' {fault}")


def find_fault(path):
    """Says why a file does not belong into a folder of data, or nothing."""
    if path.name == "__pycache__":
        return "may hold code: delete it if Python made it"
    if path.is_symlink() or not path.is_file():
        return "is a link or no file"
    names, code = {path.name, path.suffix}, CODE.fullmatch(path.name)
    if names & BINARIES:
        return None
    settings = path.name == "hyperparams.yaml"
    if not (names & TEXTS or code or settings):
        return "may hold code"
    content = read_file(path, 16 * SMALL)
    if code and not hashlib.sha256(content).hexdigest().startswith(code[1]):
        return "was changed"
    if settings and not SETTINGS.fullmatch(content):
        return "was changed"
    if content.decode("utf-8", "ignore").encode() != content:
        return "is no text"


def read_file(path, most):
    """Reads a file of at most so many bytes."""
    try:
        if path.stat().st_size > most:
            raise refused(path.parent, f"'{path.name}' is too large")
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        raise refused(path.parent, f"'{path.name}' cannot be read") from error


def read_config(folder):
    """Reads config.json; returns all of it, and the checked `Description`."""
    content = read_file(folder / "config.json", SMALL)
    try:
        config = from_json(content, allow_inf_nan=False)
        if not isinstance(config, dict) or "emotion_model" not in config:
            raise ValueError("it describes no emotion model")
        if orders := ORDERS & config.keys():
            raise ValueError(f"{min(orders)} may ask for code")
        described = Description.model_validate(config["emotion_model"])
        if (name := find_bad_class(described.classes)) is not None:
            raise ValueError(f"no class, or one only, can be named {name!a}")
        encoder_config(config)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"its config.json is wrong at {where}: {first['msg']}"
        raise refused(folder, reason) from error
    # Whatever a stranger's entries cause in the classes of transformers
    except Exception as error:
        raise refused(folder, f"its config.json is wrong: {error}") from error
    return config, described


def read_weights(path, sha256, most):
    """Reads a file of weights whose hash is known."""
    content = read_file(path, most)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise refused(path.parent, f"'{path.name}' is damaged or changed")
    try:
        return load(content)
    except Exception as error:
        reason = f"'{path.name}' is not safetensors: {error}"
        raise refused(path.parent, reason) from error


def find_encoder(folder, encoder, config, is_own):
    """Loads the weights of the encoder that a model names, and checks that they
    are those that it was trained with."""
    source = encoder.source
    if re.fullmatch(r"encoders/\w+", source):
        source = ROOT / source
    try:
        found = transformers.AutoModel.from_pretrained(
            source,
            config=encoder_config(config),
            revision=encoder.revision or "main",
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=None if is_own else True,  # and no pickles
            cache_dir=encoder.cache if is_own else None,
        )
    # The hub's client raises errors of many libraries without a network.
    except Exception as error:
        raise RecipeError(
            f"the encoder '{source}' of the model in '{folder}' cannot be "
            f"loaded ({plain(str(error).split(chr(10))[0])}): put it there, or "
            "export the model where the encoder is (export.py includes it)."
        ) from error
    if weights_sha256(found) != encoder.weights_sha256:
        raise RecipeError(
            f"the encoder '{source}' is not the one that the model in "
            f"'{folder}' was trained with (its weights differ): put that one "
            "there."
        )
    prefix = found.base_model_prefix
    return {f"{prefix}.{n}": w for n, w in found.state_dict().items()}


def refused(folder, reason):
    """Makes the error for a folder that is not read."""
    return RecipeError(
        f"the model in '{folder}' is refused: {plain(reason)}; expected what "
        "export.py writes, unchanged (get it again)."
    )


def plain(text):
    """Makes a part of a sentence of an error's text, which may hold what a
    terminal obeys."""
    text = " ".join(re.sub(r"\w*Error: ", "", text).split())[:300].rstrip(".")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
