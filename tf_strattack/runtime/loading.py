"""Files from users: any exception about a missing or corrupt one becomes one line."""

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
    check_is_there(path, what)
    try:
        with devices.scope():
            return load()
    except InputError:
        raise
    except Exception as error:  # h5py, zip, protobuf and TensorFlow each have their own exceptions
        raise InputError(f"expected {what}, received {path}, which cannot be read: {cause_of(error)}") from error


def check_is_there(path: str | Path, what: str) -> None:
    """Refuses a `path` that is neither a file nor a folder: reading a pipe, say, would block.

    Raises:
      InputError: such a path.
    """
    try:
        found = Path(path)
        there, usable = found.exists(), found.is_file() or found.is_dir()
    except (TypeError, ValueError, OSError) as error:
        raise InputError(f"expected {what}, received {path!r}: {cause_of(error)}") from error
    if not usable:
        raise InputError(f"expected {what}, received {path}, which {'is not a file' if there else 'does not exist'}")
