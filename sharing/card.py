"""The card of an exported model: README.md, with the hub's metadata."""

import json
import re

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from markupsafe import Markup
from ser.files import write_text
from ser.names import HUB_NAME
from ser.report.summary import interval, percent
from sharing.transformers_head import is_alone_only
from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

# From our names of the scores to the hub's, and how those average.
SCORES = {
    "uar": ("UAR", "recall", {"average": "macro"}),
    "wa": ("WA", "accuracy", None),
    "macro_f1": ("Macro-F1", "f1", {"average": "macro"}),
}
# From licences to the hub's: https://hf.co/docs/hub/repositories-licenses
SAME = (
    "apache-2.0 mit gpl-3.0 cc0-1.0 cc-by-4.0 cc-by-sa-4.0 cc-by-nc-4.0 "
    "cc-by-nd-4.0 cc-by-nc-sa-4.0 cc-by-nc-nd-4.0"
).split()
LICENCES = dict(zip(SAME, SAME)) | {
    "open-database-license-1.0": "odbl",
    "not-stated": "unknown",
}
LANGUAGES = TO_LANGUAGE_CODE | {"bangla": "bn"}  # ISO 639-1


def tested_on(metrics):
    """Says on whom a model was tested."""
    number = metrics["test_speakers"]
    unseen = "" if metrics["shares_speakers"] else "unseen "
    return f"{number} {unseen}speaker{'' if number == 1 else 's'}"


def write_card(folder, metrics, name, misfit):
    """Writes README.md, once the folder holds everything else.

    Arguments
    ---------
    folder : pathlib.Path
        The exported folder.
    metrics : dict
        As metrics.json holds them.
    name : str
        How the folder is named in commands: USER/NAME, or a path.
    misfit : str
        Why the stock model of transformers cannot hold this one, or "".
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    module = next(folder.glob("emotion_recogniser_*.py"), None)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sharing"),
        finalize=to_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(percent=percent, interval=interval)
    text = environment.get_template("card.md.jinja").render(
        metrics=metrics,
        facts=metrics["facts"],
        classes=metrics["classes"],
        scores={key: title for key, (title, *_) in SCORES.items()},
        has_intervals="uar_ci95" in metrics,
        tested_on=tested_on(metrics),
        name=Markup(name),
        module=Markup(module.stem) if module else "",
        misfit=misfit,
        by_speaker=config["emotion_model"]["normalise"] == "speaker",
        encoder=config["emotion_model"]["encoder"],
        alone_only=is_alone_only(config),
        onnx=(folder / "model.onnx").is_file(),
    )
    metadata = hub_metadata(metrics, config["model_type"], name)
    card = ModelCard(f"---\n{metadata.to_yaml()}\n---\n\n{text}")
    write_text(str(card), folder / "README.md")


def to_markdown(value):
    """Makes any value a piece of one line that Markdown shows as it is, such
    as a class "a|b", unless it is marked as Markdown."""
    if isinstance(value, Markup):
        return value
    return re.sub(
        r"([\\`*_\[\]<>|~#!&$])", r"\\\1", " ".join(str(value).split())
    )


def hub_metadata(metrics, model_type, name):
    """Makes what the hub shows beside the card and searches for."""
    facts = metrics["facts"]
    encoder = facts["Encoder"]
    results = [
        EvalResult(
            task_type="audio-classification",
            task_name="Speech emotion recognition",
            dataset_type=metrics["corpus"],
            dataset_name=" ".join(facts["Corpus"].split()),
            dataset_config=f"{metrics['protocol']}; fold {metrics['fold']}",
            dataset_split="test",
            metric_type=metric,
            metric_name=title,
            metric_value=round(metrics[key], 4),
            metric_args=averaging,
        )
        for key, (title, metric, averaging) in SCORES.items()
    ]
    return ModelCardData(
        library_name="speechbrain",
        pipeline_tag="audio-classification",
        language=languages_of(facts) or None,
        base_model=encoder if HUB_NAME.fullmatch(encoder) else None,
        tags=["speech-emotion-recognition", model_type],
        metrics=[metric for _, metric, _ in SCORES.values()],
        model_name=name.rsplit("/", 1)[-1],
        eval_results=results,
        **hub_licence(facts),
    )


def languages_of(facts):
    """Finds the codes of the languages that are spoken, such as ["de"]."""
    words = re.findall(r"\w+", facts.get("Language", "").lower())
    return [LANGUAGES[word] for word in words if word in LANGUAGES]


def hub_licence(facts):
    """Finds the hub's identifier for the licence of the corpora, which a run
    gives as "CORPUS: LICENCE; CORPUS: LICENCE"; returns entries of the
    metadata."""
    licence = facts.get("Licence", "not stated")
    names = {part.split(": ", 1)[-1] for part in licence.split("; ")}
    name = names.pop() if len(names) == 1 else licence
    known = LICENCES.get(hyphenate(name.split(",")[0]))
    if known:
        return {"license": known}
    return {"license": "other", "license_name": hyphenate(name)}


def hyphenate(name):
    """Writes a name as identifiers are, such as cc-by-4.0."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
