"""The page that app.py serves, in a real browser."""

import http.server
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import soundfile
from app import read_card
from conftest import ENVIRONMENT, ROOT
from data_prep.demo_synthesis import SPEAKERS, synthesise
from ser.inference import load_model
from ser.timeline import timeline
from tiny_models import make_model_folder
from trees import encode, noise, put

APP = str(ROOT / "app.py")
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync
--use-fake-ui-for-media-stream --use-fake-device-for-media-stream""".split()
SECONDS = 1000  # of Playwright's milliseconds


def free_port():
    """Finds a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def browser():
    """A browser with a microphone in which it beeps."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stranger():
    """Another server than the page's, and the paths it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        """Notes what is asked for."""

        def do_GET(self):
            """Answers that there is nothing."""
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            """Prints nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory, stranger):
    """A model whose card shows a picture that another server has."""
    folder = make_model_folder(
        tmp_path_factory.mktemp("model"), "wav2vec2 group norm"
    )
    card = f"---\nlicense: mit\n---\n# The card\n\n![]({stranger[0]}/a.png)\n\n"
    wide = "| " + " | ".join("column" for _ in range(20)) + " |\n"
    card += f"{wide}{'|---' * 20}|\n{wide}\n    {'long_code ' * 20}\n"
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory, model):
    """The address of the page, its folder for temporary files, its process,
    and the path of an upload that came early."""
    pytest.importorskip("gradio")
    httpx = pytest.importorskip("httpx")
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    process = subprocess.Popen(
        [sys.executable, APP, "--model", str(model), "--port", str(port)],
        env={**ENVIRONMENT, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    line = process.stdout.readline()
    assert line.startswith("The page is at"), line
    address = re.search(r"http\S+", line)[0]
    early = {"files": ("early.wav", encode(noise(0)))}
    early = httpx.post(f"{address}gradio_api/upload", files=early).json()[0]
    assert Path(early).is_relative_to(folder)
    yield address, folder, process, Path(early)
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Recordings by name: two short ones and a long one."""
    folder = tmp_path_factory.mktemp("files")
    clips = [synthesise(s, "angry", 1, 1, 1, seed=0) for s in SPEAKERS[:5]]
    waves = {"one": clips[0], "two": clips[1], "long": np.hstack(clips)}
    for name, wav in waves.items():
        soundfile.write(folder / f"{name}.wav", wav, 16000)
    return {name: str(folder / f"{name}.wav") for name in waves}


@pytest.fixture
def visit(browser, served):
    """Opens the page for one more person."""
    contexts = []

    def open_page(**options):
        """Opens it in a context of its own."""
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20 * SECONDS)
        page.goto(served[0])
        page.wait_for_selector("#answer p")
        return page

    yield open_page
    for context in contexts:
        context.close()


def run_without_gradio(*args):
    """Runs app.py where Gradio and PyTorch cannot be imported."""
    program = f"""
import runpy, sys
sys.modules |= dict.fromkeys(("gradio", "torch", "transformers"))
sys.argv = ["app.py", *{args!r}]
runpy.run_path({APP!r}, run_name="__main__")"""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
    )


def test_help_and_a_missing_gradio():
    """Help needs neither Gradio nor PyTorch; the page says what to install."""
    done = run_without_gradio("--help")
    assert done.returncode == 0 and "127.0.0.1" in done.stdout
    done = run_without_gradio()
    assert done.returncode == 1 and "pip install gradio" in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def upload(page, path):
    """Gives the page a file."""
    page.set_input_files("input[type=file]", path)


def read_bars(page):
    """Waits for an answer; returns the emotion and what each bar says."""
    page.wait_for_selector(".bars")
    names = page.locator(".bars th").all_inner_texts()
    shares = page.locator(".bars .percent").all_inner_texts()
    return page.inner_text(".best strong"), dict(zip(names, shares))


def in_percent(probabilities):
    """Shows probabilities as the page does."""
    return {name: f"{p:.0%}" for name, p in probabilities.items()}


def read_problem(page, path):
    """Uploads a file that gets no answer, and returns what is said."""
    upload(page, path)
    page.wait_for_selector("#answer p:has(strong)")
    assert not page.locator(".bars").count()
    return page.inner_text("#answer")


def test_a_clip_gets_the_answer_that_python_gets(visit, files, model):
    """Each bar says what `predict` says, whatever the format."""
    expected = load_model(model).predict(files["one"])
    assert len(set(in_percent(expected.probabilities).values())) > 1
    page = visit()
    upload(page, files["one"])
    emotion, shares = read_bars(page)
    assert (emotion, shares) == (
        expected.emotion,
        in_percent(expected.probabilities),
    )
    page.wait_for_selector("#waveform canvas, #waveform div >> nth=0")
    assert page.inner_text("#duration") == "0:02"


def test_the_page_says_what_it_is(visit, served, stranger):
    """It shows what the model is for and its card, and asks no other server."""
    page, asked = visit(), []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector("#answer p")
    text = page.inner_text("main")
    assert "A model of noise; fit for nothing." in text
    assert "Synthetic examples" in text and "The card" not in text
    page.get_by_role("button", name="About the model").click()
    page.get_by_role("heading", name="The card").wait_for()
    assert "license: mit" not in page.inner_text("main")
    page.get_by_role("button", name="Happy man").click()
    read_bars(page)
    others = [url for url in asked if not url.startswith((served[0], "blob:"))]
    assert set(others) <= {f"{stranger[0]}/a.png"} and not stranger[1]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"These are words, not sounds.", "not audio"),
        (encode(np.zeros(16000)), "silence"),
        (encode(noise(0))[:3000], "truncated"),
        (b"", "empty file"),
    ],
)
def test_what_is_no_recording_gets_a_sentence(visit, tmp_path, content, said):
    """It says what is wrong, with no path of the server."""
    text = read_problem(visit(), put(tmp_path / "a.wav", content))
    assert said in text and "/" not in text


