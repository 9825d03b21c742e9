"""A Ray cluster, or Ray on this machine."""

import contextlib
import importlib
import os
import shutil
import uuid

from ser.errors import RecipeError


@contextlib.contextmanager
def start_ray(address, library="ray"):
    """Yields Ray, connected to a cluster or started on this machine, where it
    then listens to no other machine and no other user.

    Arguments
    ---------
    address : str
        Of the cluster; "" or "local" for this machine.
    library : str
        The part of it that is needed, such as ray.data.

    Raises
    ------
    RecipeError
        If it is not installed, or there is no such cluster; or what a worker
        raised.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"  # errors raise exceptions too
    options = {"log_to_driver": False, "logging_level": "error"}
    if here := address in ("", "local"):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = uuid.uuid4().hex
        options["object_store_memory"] = 200 * 2**20  # for paths and answers
    try:
        importlib.import_module(library)
        import ray
    except ImportError as error:
        raise RecipeError(
            "Ray is not installed: run 'pip install \"ray[data]\"'."
        ) from error
    shown = os.dup(2)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)  # Ray would say that its log has a level
    try:
        session = ray.init(address or "local", **options)
    finally:
        os.dup2(shown, 2)
        os.close(shown)
    try:
        yield ray
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, FileNotFoundError):
            raise RecipeError(
                f"a worker does not find {error.cause.filename}: the machines do "
                "not share that folder, or another start has taken it over."
            ) from error
        if isinstance(error.cause, (OSError, RecipeError)):
            raise error.cause from error
        raise
    finally:
        ray.shutdown()
        if here:
            logs = session.address_info["session_dir"]
            shutil.rmtree(logs, ignore_errors=True)
