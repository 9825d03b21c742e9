"""Runs Python programs in forks of one process that has imported the packages
that take seconds, and nothing of this repository: each is a process of its own,
with its own folder, words, variables and files, and ends as Python ends.

It reads a line of JSON for each and answers with its number and, when it has ended,
its exit status.
"""

import gc
import json
import os
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def import_packages():
    """Imports what this repository's programs import, and forgets its own
    modules, which each program finds for itself."""
    sys.path[0] = str(ROOT)
    import predict  # noqa: F401
    import ser.inference  # noqa: F401
    import ser.report.run  # noqa: F401, with all that a run imports
    import ser.settings  # noqa: F401
    import train  # noqa: F401

    own = {path.stem for path in ROOT.iterdir()}
    for name in list(sys.modules):
        if name.split(".")[0] in own:
            del sys.modules[name]
    # Or each child would copy the memory of all these objects as it ends.
    gc.freeze()


def wait_for_child():
    """Returns the request in each child that is forked; ends with the input."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            return json.loads(line)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


if __name__ == "__main__":
    import_packages()
    request = wait_for_child()
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    paths = request["env"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = filter(None, paths)
    for stream, path in enumerate((os.devnull, request["out"], request["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), stream)
    sys.argv = request["argv"]
    if sys.argv[0] in ("-c", "-m"):
        sys.path[0] = os.getcwd()
    if sys.argv[0] == "-c":
        code = sys.argv.pop(1)
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    elif sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
        runpy.run_path(sys.argv[0], run_name="__main__")
