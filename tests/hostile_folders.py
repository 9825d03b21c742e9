"""Folders of models that are hostile or broken."""

import os
import struct

import torch
from hostile_edits import (
    ALIASES,
    BIAS,
    CODE,
    DELETED,
    ENCODER,
    HASH,
    HEAD,
    INF,
    NAN,
    ODD_NAMES,
    OLD_PICKLE,
    PICKLE,
    about,
    all_of,
    by_name,
    change,
    damage,
    directory,
    flip,
    header,
    huge,
    link,
    pipe,
    remove,
    seal,
    unreadable,
    weights,
    write,
)

CASES = {}
UNUSED = "wav2vec2.masked_spec_embed"  # but in training

# Files that a model has no use for
for name in (
    *("model.pkl", "weights.pickle", "pytorch_model.bin", "classifier.ckpt"),
    *("model.pt", "model.pth", "model.th", "model.npy", "model.npz"),
    *("model.joblib", "model.h5", "tf_model.msgpack", "model.tar", "model"),
    *("model.zip", "model.gguf", "model.dat", "model.safetensors.pkl"),
    *("model.pkl ", "model.", ".pkl", "model.SAFETENSORS"),
):
    CASES[f"pickle {name}"] = write(name, PICKLE)
for name in (
    *("__init__.py", "modeling_wav2vec2.py", "conftest.py", "ser.py"),
    *("torch.py", "sitecustomize.py", "custom_interface.py", "model.pyc"),
    *("model.so", "model.pyd", "model.dll", "run.sh", "run.bat", "run.js"),
    *("setup.cfg", "notebook.ipynb", "page.html", "config.py", ".env"),
    *("emotion_recogniser_.py", f"emotion_recogniser_{HASH}.pyc"),
    *(f"emotion_recogniser_{'0' * 16}.py", f"Emotion_recogniser_{HASH}.py"),
    *(f"emotion_recogniser_{HASH}.py\n", f" emotion_recogniser_{HASH}.py"),
):
    CASES[f"code {name}"] = write(name)
for name in ("README.md", "LICENSE", "preprocessor_config.json", "card.txt"):
    CASES[f"pickle {name}"] = write(name, PICKLE)
    CASES[f"huge {name}"] = huge(name)

# hyperparams.yaml
for text in (
    "!!python/object/apply:os.mkdir [ran]",
    "a: !!python/object/new:os.mkdir [ran]",
    "a: !!python/name:os.mkdir",
    "a: !!python/module:os",
    "a: !apply:os.mkdir [ran]",
    "a: !new:subprocess.Popen [[mkdir, ran]]",
    "a: !name:os.mkdir",
    "a: !include:/etc/passwd",
    "a: !copy <b>",
    "a: !unknown 1",
    "a: !<tag:yaml.org,2002:python/object/apply:os.mkdir> [ran]",
    "%TAG ! tag:yaml.org,2002:python/object/\n---\na: !apply:os.mkdir [ran]",
    "pretrainer: !new:os.ModelFiles\nmodules: {}\n",
    f"pretrainer: !new:emotion_recogniser_{HASH}.ModelFiles\nmodules: "
    "!apply:os.mkdir [ran]\n",
    f"pretrainer: !new:emotion_recogniser_{HASH}.ModelFiles\nmodules: {{}}\n"
    "---\n!!python/object/apply:os.mkdir [ran]\n",
    "a: [",
    "a: \0",
    "\t- a",
    ALIASES,
    "[" * 100_000,
):
    CASES[f"yaml {text[:60]}"] = write("hyperparams.yaml", text.encode())
CASES["yaml not UTF-8"] = write("hyperparams.yaml", b"a: \xff")
CASES["yaml pickle"] = write("hyperparams.yaml", PICKLE)
CASES["yaml huge"] = huge("hyperparams.yaml")

# Links, pipes, folders
for name in (HEAD, ENCODER, "config.json", "README.md", "hyperparams.yaml"):
    CASES[f"link outside {name}"] = link(name, f"../outside/{name}")
    CASES[f"pipe {name}"] = pipe(name)
    CASES[f"folder {name}"] = directory(name)
CASES |= {
    "link inside": link("README.md", "config.json"),
    "link nowhere": link("README.md", "nothing"),
    "link to itself": link("README.md", "README.md"),
    "link absolute": link("README.txt", os.path.abspath(os.devnull)),
    "link folder": link("folder", "../outside"),
    "link .cache": link(".cache", "../outside"),
    "folder of code": directory("custom", "__init__.py"),
    "folder __pycache__": directory("__pycache__", "model.pyc"),
    "folder .json": directory("more.json"),
    "unreadable": unreadable,
}

