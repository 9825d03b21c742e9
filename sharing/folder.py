"""The folder that an export writes: a model with its card, for the hub."""

import json
import shutil
from pathlib import Path

from encoders import built_in_encoder
from huggingface_hub import try_to_load_from_cache
from ser.errors import RecipeError
from ser.files import written_whole
from ser.model_folder import read_model, write_model
from ser.names import HUB_NAME
from sharing.card import write_card
from sharing.onnx_graph import write_onnx
from sharing.speechbrain_interface import write_interface
from sharing.transformers_head import add_classifier


def export_model(results, destination, name, by_name=False, onnx=False):
    """Writes the model of a finished run, whole or not at all.

    Arguments
    ---------
    results : pathlib.Path
        Output folder of the run.
    destination : pathlib.Path
        The folder to write, which is not there or empty.
    name : str
        What the card calls it in commands: USER/NAME, or a path.
    by_name : bool
        Whether to name a frozen encoder instead of including it.
    onnx : bool
        Whether to write model.onnx too.

    Returns
    -------
    list of str
        The names of the files.

    Raises
    ------
    RecipeError
        If the run is not finished, the destination holds something, or the
        encoder is not the one trained with or cannot be named, or an ONNX
        file cannot hold the model.
    """
    destination = destination.resolve()
    there = destination.exists()
    if there and (not destination.is_dir() or any(destination.iterdir())):
        raise RecipeError(
            f"'{destination}' holds something: name a new folder, or an "
            "empty one."
        )
    metrics = read_run(results)
    model, config = read_model(results / "model", is_own=True)
    described = config["emotion_model"] | {"about": metrics["about"]}
    described["encoder"] = origin(described["encoder"], by_name)
    alone = model.normalise == "none"  # an answer needs no other clip
    if onnx and not alone:
        raise RecipeError(
            f"the model in '{results}' was trained with speaker normalisation, "
            "which takes all clips of a speaker and no ONNX file does: leave "
            "--onnx out."
        )
    weights = model.encoder.model.state_dict()
    head = {
        name: weight
        for name, weight in model.state_dict().items()
        if not name.startswith("encoder.")
    }
    with written_whole(destination) as folder:
        write_model(
            folder,
            config | {"emotion_model": described},
            type(model.encoder.model),
            head,
            None if by_name else weights,
        )
        misfit = "the encoder is not in the folder"
        if not alone:
            misfit = "it takes all clips of a speaker"
        elif not by_name:
            misfit = add_classifier(folder)
        if metrics["facts"]["Encoder"] == Path(built_in_encoder()).name:
            shutil.copy(Path(built_in_encoder()) / "NOTICE", folder)
        named = by_name and is_built_in(described["encoder"]["source"])
        if alone and not named:
            write_interface(folder)
        if onnx:
            write_onnx(model, described["about"], folder / "model.onnx")
        write_card(folder, metrics, name, misfit)
        files = sorted(path.name for path in folder.iterdir())
        if there:
            destination.rmdir()  # Windows moves no folder onto another
    return files


def read_run(results):
    """Reads metrics.json of a finished run; raises a RecipeError if there is
    none."""
    path = results / "metrics.json"
    if not path.is_file():
        runs = sorted(results.glob("fold*/*/metrics.json"))
        hint = f", such as {runs[0].parent}" if runs else ""
        raise RecipeError(
            f"'{results}' holds no finished run (no metrics.json): name the "
            f"results folder of one{hint}, or repeat its command to finish it."
        )
    if not (results / "model").is_dir():
        raise RecipeError(
            f"the run in '{results}' kept no model: train it again, with "
            "another --output_folder."
        )
    return json.loads(path.read_text("utf-8"))


def origin(encoder, by_name):
    """Says where the encoder of an exported model is from, without a path of
    this machine; takes and returns what config.json holds of it."""
    source = encoder["source"] or ""
    if by_name and not HUB_NAME.fullmatch(source):
        reason = (
            "was fine-tuned, so it is nowhere else"
            if encoder["included"]
            else f"is the folder '{source}', which others do not have"
        )
        raise RecipeError(
            f"the encoder {reason}: leave --encoder_by_name out, and it is "
            "included."
        )
    if by_name and not is_built_in(source):
        found = try_to_load_from_cache(
            source, "model.safetensors", encoder["cache"], encoder["revision"]
        )
        if not isinstance(found, str):
            raise RecipeError(
                f"the encoder '{source}' has no safetensors at hand, and "
                "another format can run code where it is loaded: leave "
                "--encoder_by_name out, and it is included."
            )
    return encoder | {
        "source": source if HUB_NAME.fullmatch(source) else None,
        "included": not by_name,
        "cache": None,
    }


def is_built_in(source):
    """Tells whether an encoder is the one that ships with the repository."""
    return source == "encoders/" + Path(built_in_encoder()).name
