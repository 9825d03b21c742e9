"""The recipe on some clips of a corpus: options, data and settings."""

from data_prep.manifest import read_manifest
from encoders.random_encoder import save_encoder
from measuring import ROOT
from ser.files import write_csv
from ser.settings import load_settings
from train import EmotionBrain
from transformers import Wav2Vec2Config, Wav2Vec2Model

# Of the command line; data_folder is required, and without an encoder one of
# wav2vec2-base's size is made.
OPTIONS = dict(data_folder=None, corpus="emodb", encoder="", device="cpu")


def set_up(arguments, work):
    """Makes an encoder unless one was given, and the manifests of fold 1 with
    a random choice of the training clips; returns the settings of train.yaml."""
    if not arguments.encoder:
        arguments.encoder = str(work / "encoder")
        # Random weights: they do not change how fast it is.
        model = Wav2Vec2Model(Wav2Vec2Config(randomly_initialised=True))
        save_encoder(model, work / "encoder")
    hparams = load("train", arguments, work, "set_up")
    hparams["prepare"]()
    table = read_manifest(hparams["train_annotation"])
    table = table.sample(min(arguments.clips, len(table)), random_state=0)
    write_csv(table.sort_index(), hparams["train_annotation"])
    return hparams


def load(name, arguments, work, run, **overrides):
    """Loads the settings hparams/<name>.yaml, and with them the encoder, for a
    run that has a folder of its own in `work`."""
    overrides |= {
        "corpus": arguments.corpus,
        "data_folder": arguments.data_folder,
        "cache_folder": str(work / "cache"),
        "output_folder": str(work / run),
        "manifest_folder": str(work / "manifests"),
        "wav2vec2_hub": arguments.encoder,
    }
    return load_settings(ROOT / "hparams" / f"{name}.yaml", overrides)


def make_brain(hparams, run_opts):
    """Makes the Brain of train.py."""
    parts = hparams["modules"], hparams["opt_class"], hparams, run_opts
    brain = EmotionBrain(*parts, hparams["checkpointer"])
    brain.class_weights = None
    return brain
