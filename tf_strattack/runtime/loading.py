"""Files of other people: whatever a missing or corrupt one makes a library raise becomes one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tf_strattack.errors import InputError
from tf_strattack.runtime import devices
from tf_strattack.runtime.causes import cause_of


def load_or_explain(load: Callable[[], Any], path: str | Path, what: str) -> Any:
    """Calls `load`, which reads `path`, a file or directory that should hold `what`; returns its result.

    Raises:
      InputError: the path does not exist, or `load` failed.
    """
    if not Path(path).exists():
        raise InputError(f"expected {what}, received {path}, which does not exist")
    try:
        with devices.scope():
            return load()
    except InputError:
        raise
    except Exception as error:  # h5py, zip, protobuf and TensorFlow each have their own
        raise InputError(f"expected {what}, received {path}, which cannot be read: {cause_of(error)}") from error
