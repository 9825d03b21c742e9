"""From audio to an emotion with a trained model: the one path that the command
line, Python, the page, bulk prediction and exports share.
"""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ser.clips import find_length, in_batches, read_ahead
from ser.defects import MAX_SIZE, MIN_SAMPLE_RATE, examine, is_silent
from ser.errors import RecipeError
from ser.names import HUB_NAME, UNCERTAIN, UNKNOWN

ROOT = Path(__file__).resolve().parents[1]
READY = ROOT / "models/crema_d"  # the model that ships
MIN_DURATION = 0.1  # s, as in training
MAX_DURATION = 120  # s; the memory of attention grows with the square
TOO_LONG = f"longer than {MAX_DURATION} s: use a timeline (--window 4 --hop 1)"


@dataclass(frozen=True)
class Prediction:
    """What a model says of a clip.

    Arguments
    ---------
    path : str or None
        The file; None for a waveform.
    emotion : str or None
        The class, or "uncertain"; None if there is no answer.
    probabilities : dict
        From classes to calibrated probabilities; empty if there is no answer.
    duration : float or None
        In seconds; None if it is not known.
    note : str
        Why there is no answer.
    """

    path: str | None
    emotion: str | None
    probabilities: dict
    duration: float | None
    note: str = ""


class Recogniser:
    """A trained model, ready to be used.

    Arguments
    ---------
    network : ser.torch_network.TorchNetwork or ser.onnx_network.OnnxNetwork
        From waveforms at 16 kHz to probabilities.
    classes : list of str
        In the order of the probabilities.
    about : str
        What it is and is not fit for, in a line.
    card : pathlib.Path or None
        Its page, README.md.

    Example
    -------
    >>> model = load_model()
    >>> noise = np.random.default_rng(0).normal(size=16000)
    >>> prediction = model.predict(noise, sample_rate=16000)
    >>> round(sum(prediction.probabilities.values()), 5)
    1.0
    """

    def __init__(self, network, classes, about="", card=None):
        self.network, self.classes = network, list(classes)
        # Waveforms at 16 kHz, a list of arrays [sample] of float32, to
        # probabilities [clip, class]; and a waveform and its rate to 16 kHz.
        self.classify, self.resample = network.classify, network.resample
        self.about, self.card = about, card
        self.normalise = getattr(network, "normalise", "none")

    def predict(self, audio, sample_rate=None, abstain=0.0, speakers=None):
        """Recognises the emotion of clips.

        Arguments
        ---------
        audio : str, pathlib.Path, array, tensor or list of these
            Files, or waveforms [sample] or [channel, sample] of floats.
        sample_rate : int
            Of the waveforms, in Hz.
        abstain : float
            The probability below which the emotion is "uncertain".
        speakers : list of str
            Who speaks in each clip, for a model with speaker normalisation.

        Returns
        -------
        Prediction or list of Prediction
            In the order of a list. What cannot be answered, such as a
            damaged file, has no emotion and a note.

        Raises
        ------
        RecipeError
            If waveforms have no rate, or are none, or the model has no use
            for speakers.
        """
        if not isinstance(audio, (list, tuple)):
            audio, speakers = [audio], speakers and [speakers]
            return self.predict(audio, sample_rate, abstain, speakers)[0]
        if audio and all(isinstance(a, (int, float)) for a in audio):
            raise RecipeError(
                "predict was given a list of numbers: pass a waveform as an "
                "array or a tensor."
            )
        predictions = dict(
            self.predict_files(audio, sample_rate, abstain, speakers=speakers)
        )
        return [predictions[index] for index in range(len(audio))]

    def predict_files(
        self,
        audio,
        sample_rate=None,
        abstain=0.0,
        max_batch_length=40,
        speakers=None,
    ):
        """Recognises many clips in batches of similar length.

        Arguments
        ---------
        audio, sample_rate, abstain, speakers
            As for `predict`, a list.
        max_batch_length : float
            Most seconds of audio in a batch.

        Yields
        ------
        int, Prediction
            Which one of the list, and its prediction, as they come.
        """
        if not 0 <= abstain <= 1:
            raise RecipeError(f"abstain is {abstain}: expected 0 to 1.")
        with ThreadPoolExecutor(max_workers=2) as pool:
            lengths = list(pool.map(find_length, audio))
            order = sorted(range(len(audio)), key=lambda i: -lengths[i])
            for group in self.group(order, speakers):
                clips = read_ahead(
                    pool, lambda i: self.read(audio[i], sample_rate), group
                )
                vectors, of_speaker = [], []
                for batch, wavs, note in in_batches(clips, max_batch_length):
                    if note:
                        index, duration = batch[0]
                        name = name_of(audio[index])
                        yield index, Prediction(name, None, {}, duration, note)
                    elif speakers is None or speakers[group[0]] == UNKNOWN:
                        rows = self.classify(wavs)
                        yield from self.answer(batch, rows, audio, abstain)
                    else:  # needs the other clips of the speaker
                        vectors += self.network.embed(wavs).cpu()
                        of_speaker += batch
                if of_speaker:
                    speaker = speakers[group[0]]
                    rows = self.network.classify_speaker(vectors, speaker)
                    yield from self.answer(of_speaker, rows, audio, abstain)

    def group(self, order, speakers):
        """Splits the order of clips into those of each speaker; all are one
        group if no speakers are given."""
        if speakers is None:
            return [order]
        if self.normalise != "speaker":
            raise RecipeError(
                "speakers were given, and this model was not trained with "
                "speaker normalisation: leave them out, or train one with "
                "--normalise speaker."
            )
        if len(speakers) != len(order):
            raise RecipeError(
                f"{len(order)} clips were given {len(speakers)} speakers: give "
                "one for each clip."
            )
        groups = {}
        for index in order:
            groups.setdefault(speakers[index], []).append(index)
        return groups.values()

    def answer(self, batch, rows, audio, abstain):
        """Yields the predictions of a batch of (index, duration), given their
        probabilities."""
        for (index, duration), row in zip(batch, rows):
            emotion = self.choose(row, abstain)
            note = "" if emotion else "no finite probability"
            shares = self.named(row) if emotion else {}
            name = name_of(audio[index])
            yield index, Prediction(name, emotion, shares, duration, note)

    def read(self, source, sample_rate=None):
        """Reads a clip as training does; returns its waveform at 16 kHz or
        None, its duration in seconds or None, and why there is none."""
        if isinstance(source, (str, Path)):
            if (duration := find_length(source)) > MAX_DURATION:
                return None, duration, TOO_LONG
            try:
                facts = os.stat(source)
                if not stat.S_ISREG(facts.st_mode):
                    return None, None, "not a regular file"
                if facts.st_size > MAX_SIZE:
                    return None, None, f"larger than {MAX_SIZE / 1e9:g} GB"
                reason, facts, wav = examine(Path(source).read_bytes())
            except OSError as error:
                return None, None, f"cannot be read: {error.strerror}"
            except MemoryError:
                return None, None, "too large for the memory"
            if wav is None:
                return None, (facts or {}).get("duration"), reason
            sample_rate = facts["sample_rate"]
        else:
            sample_rate = check_rate(sample_rate)
            wav = as_waveform(source)
            reason = None
            if not np.isfinite(wav).all():
                reason = "NaN or infinite samples"
            elif is_silent(wav):
                reason = "silence"
        duration = len(wav) / sample_rate
        if duration < MIN_DURATION:
            reason = f"shorter than {MIN_DURATION:g} s"
        elif duration > MAX_DURATION:
            reason = TOO_LONG
        if reason:
            return None, duration, reason
        return self.resample(wav, sample_rate), duration, ""

    def choose(self, probabilities, abstain=0.0):
        """Names the likeliest class of an array [class], "uncertain" if its
        probability is less than `abstain`, or None if one is not finite."""
        if not np.isfinite(probabilities).all():
            return None
        best = int(np.argmax(probabilities))
        unsure = probabilities[best] < abstain
        return UNCERTAIN if unsure else self.classes[best]

    def named(self, probabilities):
        """Turns an array [class] into a dict from classes to floats."""
        return dict(zip(self.classes, map(float, probabilities)))