def test_a_long_recording_gets_a_timeline(visit, files, model):
    """The bars are the mean of the windows, which are drawn and listed."""
    segments = list(timeline(load_model(model), files["long"], 4.0, 1.0))
    page = visit()
    upload(page, files["long"])
    _, shares = read_bars(page)
    assert shares == in_percent(
        {
            name: fmean(s.probabilities[name] for s in segments)
            for name in segments[0].probabilities
        }
    )
    paths = page.locator("#answer svg path").evaluate_all(
        "paths => paths.map(path => path.getAttribute('d'))"
    )
    assert len(paths) == len(shares)
    assert {path.count("M") for path in paths} == {len(segments)}
    page.get_by_text("As a table").click()
    rows = page.locator(".runs tbody tr").all_inner_texts()
    rows = [row.split("\t") for row in rows]
    assert [row[2] for row in rows] == [
        s.emotion
        for before, s in zip([None, *segments], segments)
        if before is None or before.emotion != s.emotion
    ]
    assert rows[0][0] == "0:00.0"
    assert [row[1] for row in rows[:-1]] == [row[0] for row in rows[1:]]


def test_what_is_too_long_or_too_large_is_refused(visit, served, tmp_path):
    """Half an hour and 50 MB are the limits, also of who goes past the page."""
    httpx, page = pytest.importorskip("httpx"), visit()
    long = tmp_path / "long.flac"
    soundfile.write(long, np.zeros(8000 * 60 * 31, np.int16), 8000)
    assert "31 minutes" in read_problem(page, long)
    large = put(tmp_path / "large.wav", bytes(51 * 2**20))
    page.reload()
    upload(page, large)
    page.get_by_text("exceed the maximum allowed size of 50").wait_for()
    address = f"{served[0]}gradio_api/upload"
    with large.open("rb") as file:
        assert httpx.post(address, files={"files": file}).status_code == 413


@pytest.mark.parametrize("second", ["two", "one"])
def test_two_people_at_once_get_their_own_answers(visit, files, model, second):
    """Two uploads, of different files or of the same, do not meet."""
    people = [(visit(), files["one"]), (visit(), files[second])]
    for page, path in people:
        upload(page, path)
    for page, path in people:
        expected = load_model(model).predict(path)
        assert read_bars(page)[1] == in_percent(expected.probabilities)


def test_a_phone_needs_no_scrolling_sideways(visit, files):
    """At 390 px all fits but wide tables and code, which scroll alone."""
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    upload(page, files["long"])
    read_bars(page)
    page.get_by_text("As a table").click()
    page.get_by_role("button", name="About the model").click()
    page.get_by_role("heading", name="The card").wait_for()
    widths = (
        "[...document.querySelectorAll('body *:not(pre *, #card table *)')]"
    )
    widths += ".map(element => element.getBoundingClientRect().right)"
    assert page.evaluate(f"Math.max(...{widths})") <= 390
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_keyboard_reaches_everything(visit, files):
    """Tab and Enter choose a file, an example and the card."""
    page, reached = visit(), []
    # Playwright does not wait until it intercepts choosers: ask long before.
    page.on("filechooser", lambda chooser: None)
    focused = "document.activeElement.getAttribute('aria-label') ||"
    focused += " document.activeElement.innerText"

    def tab_to(name):
        """Presses Tab until something is reached."""
        while not (reached and reached[-1].startswith(name)):
            assert len(reached) < 30, reached
            page.keyboard.press("Tab")
            reached.append(page.evaluate(focused))

    tab_to("Drop an audio file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files["long"])
    read_bars(page)
    page.reload()
    for name in ("Upload file", "Record audio", "Angry man"):
        tab_to(name)
    page.keyboard.press("Enter")
    read_bars(page)
    tab_to("About the model")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The card").wait_for()
    live = "document.querySelector('.bars').closest('[aria-live=polite]')"
    assert page.evaluate(f"{live} !== null")


def test_a_recording_is_answered(visit, served):
    """What the browser records is a file that is read."""
    page = visit()
    page.get_by_role("button", name="Record audio").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1.5 * SECONDS)
    page.get_by_role("button", name="Stop").first.click()
    assert read_bars(page)[0]
    assert any(served[1].rglob("audio.wav"))


def test_a_run_without_a_card_shows_its_facts(tmp_path):
    """What metrics.json says of a run is listed."""
    facts = {"facts": {"Corpus": "EMO-DB", "Licence": "CC0"}}
    put(tmp_path / "metrics.json", json.dumps(facts).encode())
    recogniser = load_model()
    recogniser.card = None
    card = read_card(recogniser, tmp_path)
    assert card == "- **Corpus:** EMO-DB\n- **Licence:** CC0"


def test_nothing_is_kept(visit, served):
    """Uploads are deleted soon, the examples stay, and all goes at the end."""
    _, folder, process, early = served
    deadline = time.time() + 60
    while early.exists():
        assert time.time() < deadline
        time.sleep(1)
    page = visit()
    page.get_by_role("button", name="Angry man").click()
    read_bars(page)
    process.terminate()
    assert process.wait(20) == 0
    assert not [path for path in folder.rglob("*") if path.is_file()]
