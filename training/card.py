"""The model card: what a trained network is and how it was made, as JSON next to its file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from tf_strattack.programs.directories.sealed import write_sealed
from tf_strattack.versions import versions


def write_card(path: Path, **facts: Any) -> None:
    """Writes `facts`, the versions of the libraries and the time to `path`."""
    card = {
        **facts,
        "versions": {**versions(), "tensorflow_datasets": tfds.__version__},
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_sealed(path, card)
