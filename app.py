#!/usr/bin/env python3
"""Serves a page that says which emotion is heard in a recording.

> python app.py
> python app.py --model results/emodb/frozen/fold1/1234

It needs Gradio (pip install gradio), and no network.
"""

import argparse
import contextlib
import json
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

from predict import load
from ser.errors import RecipeError, user_errors

STYLE = Path(__file__).resolve().parent / "prediction/templates/page.css"
MAX_MEGABYTES = 50  # of an upload
KEPT = 30  # s, for the browser to fetch the waveform of an upload
# The voice (an index) and the emotion of each sentence of an example.
EXAMPLES = {
    "Angry man": [(0, "angry")],
    "Frightened woman": [(1, "fearful")],
    "Happy man": [(4, "happy")],
    "Neutral, angry, frightened": [
        *((0, "neutral"), (0, "neutral"), (8, "angry"), (8, "angry")),
        *((3, "fearful"), (3, "fearful")),
    ],
}
# Gradio's pages have scripts and styles in them, and compile templates.
POLICY = b"default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"


def main():
    """Serves the page until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", help="as for predict.py (default: the model that ships)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="0.0.0.0 serves everyone who reaches this machine, with no "
        "password; browsers elsewhere record only over https (default: this "
        "machine alone, %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=7860, help="default: %(default)s"
    )
    args = parser.parse_args()
    # One that is terminated tidies up, like one that is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        serve(args.model, args.host, args.port, Path(folder).resolve())


def serve(model, host, port, folder):
    """Serves the page for a model; uploads and examples go to a folder."""
    # Gradio reads these when it is imported.
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise RecipeError(
            f"the page needs Gradio ({error}): pip install gradio"
        ) from error
    recogniser = load(model, None)
    page = build_page(recogniser, read_card(recogniser, model), folder)
    kept = set(folder.rglob("*"))
    threading.Thread(target=sweep, args=(folder, kept), daemon=True).start()
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            mcp_server=False,
            enable_monitoring=False,
            run_history=False,  # the browser would keep the recordings
            footer_links=[],
            max_file_size=f"{MAX_MEGABYTES}mb",
            theme=gradio.themes.Base(font=["system-ui", "sans-serif"]),
            css=STYLE.read_text("utf-8"),
            app_kwargs={"middleware": [(OwnContentOnly, (), {})]},
        )
    except OSError as error:
        raise RecipeError(
            f"the page cannot be served at {host}:{port}, which is taken or "
            "not of this machine: give another --port or --host."
        ) from error
    print(f"The page is at {address} (Ctrl+C ends it)", flush=True)
    page.block_thread()


class OwnContentOnly:
    """Has the browser fetch from this server alone, whatever a card shows."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        """Adds a header to each answer."""

        async def send_with_policy(message):
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY)
                message["headers"] = [*message["headers"], policy]
            await send(message)

        await self.app(scope, receive, send_with_policy)


def build_page(recogniser, card, folder):
    """Builds the page: the recording, examples, the answer and the card."""
    import gradio
    from prediction.answer import MAX_MINUTES, answer

    def show(path, progress=gradio.Progress()):
        """Shows the answer for a recording, or where it will be."""
        return answer(recogniser, path, progress)

    with gradio.Blocks(title="Speech emotion recognition") as page:
        gradio.Markdown(f"# Speech emotion recognition\n\n{recogniser.about}")
        recording = gradio.Audio(
            label="Recording",
            elem_id="recording",
            sources=["upload", "microphone"],
            type="filepath",  # as it was uploaded: it is read as in training
            buttons=[],
            waveform_options={"waveform_color": "#767676"},
        )
        gradio.Examples(
            write_examples(folder),
            recording,
            example_labels=list(EXAMPLES),
            label="Synthetic examples: no person spoke them",
            cache_examples=False,
            api_visibility="private",
        )
        shown = gradio.HTML(
            answer(recogniser, None, None),
            elem_id="answer",
            js_on_load="element.setAttribute('aria-live', 'polite')",
        )
        gradio.Markdown(
            "The model guesses from how a voice sounds: it is often wrong, and "
            "does not know what anyone feels. A recording may have up to "
            f"{MAX_MEGABYTES} MB and {MAX_MINUTES} minutes; it is deleted from "
            "the server within a minute and goes nowhere else.",
            elem_id="limits",
        )
        with gradio.Accordion("About the model", open=False, elem_id="card"):
            gradio.Markdown(card)
        recording.change(
            show,
            recording,
            shown,
            concurrency_limit=None,  # uploads are not kept for a queue
            api_visibility="private",
        )
    return page


def write_examples(folder):
    """Writes the examples, and returns their paths."""
    import numpy as np
    import soundfile
    from data_prep.demo_synthesis import SAMPLE_RATE, SPEAKERS, synthesise

    paths = []
    for label, sentences in EXAMPLES.items():
        clips = [
            synthesise(SPEAKERS[voice], emotion, 2, 1 + take % 2, 1, seed=0)
            for take, (voice, emotion) in enumerate(sentences)
        ]
        paths.append(str(folder / f"{label}.wav"))
        soundfile.write(paths[-1], np.concatenate(clips), SAMPLE_RATE)
    return paths


def read_card(recogniser, model):
    """Returns what is known about a model, in Markdown: its card, or the facts
    of the run that trained it."""
    if recogniser.card:
        text = recogniser.card.read_text("utf-8", "replace")
        # The hub's metadata come first, between two lines of dashes.
        return text.split("\n---\n", 1)[-1] if text[:4] == "---\n" else text
    metrics = Path(model or "", "metrics.json")
    if not metrics.is_file():
        return recogniser.about
    facts = json.loads(metrics.read_text("utf-8"))["facts"]
    return "\n".join(f"- **{name}:** {fact}" for name, fact in facts.items())


def sweep(folder, kept):
    """Deletes uploads soon after they came, but for the files to be kept."""
    while True:
        time.sleep(5)
        for path in folder.rglob("*"):
            # Windows deletes no file that is read: then the next time.
            with contextlib.suppress(OSError):
                age = time.time() - path.stat().st_mtime
                if age > KEPT and path.is_file() and path not in kept:
                    path.unlink()


if __name__ == "__main__":
    with user_errors():
        main()
