"""Runs programs of the repository in forks of one process that has imported what
takes them seconds: each is a process of its own, with its own folder, words and
files, and ends as Python ends.

It reads a line of JSON for each and answers with its number and, when it has ended,
its exit status.
"""

import json
import os
import runpy
import sys
import warnings

import ser.report.run  # noqa: F401, with all that a run imports
import ser.settings  # noqa: F401
import train  # noqa: F401


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
    request = wait_for_child()
    os.chdir(request["cwd"])
    for stream, path in enumerate((os.devnull, request["out"], request["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), stream)
    sys.argv = request["argv"]
    if sys.argv[0] == "-m":
        sys.argv, sys.path[0] = sys.argv[1:], os.getcwd()
        # It may be imported already.
        warnings.simplefilter("ignore", RuntimeWarning)
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
        runpy.run_path(sys.argv[0], run_name="__main__")
