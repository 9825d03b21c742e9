"""What every recipe shares, in the order of the data: audio, encoder, pooling,
embeddings, head, metrics; the reports on top are in `ser.report`.

A trained model is used by `from ser import load_model`.
"""


def __getattr__(name):
    """Imports `load_model` when it is asked for."""
    if name == "load_model":
        from ser.inference import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
