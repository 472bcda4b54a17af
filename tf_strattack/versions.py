"""The versions on which a result depends."""

from __future__ import annotations

import platform

import keras
import numpy as np
import tensorflow as tf

__version__ = "0.3.0"


def versions() -> dict[str, str]:
    """The versions of this package, Python and the libraries that do the arithmetic, by name."""
    return {
        "tf_strattack": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }
