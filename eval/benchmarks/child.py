"""Time and peak resident memory of a program that runs in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tf_strattack import InputError
from tf_strattack.programs.modules import module_of

# The root of a checkout, from which its modules can be imported; an installation works from anywhere.
_ROOT = Path(__file__).parents[2]
_LAUNCHER = Path(__file__).with_name("launcher.py")


class Cost(NamedTuple):
    """The cost of a process from start to end, including imports."""

    seconds: float
    peak_bytes: int


def measure_child(module: str, *arguments: str) -> Cost:
    """Runs `python -m module arguments...`.

    Raises:
      InputError: the program failed; the message has the last line of its output.
    """
    with tempfile.TemporaryDirectory() as directory:
        figures = Path(directory) / "figures.json"
        command = [
            sys.executable,
            "-S",
            str(_LAUNCHER),
            str(figures),
            sys.executable,
            "-m",
            module_of(module),
            *arguments,
        ]
        process = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["no message"]
            raise InputError(
                f"expected python -m {module} to succeed, received status {process.returncode}: {lines[-1]}"
            )
        return Cost(**json.loads(figures.read_text()))
