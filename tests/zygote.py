"""Runs programs of the repository in forks of one process that has imported what
takes them seconds: each is a process of its own, with its own folder, words and
files, and ends as Python ends.

It reads a line of JSON for each and answers with its exit status.
"""

import json
import os
import runpy
import sys

import ser.report.run  # noqa: F401, with all that a run imports
import ser.settings  # noqa: F401
import train  # noqa: F401

for line in sys.stdin:
    request = json.loads(line)
    pid = os.fork()
    if not pid:
        break
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
else:
    sys.exit()

# The child
os.chdir(request["cwd"])
for stream, path in enumerate((os.devnull, request["out"], request["err"])):
    os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), stream)
sys.argv = request["argv"]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