# Missing, empty and damaged files
for name in (HEAD, ENCODER, "config.json"):
    CASES |= {
        f"missing {name}": remove(name),
        f"empty {name}": write(name, b""),
        f"huge {name}": huge(name),
        f"a pickle is {name}": write(name, PICKLE),
        f"half of {name}": damage(name, lambda b: b[: len(b) // 2]),
    }
for name in (HEAD, ENCODER):
    CASES |= {
        f"header flipped {name}": damage(name, flip(20)),
        f"data flipped {name}": damage(name, flip(-1)),
        f"byte more {name}": damage(name, lambda b: b + b"\0"),
        f"sealed byte more {name}": damage(name, lambda b: b + b"\0", True),
        f"sealed half of {name}": damage(
            name, lambda b: b[: len(b) // 2], True
        ),
        f"sealed pickle {name}": seal(name, PICKLE),
        f"sealed empty {name}": seal(name, b""),
        f"sealed code {name}": seal(name, CODE),
        f"sealed zip {name}": seal(name, b"PK\3\4" + PICKLE),
        f"sealed other {name}": damage(name, lambda b: b[:100] * 100, True),
    }
CASES |= {
    "swapped weights": all_of(
        lambda f: os.replace(f / HEAD, f / "x"),
        lambda f: os.replace(f / ENCODER, f / HEAD),
        lambda f: os.replace(f / "x", f / ENCODER),
    ),
    "extra weights": write("adapter.safetensors", b""),
    "not declared": about(f"weights_sha256/{ENCODER}", DELETED),
    "no weights declared": about("weights_sha256", {}),
    "head not declared": about(f"weights_sha256/{HEAD}", DELETED),
    "declared, not included": about("encoder/included", False),
    "name outside": about("weights_sha256/../outside/head.safetensors", "0"),
    "name absolute": about("weights_sha256", {"/etc/passwd": "0"}),
}
for hash in ("", "0" * 64, "x" * 64, None, 0, "A" * 64):
    CASES[f"hash {hash}"] = about(f"weights_sha256/{HEAD}", hash)

# Headers of safetensors that lie
for value in (0, 1, 7, 2**31, 2**63, 2**64 - 1):
    CASES[f"header of {value} bytes"] = damage(
        HEAD, lambda b, n=value: struct.pack("<Q", n) + b[8:], True
    )
for name, edit in {
    "is a list": lambda h: [h],
    "is deep": lambda h: b"[" * 100_000,
    "is not UTF-8": lambda h: b'{"\xff": 1}',
    "is none": lambda h: b"{}",
    "has no types": lambda h: {n: {} for n in h},
    "has other metadata": lambda h: h | {"__metadata__": {"a": {"b": 1}}},
    "has other types": lambda h: h | {BIAS: h[BIAS] | {"dtype": "PICKLE"}},
    "has another type": lambda h: h | {BIAS: h[BIAS] | {"dtype": "I32"}},
    "has tiny types": lambda h: h | {BIAS: h[BIAS] | {"dtype": "F4"}},
    "has huge shapes": lambda h: h | {BIAS: h[BIAS] | {"shape": [2**62, 4]}},
    "has negative shapes": lambda h: h | {BIAS: h[BIAS] | {"shape": [-4]}},
    "has empty shapes": lambda h: h | {BIAS: h[BIAS] | {"shape": []}},
    "overlaps": lambda h: dict.fromkeys(h, h[BIAS]),
    "leaves the file": lambda h: (
        h | {BIAS: h[BIAS] | {"data_offsets": [0, 2**60]}}
    ),
    "goes backwards": lambda h: h | {BIAS: h[BIAS] | {"data_offsets": [16, 0]}},
}.items():
    CASES[f"header {name}"] = header(edit)

# Weights that do not fit, or are no numbers
for name, edit in {
    "missing": lambda w: w.pop(BIAS),
    "extra": lambda w: w.update(extra=torch.zeros(1)),
    "extra with escapes": lambda w: w.update({"\033[2J\n": torch.zeros(1)}),
    "of the encoder": lambda w: w.update({"encoder.model.x": torch.zeros(1)}),
    "of all": lambda w: w.clear(),
    "shape": lambda w: w.update({BIAS: torch.zeros(5)}),
    "scalar": lambda w: w.update({BIAS: torch.tensor(0.0)}),
    "empty": lambda w: w.update({BIAS: torch.zeros(0)}),
    "half": lambda w: w.update({BIAS: w[BIAS].half()}),
    "double": lambda w: w.update({BIAS: w[BIAS].double()}),
    "bfloat16": lambda w: w.update({BIAS: w[BIAS].bfloat16()}),
    "integer": lambda w: w.update({BIAS: w[BIAS].long()}),
    "complex": lambda w: w.update({BIAS: w[BIAS].to(torch.complex64)}),
    "NaN": lambda w: w[BIAS].fill_(NAN),
    "infinite": lambda w: w[BIAS].fill_(INF),
    "of no spread": lambda w: w["head.0.std"].zero_(),
}.items():
    CASES[f"weights {name}"] = weights(edit)
CASES |= {
    "encoder NaN": weights(
        lambda w: w["wav2vec2.encoder.layer_norm.bias"].fill_(NAN), ENCODER
    ),
    "encoder NaN where nobody looks": weights(
        lambda w: w[UNUSED].fill_(NAN), ENCODER
    ),
    "encoder half where nobody looks": weights(
        lambda w: w.update({UNUSED: w[UNUSED].half()}), ENCODER
    ),
    "encoder missing": weights(
        lambda w: w.pop("wav2vec2.encoder.layer_norm.bias"), ENCODER
    ),
    "encoder extra": weights(
        lambda w: w.update({"wav2vec2.x": torch.zeros(1)}), ENCODER
    ),
}

# Entries of config.json
SOURCES = (
    *("/etc", "/outside", "../outside", "hub/../outside", "./hub/encoder"),
    *("hub/encoder/", "hub/.encoder", "hub//encoder", "hub", "~/hub", ""),
    *("encoders/../outside", "encoders/", "encoders/nothing/x", "hub\\x"),
    *("https://hub/encoder", "file:///etc", "hub/encoder\n", "C:/hub"),
    *("hub/encoder@main", "hub/encoder?x", "hub/en coder", None, 1, ["a/b"]),
)
for source in SOURCES:
    CASES[f"source {source!r}"] = by_name(source)
for source in ("/etc", "../outside", "C:\\hub", "./hub/encoder", "hub", 1):
    CASES[f"source of included {source!r}"] = about("encoder/source", source)
for revision in ("../../outside", "/etc", "main", "0" * 39, "a" * 41, "\n"):
    CASES[f"revision {revision!r}"] = by_name("hub/encoder", revision)
CASES |= {
    "encoder not there": by_name("hub/nothing"),
    "encoder not built in": by_name("encoders/nothing"),
    "encoder of another size": by_name("encoders/crema_d_small"),
    "encoder of another content": by_name("hub/encoder", shift=0.1),
    "encoder a pickle": by_name("hub/encoder", pickled=PICKLE),
    "encoder an old pickle": by_name("hub/encoder", pickled=OLD_PICKLE),
    "encoder pickled by torch": by_name("hub/encoder", pickled=True),
}
for key, *values in (
    ("num_hidden_layers", 10**9, 10**30, -1, 0, 2, 4, 1.5, "3", None, True),
    ("num_hidden_layers", [3], {"a": 3}, NAN, INF, -INF, 1e308),
    ("hidden_size", 0, -64, 63, 65, 10**7, 10**12, "64", None, [64]),
    ("num_attention_heads", 0, -4, 3, 10**9, 0.5, None),
    ("intermediate_size", 0, -1, 127, 10**7, 10**18, None),
    ("conv_dim", [], [32], [0] * 7, [-32] * 7, [10**7] * 7, None, 32, "32"),
    ("conv_dim", [32] * 10**6, [[32]] * 7, [None] * 7, ["32"] * 7, [NAN] * 7),
    ("conv_kernel", [0] * 7, [-3] * 7, [10**6] * 7, [3] * 7, [3] * 6, None),
    ("conv_stride", [0] * 7, [-2] * 7, [1] * 7, [10**6] * 7, [5] * 8, None),
    ("num_conv_pos_embeddings", 0, -128, 10**9, None),
    ("num_conv_pos_embedding_groups", 0, -4, 3, 10**9, None),
    ("layer_norm_eps", "x", None, [1], NAN, -1e6),
    ("feat_extract_norm", "none", None, 1, "os.mkdir", ["group"]),
    ("hidden_act", "os.mkdir", "__import__", None, 1, ["gelu"], {"a": 1}),
    ("feat_extract_activation", "nothing", None, "__class__"),
    ("feat_proj_dropout", -1, 2, "x", NAN),
    ("do_stable_layer_norm", "x", None),
    ("conv_bias", True, "x"),
    ("add_adapter", True, "x"),
    ("model_type", DELETED, None, "", "bert", "Wav2Vec2", 1, ["wav2vec2"], {}),
    ("model_type", "wavlm", "hubert", "data2vec-audio", "../wav2vec2"),
    ("auto_map", {"AutoModel": "modeling.Model"}, {"AutoConfig": "a/b--c.D"}),
    ("trust_remote_code", True),
    ("attn_implementation", "hub/kernel:function", "flash_attention_2"),
    ("_attn_implementation", "hub/kernel:function"),
    ("quantization_config", {"quant_method": "bitsandbytes"}),
    ("custom_pipelines", {"x": {"impl": "modeling.Pipeline"}}),
    ("emotion_model", DELETED, None, [], 1, "x", {}),
    ("emotion_model/format", 2, 0, "1", None, [1]),
    ("emotion_model/extra", 1),
    ("emotion_model/classes", [], ["a"], ["a"] * 4, list("abc"), list("abcde")),
    ("emotion_model/classes", "abcd", None, {"a": 1}, [1, 2, 3, 4], [[]] * 4),
    ("emotion_model/classes", list(map(str, range(10**5))), [*"abc", ""]),
    ("emotion_model/classes", *([*"abc", odd] for odd in ODD_NAMES)),
    ("emotion_model/pooling", "mean", "attention", "max", None, 1, ["mean"]),
    ("emotion_model/layers", "last", "first", None, 1),
    ("emotion_model/hidden_sizes", [], [15], [16, 16], [-16], [10**12], [16.0]),
    ("emotion_model/num_heads", None, 0, 1, 3, 101, 2.0, "2", True, 10**12),
    ("emotion_model/hidden_sizes", None, 16, ["16"], [True], [1] * 11),
    ("emotion_model/temperature", 0, -1, NAN, INF, "1", None, True, [1]),
    ("emotion_model/temperature", 1e-320, 10**400, DELETED),
    ("emotion_model/normalize_wav", "yes", None, 1),
    ("emotion_model/about", None, 1, ["x"]),
    ("emotion_model/encoder", DELETED, None, {}, "facebook/wav2vec2-base"),
    ("emotion_model/encoder/weights_sha256", DELETED, "", None, "x" * 64),
    ("emotion_model/encoder/included", "yes", 1, None),
    ("emotion_model/encoder/cache", 1),
    ("emotion_model/encoder/extra", 1),
):
    for value in values:
        shown = "nothing" if value is DELETED else repr(value)[:40]
        CASES[f"{key} is {shown}"] = change(key, value)
CASES["data2vec of many layers"] = all_of(
    change("model_type", "data2vec-audio"),
    change("num_conv_pos_embeddings", 9_999_999),
)

# Texts of config.json
for name, text in {
    "of nothing": b" ",
    "of a list": b"[]",
    "of a number": b"1",
    "of null": b"null",
    "of code": CODE,
    "of YAML": b"emotion_model: !!python/object/apply:os.mkdir [ran]",
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "deep dict": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "long number": b'{"a": ' + b"9" * 100_000 + b"}",
    "not UTF-8": b'{"a": "\xff"}',
    "two values": b"{} {}",
    "comment": b"{} // a",
    "zeros": b"\0" * 1000,
}.items():
    CASES[f"JSON {name}"] = write("config.json", text)
for name, edit in {
    "BOM": lambda b: b"\xef\xbb\xbf" + b,
    "UTF-16": lambda b: b.decode().encode("utf-16"),
    "NaN elsewhere": lambda b: b'{"a": NaN, ' + b[1:],
    "deep elsewhere": lambda b: (
        b'{"a": %s, ' % (b"[" * 900 + b"]" * 900) + b[1:]
    ),
    "deeper elsewhere": lambda b: (
        b'{"a": %s, ' % (b"[" * 9000 + b"]" * 9000) + b[1:]
    ),
    "of 20 MB": lambda b: b + b" " * 20_000_000,
}.items():
    CASES[f"JSON {name}"] = damage("config.json", edit)
