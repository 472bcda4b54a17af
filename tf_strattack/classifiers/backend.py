"""The backend of Keras: gradients are TensorFlow's, so a model of Keras must run on it."""

from __future__ import annotations

import keras

from tf_strattack.errors import InputError

_REMEDY = "set KERAS_BACKEND=tensorflow before Keras is imported"


def check_backend() -> None:
    """Refuses models of Keras on another backend.

    Raises:
      InputError: Keras runs on JAX or PyTorch.
    """
    received = keras.backend.backend()
    if received != "tensorflow":
        raise InputError(f"expected Keras on its TensorFlow backend, received {received!r}: {_REMEDY}")


def hint_at_backend() -> str:
    """The end of a message about a function that failed, if it may have called a model on another backend."""
    received = keras.backend.backend()
    return "" if received == "tensorflow" else f"; Keras runs on {received!r}: if this network uses it, {_REMEDY}"
