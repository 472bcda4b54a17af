"""What attacks found, kept until the section is complete, so that a run that was stopped can continue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_strattack.programs.directories.layouts import LAYOUTS
from tf_strattack.runtime.files import replacing
from tf_strattack.typing import Images

# The folder in --output_dir.
FOLDER = "structured"


class Found(NamedTuple):
    """The images (N, H, W, C) that an attack returned, and its gradient evaluations per example."""

    adversarial: Images
    evaluations: float


class Kept:
    """The files of a run that has not finished the section; nothing is kept without a directory."""

    def __init__(self, directory: Path | None = None) -> None:
        """Files in the folder `FOLDER` of the directory."""
        self._folder = None if directory is None else directory / FOLDER

    def read(self, net: str, attack: str, budget: int | None, made_from: dict[str, Any]) -> Found | None:
        """What an attack found; None if that is not there, is damaged, or was `made_from` anything else."""
        path = self._path(net, attack, budget)
        if path is None or path.is_symlink() or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                fits = str(file["made_from"]) == json.dumps(made_from)
                return Found(file["adversarial"], float(file["evaluations"])) if fits else None
        except Exception:  # NumPy and zipfile each have their own
            return None

    def write(self, net: str, attack: str, budget: int | None, made_from: dict[str, Any], found: Found) -> None:
        """Keeps what an attack found."""
        path = self._path(net, attack, budget)
        if path is not None:
            path.parent.mkdir(exist_ok=True)
            with replacing(path) as file:
                np.savez_compressed(file, made_from=np.array(json.dumps(made_from)), **found._asdict())

    def forget(self) -> None:
        """Removes the files, as the results are written elsewhere; files of others stay."""
        if self._folder is None or not self._folder.is_dir():
            return
        ours = LAYOUTS["eval.benchmark"].folders[FOLDER]
        for path in filter(ours.owns, list(self._folder.iterdir())):
            path.unlink()
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _path(self, net: str, attack: str, budget: int | None) -> Path | None:
        return None if self._folder is None else self._folder / f"{net}-{attack}-{budget or 'whole'}.npz"
