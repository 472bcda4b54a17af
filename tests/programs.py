"""Programs of the checkout as a user runs them, in a process of their own."""

from __future__ import annotations

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
