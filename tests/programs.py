"""Programs of the checkout as a user runs them, in a process of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def start(module, *arguments):
    """Starts `python -m module arguments...`."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell's background jobs ignore Ctrl-C, and their children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def run_program(module, *arguments):
    """Its exit status, what it printed, and what it wrote to stderr."""
    process = start(module, *arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


# TensorFlow takes seconds to import, a user's mistake milliseconds to find: so many command lines share a process.
_ONE_AFTER_ANOTHER = """
import contextlib, importlib, io, json, sys
from absl.testing import flagsaver
from eval.program import run
module = importlib.import_module(sys.argv[1])
outcomes = []
for arguments in json.loads(sys.argv[2]):
    sys.argv = [sys.argv[0], *arguments]
    out, err, status = io.StringIO(), io.StringIO(), None
    with flagsaver.flagsaver(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run(module.main)
        except SystemExit as end:
            status = end.code
    outcomes.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(outcomes))
"""


def check_mistakes(module, mistakes):
    """Each (arguments, message) ends with status 2 and one line that holds the message."""
    command_lines = json.dumps([list(map(str, arguments)) for arguments, _ in mistakes])
    done = subprocess.run(
        [sys.executable, "-c", _ONE_AFTER_ANOTHER, module, command_lines],
        cwd=ROOT, text=True, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for (arguments, message), (status, out, err) in zip(mistakes, json.loads(done.stdout), strict=True):
        assert status == 2, arguments
        assert message in err, arguments
        assert len(err.strip().splitlines()) == 1, arguments
        assert out == "", arguments
