"""The best epoch, and training again for as many, on the training and the
validation clips together.
"""

import copy

from ser.errors import RecipeError

from speechbrain.utils.seed import seed_everything

FRESH = ("model", "lr_annealing", "counter")


def best_first(checkpoint):
    """Ranks checkpoints by validation UAR, equal ones by the smaller loss, or
    by epoch if nothing validated."""
    meta = checkpoint.meta
    if "valid_uar" not in meta:
        return (meta["epoch"],)
    return meta["valid_uar"], -meta["valid_loss"]


def is_end_of_epoch(checkpoint):
    """Returns whether a checkpoint was saved at the end of an epoch."""
    return "epoch" in checkpoint.meta


def find_best(checkpointer, epochs):
    """Finds the checkpoint of the best epoch.

    Arguments
    ---------
    checkpointer : speechbrain.utils.checkpoints.Checkpointer
        Whose checkpoints they are.
    epochs : list of dict
        `valid_uar` and `valid_loss` of each epoch that was validated.

    Returns
    -------
    speechbrain.utils.checkpoints.Checkpoint

    Raises
    ------
    RecipeError
        If there is none, or the best is no longer whole.
    """
    best = checkpointer.find_checkpoint(
        importance_key=best_first, ckpt_predicate=is_end_of_epoch
    )
    if best is None:
        raise RecipeError(
            "no epoch was trained, so there is nothing to test: raise "
            "--number_of_epochs, or leave out --test_only."
        )
    scores = [
        (epoch["valid_uar"], -epoch["valid_loss"])
        for epoch in epochs
        if "valid_uar" in epoch
    ]
    if "valid_uar" in best.meta and best_first(best) < max(scores, default=()):
        raise RecipeError(
            f"the checkpoint of the best epoch in {checkpointer.checkpoints_dir} "
            "is damaged or gone: delete that folder to train again."
        )
    return best


def keep_fresh(hparams):
    """Copies what `refit` starts from, before anything is trained or loaded;
    takes the settings, and raises RecipeError if they are for training an
    encoder, whose batches are made from the training clips alone."""
    if hparams["refit"] and (
        not hparams["freeze_wav2vec2"] or "dynamic_batch_sampler" in hparams
    ):
        raise RecipeError(
            "refit trains a head again, not an encoder: pass --refit False, or "
            "use hparams/train.yaml."
        )
    recoverables = hparams["checkpointer"].recoverables
    return copy.deepcopy({name: recoverables[name] for name in FRESH})


def refit(brain, checkpointer, fresh, train_set, run_opts, **options):
    """Trains again from the start on more clips, for as many epochs and at the
    same learning rates as it took to the best epoch; a killed one resumes.

    Arguments
    ---------
    brain : speechbrain.Brain
        A trained one, whose best epoch and temperature are known.
    checkpointer : callable
        Makes a checkpointer of its own from `recoverables`.
    fresh : dict
        What `keep_fresh` returned.
    train_set : torch.utils.data.Dataset
        The clips.
    run_opts : speechbrain.utils.run_opts.RunOptions
        Options of SpeechBrain.
    **options
        Further options of `fit`.

    Returns
    -------
    speechbrain.Brain
        Of the same class, with the same modules.
    """
    hparams = dict(vars(brain.hparams))
    errors = hparams["lr_annealing"].metric_values[: brain.best_epoch]
    hparams["lr_annealing"] = fresh["lr_annealing"]
    fresh["counter"].limit = brain.best_epoch
    hparams["model"].load_state_dict(fresh["model"].state_dict())
    seed_everything(hparams["seed"])
    recoverables = {
        name: part
        for name, part in brain.checkpointer.recoverables.items()
        if not name.startswith("optimizer_")
    }
    recoverables |= fresh | {"model": hparams["model"]}
    again = type(brain)(
        hparams["modules"],
        hparams["opt_class"],
        hparams,
        run_opts,
        checkpointer(recoverables=recoverables),
    )
    again.errors, again.class_weights = errors, brain.class_weights
    again.temperature = brain.temperature
    epochs = again.checkpointer.find_checkpoints(ckpt_predicate=is_end_of_epoch)
    done = any(ckpt.meta["epoch"] == brain.best_epoch for ckpt in epochs)
    if again.test_only and not done:
        raise RecipeError(
            "the second training, with the validation clips, is not finished, "
            "so there is nothing to test: leave out --test_only."
        )
    if again.checkpointer.find_checkpoint() is None:
        again.fit_standardiser(train_set)
    again.fit(fresh["counter"], train_set, **options)
    return again
