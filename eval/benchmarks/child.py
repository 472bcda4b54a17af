"""Time and peak resident memory of a program of this checkout, run as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tf_strattack import InputError
from tf_strattack.programs.modules import module_of

# In a checkout the folder from which its modules are found; installed, they are found from anywhere.
_ROOT = Path(__file__).parents[2]
_LAUNCHER = Path(__file__).with_name("launcher.py")


class Cost(NamedTuple):
    """What a process took from start to end, imports included."""

    seconds: float
    peak_bytes: int


def measure_child(module: str, *arguments: str) -> Cost:
    """Runs `python -m module arguments...`.

    Raises:
      InputError: it failed; the message is the last line that it wrote.
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
