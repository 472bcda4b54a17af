"""The directory of a run if none is named: an unfinished run of the same configuration, or a new one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tf_strattack.errors import InputError
from tf_strattack.programs.directories.locks import LOCK, drop, hold
from tf_strattack.programs.directories.marker import Claim, read_claim
from tf_strattack.programs.directories.sealed import read_sealed

RUNS = Path("runs")
# The files that programs write last, and those that show their end.
_FINISHED, _MANIFEST = "report.html", "manifest.json"


def default_directory(program: str, configuration: dict[str, Any], *, new: bool = False) -> Path:
    """The latest unfinished run of `configuration` by `program` in runs/, if there is one, else runs/<time>.

    Args:
      program: a key of `LAYOUTS`.
      configuration: the values that must agree for the run to be resumed; JSON values.
      new: whether to use a new directory in any case.
    """
    ours = Claim(program, json.loads(json.dumps(configuration)))
    if not new and RUNS.is_dir():
        for directory in sorted(RUNS.iterdir(), reverse=True):
            if directory.is_dir() and read_claim(directory) == ours and _is_unfinished(directory):
                return directory
    return RUNS / time.strftime("%Y%m%d-%H%M%S")


def _is_unfinished(directory: Path) -> bool:
    """Whether a run has not ended, and no process is at work in it."""
    manifest = read_sealed(directory / _MANIFEST)
    if manifest["complete"] if manifest else (directory / _FINISHED).exists():
        return False
    try:
        drop(hold(directory / LOCK, "--output_dir"))
    except (InputError, OSError):
        return False
    return True