def load_model(source=None, device="cpu"):
    """Loads a model; nothing that it holds is run.

    Arguments
    ---------
    source : str or pathlib.Path
        A results folder of train.py, a folder that export.py wrote, an ONNX
        file, or a name on the hub; None for the model that ships.
    device : str
        Of PyTorch, such as "cuda".

    Returns
    -------
    Recogniser

    Raises
    ------
    RecipeError
        If there is no such model, or it is damaged or not only data.
    """
    source = Path(READY if source is None else source)
    if source.suffix == ".onnx":
        from ser.onnx_network import OnnxNetwork

        if str(device) != "cpu":
            raise RecipeError(
                f"the device is '{device}', and an ONNX file runs on the CPU: "
                "leave the device out."
            )
        network = OnnxNetwork(source)
        return Recogniser(network, network.classes, network.about)
    from ser.model_folder import read_model
    from ser.torch_network import TorchNetwork

    folder, run, about = source, source / "metrics.json", ""
    try:
        if run.is_file():
            folder = source / "model"
            about = str(json.loads(run.read_text("utf-8")).get("about", ""))
        from_hub = HUB_NAME.fullmatch(source.as_posix()) and not source.exists()
        if from_hub:
            folder = download(source.as_posix())
        is_model = (folder / "config.json").is_file()
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise RecipeError(
            f"the model '{source}' cannot be read ({error}): check its name and "
            "permissions, or repeat the command of the run."
        ) from error
    if not is_model:
        raise RecipeError(
            f"there is no model in '{source}': expected the results folder of a "
            "finished run of train.py, a folder that export.py wrote, an ONNX "
            "file, or a name on the hub, such as USER/NAME."
        )
    model, config = read_model(folder, run.is_file(), bool(from_hub))
    about = about or config["emotion_model"]["about"]
    card = folder / "README.md"
    return Recogniser(
        TorchNetwork(model, device),
        model.classes,
        about,
        card if card.is_file() else None,
    )


