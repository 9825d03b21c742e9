"""How fast training with a frozen encoder is.

Measured on the same clips and with the same weights, in turns of a batch:
- a bare forward pass of the encoder: clips in memory, sorted by length,
  padded batches of 16, no attention mask, nothing kept;
- 20 epochs of hparams/train.yaml from an empty store, which encode each clip
  once; of this, the pass of encoding;
- an epoch of the loop that this recipe replaces: SpeechBrain's lobe, frozen
  but left in training mode, encodes every clip again in every epoch, in
  shuffled batches of 16 that are padded to the longest.
After each of these rounds, 20 epochs with the store filled. The clock runs
from the loaded encoder to the last of the epochs, without validation, which
the loop that is replaced has not either. Last, the whole command as a user
runs it, imports, validation, test and report included, with a sixth of the
clips each for validation and test.

To run it (five minutes on two idle cores):
> python benchmarks/frozen.py --data_folder /path/to/emodb [--encoder DIR]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from common import (
    ROOT,
    Turns,
    load,
    now,
    parse_arguments,
    print_table,
    times_faster,
    write_manifests,
)
from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2
from torch.nn.utils.rnn import pad_sequence

from ser.audio import SAMPLE_RATE, read_audio
from train import EmotionBrain, dataio_prep, keep_embeddings

EPOCHS = 20
BATCH_SIZE = 16  # of the loop that is replaced


class Notebook(torch.nn.Module):
    """The loop that this recipe replaces.

    Arguments
    ---------
    lobe : speechbrain.integrations.huggingface.wav2vec2.Wav2Vec2
        A frozen encoder.
    num_classes : int
        How many emotions there are.
    """

    def __init__(self, lobe, num_classes):
        super().__init__()
        self.lobe = lobe
        self.head = torch.nn.Sequential(
            torch.nn.Linear(lobe.model.config.hidden_size, 256),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(256, 128),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(128, num_classes),
        )
        self.optimizer = torch.optim.Adam(self.head.parameters(), lr=1e-3)

    def epoch(self, files, labels, device):
        """Trains for an epoch.

        Arguments
        ---------
        files : list of str
            The clips.
        labels : torch.Tensor
            Their classes [clip].
        device : str
            Where to.

        Yields
        ------
        float
            After each batch, its share of the clips.
        """
        for batch in torch.randperm(len(files)).split(BATCH_SIZE):
            # Its turn comes in the middle of an encoding without gradients.
            with torch.inference_mode(False):
                self.train()
                wavs = [read_audio(files[index]) for index in batch]
                wavs = pad_sequence(wavs, batch_first=True).to(device)
                logits = self.head(self.lobe(wavs).mean(dim=1))
                loss = torch.nn.functional.cross_entropy(
                    logits, labels[batch].to(device)
                )
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
            yield len(batch) / len(files)


def bare_pass(model, wavs, device):
    """Runs the encoder and nothing else.

    Arguments
    ---------
    model : transformers.Wav2Vec2Model
        The encoder.
    wavs : list of torch.Tensor
        Sorted by length.
    device : str
        Where to.

    Yields
    ------
    float
        After each batch, its share of the clips.
    """
    for first in range(0, len(wavs), BATCH_SIZE):
        batch = wavs[first : first + BATCH_SIZE]
        with torch.inference_mode():
            model.eval()
            model(pad_sequence(batch, batch_first=True).to(device))
        yield len(batch) / len(wavs)


def frozen_training(arguments, manifests, folder, seconds_of_audio, others):
    """Trains as train.py does, while others take their turns.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    manifests : pathlib.Path
        Where they are.
    folder : pathlib.Path
        Where the run writes; the store lies beside it.
    seconds_of_audio : float
        Of the training set.
    others : dict
        As those of `Turns`.

    Returns
    -------
    dict
        From a name to its time, as differences of `now`: of the others, of
        "encoding" (reading and hashing audio and weights, encoding, writing)
        and of "training", which includes it.
    """
    settings = load(
        "hparams/train.yaml",
        arguments,
        manifests,
        output_folder=str(folder),
        embedding_store=str(folder.parent / "embeddings.sqlite"),
        number_of_epochs=EPOCHS,
    )
    turns = Turns(settings["wav2vec2"], seconds_of_audio, others)
    start = now()
    datasets, _, label_encoder = dataio_prep(settings)
    training_set = datasets["train"]
    brain = EmotionBrain(
        modules=settings["modules"],
        opt_class=settings["opt_class"],
        hparams=settings,
        run_opts={"device": arguments.device},
        checkpointer=settings["checkpointer"],
    )
    brain.classes = label_encoder.decode_ndim(range(len(label_encoder)))
    brain.class_weights = None
    before = now()
    keep_embeddings(settings, {"train": training_set})
    encoding = now() - before - turns.total()
    brain.fit_standardiser(training_set)
    brain.fit(
        settings["epoch_counter"],
        training_set,
        train_loader_kwargs=settings["train_dataloader_opts"],
        progressbar=False,
    )
    training = now() - start - turns.total()
    assert settings["epoch_counter"].current == EPOCHS
    return turns.finish() | {"encoding": encoding, "training": training}


def whole_command(arguments, manifests, folder):
    """Runs train.py in a process of its own.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    manifests : pathlib.Path
        Where they are.
    folder : pathlib.Path
        Where the run writes; the store lies beside it.

    Returns
    -------
    numpy.ndarray
        How long it took, as a difference of `now`.
    """
    options = {
        "corpus": arguments.corpus,
        "data_folder": arguments.data_folder,
        "manifest_folder": manifests,
        "output_folder": folder,
        "embedding_store": folder.parent / "embeddings.sqlite",
        "wav2vec2_hub": arguments.encoder,
        "number_of_epochs": EPOCHS,
        "patience": EPOCHS,
        "device": arguments.device,
    }
    command = [sys.executable, "train.py", "hparams/train.yaml", "--skip_prep"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    start = now()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return now() - start


def main(arguments, work):
    """Measures and prints.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of the command line.
    work : pathlib.Path
        A folder for what the runs write.
    """
    torch.manual_seed(0)
    device = arguments.device
    clips = write_manifests(arguments, work / "manifests")
    files = [
        wav.replace("$data_root", arguments.data_folder) for wav in clips["wav"]
    ]
    wavs = sorted(map(read_audio, files), key=len, reverse=True)
    lobe = Wav2Vec2(arguments.encoder, "", freeze=True).to(device)
    labels, names = clips["emotion"].factorize()
    labels = torch.from_numpy(labels)
    notebook = Notebook(lobe, len(names)).to(device)
    list(bare_pass(lobe.model, wavs[-BATCH_SIZE:], device))  # warms up

    audio = sum(map(len, wavs)) / SAMPLE_RATE
    bare, encoding, empty, filled, loop = [], [], [], [], []
    for number in range(arguments.rounds):
        runs = work / str(number)
        others = {
            "bare": bare_pass(lobe.model, wavs, device),
            "loop": notebook.epoch(files, labels, device),
        }
        times = frozen_training(
            arguments, work / "manifests", runs / "empty", audio, others
        )
        bare.append(times["bare"])
        loop.append(times["loop"])
        encoding.append(times["encoding"])
        empty.append(times["training"])
        times = frozen_training(
            arguments, work / "manifests", runs / "filled", audio, {}
        )
        filled.append(times["training"])
    whole = [
        [whole_command(arguments, work / "manifests", work / "whole" / name)]
        for name in ("empty", "filled")
    ]

    loops = [EPOCHS * seconds for seconds in loop]
    print_table(
        f"Frozen training, {len(wavs)} clips ({audio:.0f} s of audio), "
        f"{EPOCHS} epochs. Ratio: times faster than the notebook's loop, of "
        f"which 1 epoch a round was measured and taken {EPOCHS} times; for "
        "the pass of encoding, its speed over that of the bare pass.",
        [
            ("bare forward pass", bare, None, None),
            ("pass of encoding", encoding, times_faster(bare, encoding), 0.9),
            ("notebook's loop, 1 epoch", loop, None, None),
            ("20 epochs, empty store", empty, times_faster(loops, empty), 40),
            ("20 epochs, filled", filled, times_faster(loops, filled), 500),
            *(
                (
                    f"whole command, {what}",
                    seconds,
                    times_faster(loops[-1:], seconds),
                    None,
                )
                for what, seconds in zip(("empty store", "filled"), whole)
            ),
        ],
        device,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(parse_arguments(__doc__, clips=96, rounds=3), Path(folder))
