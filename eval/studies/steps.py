"""Programs of this checkout as steps of a longer work: each is run once, and skipped when it has been done."""

from __future__ import annotations

import dataclasses
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tf_strattack import InputError
from tf_strattack.programs.modules import called, module_of
from tf_strattack.programs.notices import sharing


@dataclasses.dataclass(frozen=True)
class Step:
    """A program of this checkout, and the file that is there once it has done its work."""

    module: str
    arguments: tuple[str, ...]
    leaves: Path


def run_steps(name: str, steps: Iterable[Step]) -> None:
    """Does what is missing of the row `name`; a step that was stopped goes on by itself.

    Raises:
      SystemExit: a step failed, with its status; it has said why.
      InputError: a step was killed.
      KeyboardInterrupt: at Ctrl-C, after which the step has ended too.
    """
    for step in steps:
        if not step.leaves.exists():
            print(f"\n{name}: {called(module_of(step.module))} {shlex.join(step.arguments)}", flush=True)
            _run(step)


def _run(step: Step) -> None:
    # A process each: training switches to deterministic operations, which cannot be undone and slow attacks down, and
    # the memory of one attack is gone before the next.
    process = subprocess.Popen([sys.executable, "-m", module_of(step.module), *step.arguments], env=sharing())
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()  # the terminal has sent it Ctrl-C as well
        raise
    if status < 0:
        name = signal.Signals(-status).name
        raise InputError(
            f"expected {called(module_of(step.module))} to end by itself, received {name}: the command resumes it"
        )
    if status:
        sys.exit(status)
