"""The upload of an exported folder to the hub."""

from huggingface_hub import HfApi, get_token
from ser.errors import RecipeError
from ser.names import HUB_NAME

# What an earlier export may have left there, and this one may lack
STALE = ["*.safetensors", "*.onnx", "emotion_recogniser_*", "hyperparams.yaml"]
STALE += ["NOTICE"]
REASONS = {
    401: "the hub does not know the token: run 'hf auth login' again",
    403: "the token may not write there: use one that may",
}


def check_push(name):
    """Raises a RecipeError unless there is a token, and a name (str) that can
    be pushed to."""
    if not HUB_NAME.fullmatch(name):
        raise RecipeError(
            f"--push is '{name}': expected USER/NAME, your name on the hub and "
            "one for the model."
        )
    if get_token() is None:
        raise RecipeError(
            "there is no token for the hub: run 'hf auth login', or set "
            "HF_TOKEN to one that may write."
        )


def push(folder, name):
    """Uploads a folder to the hub.

    Arguments
    ---------
    folder : pathlib.Path
        What `sharing.folder.export_model` wrote.
    name : str
        USER/NAME, a repository that is private if it is new.

    Returns
    -------
    str
        The address of its page.

    Raises
    ------
    RecipeError
        If the hub does not take it or cannot be reached.
    """
    hub = HfApi()
    try:
        page = hub.create_repo(name, private=True, exist_ok=True)
        hub.upload_folder(
            repo_id=name,
            folder_path=folder,
            commit_message="Speech emotion recognition model",
            delete_patterns=STALE,
        )
    # The client raises errors of many libraries without a network.
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = f"{type(error).__name__}: {error}; is there a network?"
        raise RecipeError(
            f"the upload failed ({REASONS.get(status, reason)}), and the export "
            f"is whole: try again with 'hf upload {name} {folder} .'."
        ) from error
    return str(page)
