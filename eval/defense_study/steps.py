"""Runs the steps of a row, each a program of its own, and skips those that have been done."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys

from eval.defense_study.rows import Row, Step
from tf_strattack import InputError


def run_steps(row: Row) -> None:
    """Does what is missing of a row; a step that was stopped goes on by itself.

    Raises:
      SystemExit: a step failed, with its status; it has said why.
      InputError: a step was killed.
      KeyboardInterrupt: at Ctrl-C, after which the step has ended too.
    """
    for step in row.steps:
        if not step.leaves.exists():
            print(f"\n{row.name}: python -m {step.module} {shlex.join(step.arguments)}", flush=True)
            _run(step)


def _run(step: Step) -> None:
    # A process each: training switches to deterministic operations, which cannot be undone and slow attacks down.
    process = subprocess.Popen([sys.executable, "-m", step.module, *step.arguments])
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the terminal has sent it Ctrl-C as well
        raise
    if status < 0:
        name = signal.Signals(-status).name
        raise InputError(f"expected python -m {step.module} to end by itself, received {name}: the command resumes it")
    if status:
        sys.exit(status)
