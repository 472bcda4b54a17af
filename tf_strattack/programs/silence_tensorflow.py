"""Imports TensorFlow without its start-up notes, which would bury a program's own lines on stderr."""

from __future__ import annotations

import os
import sys


def import_tensorflow() -> None:
    """Imports TensorFlow and finds its devices while stderr is closed; errors are raised as usual.

    Its C++ side writes notes before any log level takes effect, hence the detour by the file descriptor.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # for later notes
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import tensorflow as tf

        tf.config.list_physical_devices()  # a build with GPU support complains here where there is no GPU
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
