"""Ways to make the folder of a model hostile or broken, each a function of the
folder; whatever would run makes a folder "ran" in the current one.
"""

import hashlib
import json
import os
import pickle
import shutil
import struct
import sys

import pytest
import torch
from safetensors.torch import load_file, save, save_file

HEAD, ENCODER = "head.safetensors", "model.safetensors"
CODE = b"import os\nos.mkdir('ran')\n"
HASH = hashlib.sha256(CODE).hexdigest()[:16]
DELETED = object()
BIAS = "head.2.heads.0.0.bias"  # of the classifier


class Payload:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        """Says so to pickle."""
        return os.mkdir, ("ran",)


PICKLE = pickle.dumps(Payload())
OLD_PICKLE = pickle.dumps(Payload(), protocol=2)
NAN, INF = float("nan"), float("inf")
# Names of classes that a terminal obeys, or that tables have for columns
ODD_NAMES = ("\033[2J", "a\nb", "\0", " ", "\u202e", "\ud800")
ODD_NAMES += (
    "path",
    "emotion",
    "duration",
    "note",
    "start",
    "end",
    "uncertain",
)


def write(name, content=CODE):
    """A file with any content is in the folder."""

    def make(folder):
        try:
            (folder / name).write_bytes(content)
        except OSError:
            pytest.skip("this system takes no such name")

    return make


def remove(name):
    """A file is missing."""
    return lambda folder: (folder / name).unlink()


def change(key, value):
    """An entry of config.json, such as "a/b", has another value, or none."""

    def edit(folder):
        config = json.loads((folder / "config.json").read_text("utf-8"))
        entry, (*parents, last) = config, key.split("/", 2)
        for parent in parents:
            entry = entry[parent]
        entry[last] = value
        if value is DELETED:
            del entry[last]
        text = json.dumps(config)
        (folder / "config.json").write_text(text, "utf-8")

    return edit


def about(key, value):
    """An entry of "emotion_model" has another value, or none."""
    return change(f"emotion_model/{key}", value)


def seal(name, content):
    """A file of weights has any content, and config.json the hash of it."""

    def rewrite(folder):
        write(name, content)(folder)
        sha256 = hashlib.sha256(content).hexdigest()
        about(f"weights_sha256/{name}", sha256)(folder)

    return rewrite


def weights(edit, name=HEAD):
    """The dict of weights of a file is edited, and the hash is right."""

    def rewrite(folder):
        tensors = load_file(folder / name)
        edit(tensors)
        seal(name, save(tensors))(folder)

    return rewrite


def header(edit):
    """The header of a file of weights is edited, and the hash is right."""

    def rewrite(folder):
        content = (folder / HEAD).read_bytes()
        end = 8 + struct.unpack("<Q", content[:8])[0]
        text = edit(json.loads(content[8:end]))
        text = text if isinstance(text, bytes) else json.dumps(text).encode()
        length = struct.pack("<Q", len(text))
        seal(HEAD, length + text + content[end:])(folder)

    return rewrite


def damage(name, edit, sealed=False):
    """The bytes of a file are edited."""

    def rewrite(folder):
        content = edit((folder / name).read_bytes())
        (seal if sealed else write)(name, content)(folder)

    return rewrite


def flip(place):
    """Flips a bit of the byte at a place."""

    def edit(content):
        content = bytearray(content)
        content[place] ^= 1
        return bytes(content)

    return edit


def link(name, target):
    """A file is a link; a copy of the model is beside it, in "outside"."""

    def make(folder):
        shutil.copytree(folder, folder.parent / "outside")
        (folder / name).unlink(missing_ok=True)
        try:
            (folder / name).symlink_to(target)
        except OSError:
            pytest.skip("this user may make no links")

    return make


def pipe(name):
    """A file is a pipe that nobody writes to."""

    def make(folder):
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return make


def directory(name, inside=None):
    """A folder is in place of a file, with a file of code in it or nothing."""

    def make(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()
        if inside:
            write(inside)(folder / name)

    return make


def huge(name):
    """A file has a terabyte, and takes no space."""

    def make(folder):
        if not sys.platform.startswith("linux"):
            pytest.skip("this system may have no sparse files")
        with open(folder / name, "ab") as file:
            file.truncate(10**12)

    return make


def unreadable(folder):
    """The user may not read the weights."""
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("this user may read everything")
    (folder / HEAD).chmod(0)


def by_name(source, revision=None, shift=0.0, pickled=False):
    """The encoder is named; one that fits is in "hub/encoder", or shifted, or
    pickled, or any bytes are."""

    def make(folder):
        near = folder.parent / "hub/encoder"
        near.mkdir(parents=True)
        tensors = {
            name.removeprefix("wav2vec2."): weight + shift
            for name, weight in load_file(folder / ENCODER).items()
        }
        if pickled is True:
            torch.save(tensors, near / "pytorch_model.bin")
        elif pickled:
            write("pytorch_model.bin", pickled)(near)
        else:
            save_file(tensors, near / ENCODER, {"format": "pt"})
        shutil.move(folder / ENCODER, folder.parent)
        about(f"weights_sha256/{ENCODER}", DELETED)(folder)
        about("encoder/included", False)(folder)
        about("encoder/source", source)(folder)
        about("encoder/revision", revision)(folder)

    return make


def all_of(*cases):
    """Several of them at once."""

    def make(folder):
        for case in cases:
            case(folder)

    return make


ALIASES = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
)
