"""The versions that a result depends on."""

from __future__ import annotations

import functools
import hashlib
import platform
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """The versions of this package, Python and the libraries that do the arithmetic, by name."""
    return {
        "tf_strattack": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


@functools.cache
def code_version() -> str:
    """The version of this package with a hash of its sources, which tells versions of a checkout apart."""
    folder, digest = Path(__file__).parent, hashlib.sha256()
    for source in sorted(folder.rglob("*.py")):
        digest.update(f"{source.relative_to(folder).as_posix()}\n".encode() + source.read_bytes())
    return f"{__version__} {digest.hexdigest()[:16]}"