def download(name):
    """Downloads a model from the hub, but for code; returns its folder."""
    from huggingface_hub import snapshot_download

    patterns = ["config.json", "*.safetensors", "README.md"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    # The client raises errors of many libraries without a network.
    except Exception as error:
        raise RecipeError(
            f"'{name}' is not a folder here and could not be downloaded from "
            f"the hub ({type(error).__name__}): check the name and the network."
        ) from error


def name_of(source):
    """Returns the path of a file as text, None for a waveform."""
    return str(source) if isinstance(source, (str, Path)) else None


def check_rate(sample_rate):
    """Returns a sample rate in Hz as an int, or refuses it."""
    try:
        if sample_rate == int(sample_rate) >= MIN_SAMPLE_RATE:
            return int(sample_rate)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RecipeError(
        f"the sample rate of a waveform is {sample_rate}: pass sample_rate, "
        f"a whole number of Hz, {MIN_SAMPLE_RATE} or more."
    )


def as_waveform(source):
    """Turns an array or a tensor into a mono waveform [sample] of float32."""
    if hasattr(source, "detach"):
        source = source.detach().cpu()
    wav = np.asarray(source)
    if wav.dtype.kind == "i":
        wav = wav / -float(np.iinfo(wav.dtype).min)
    if wav.dtype.kind != "f" or wav.ndim not in (1, 2) or wav.size == 0:
        raise RecipeError(
            f"a waveform has the shape {list(wav.shape)} and the type "
            f"{wav.dtype}: expected floats or "
            "signed integers, [sample] or [channel, sample]."
        )
    if wav.ndim == 2:
        if wav.shape[0] > wav.shape[1]:
            raise RecipeError(
                f"a waveform has the shape {list(wav.shape)}: expected "
                "[channel, sample], so pass its transpose."
            )
        wav = wav.mean(axis=0)
    return np.ascontiguousarray(wav, dtype=np.float32)
