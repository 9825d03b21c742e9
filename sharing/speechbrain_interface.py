"""What stock SpeechBrain needs in the folder of a model: a class that stands
alone, and the hyperparams.yaml that leads to it.
"""

import hashlib
import re
from pathlib import Path

from forking.splice import splice
from ser.files import write_text

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("hidden_states", "pooling", "head", "model", "audio")


def write_interface(folder):
    """Writes what `speechbrain.inference.interfaces.foreign_class` loads.

    Arguments
    ---------
    folder : str or pathlib.Path
        That of a model, as `ser.model_folder.write_model` writes it.

    Returns
    -------
    str
        The name of the module, its `pymodule_file`; its `classname` is
        EmotionRecogniser.
    """
    text = standalone_module()
    # SpeechBrain imports it by this name: one of another text that had it too
    # would run in its place.
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    module = f"emotion_recogniser_{digest}"
    write_text(text, Path(folder) / f"{module}.py")
    # The same for every model, so that it does not matter which model's is
    # found in a `savedir` that several share.
    settings = f"pretrainer: !new:{module}.ModelFiles\nmodules: {{}}\n"
    write_text(settings, Path(folder) / "hyperparams.yaml")
    return f"{module}.py"


def standalone_module():
    """Puts into one text the class for SpeechBrain and all that it uses of
    ser/."""
    own, *modules = (
        (ROOT / path).read_text("utf-8")
        for path in (
            "sharing/recogniser_class.py",
            *(f"ser/{name}.py" for name in MODULES),
        )
    )
    text = splice(own, "", modules)
    return re.sub(r"\n+(?=class )", "\n\n\n", text)
