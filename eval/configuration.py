"""Who owns a directory: what is in it comes from one configuration, which is written there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from eval.files import write_json
from tf_strattack import InputError

_FILE, _LOCK = "config.json", "lock"
# Open until the process ends, and the locks on them with it, however it ends.
_held: list[TextIO] = []


def claim(
    directory: Path, configuration: dict[str, Any], *, flag: str, overwrite: bool, part: str | None = None
) -> None:
    """Opens `directory` for the work of `configuration`, new or to be resumed.

    Args:
      directory: made where it does not exist.
      configuration: what must agree for the work to go on; JSON values.
      flag: the option that named the directory, for messages.
      overwrite: whether work of another configuration is removed.
      part: what this process does of the work, where others do the rest in the same directory.

    No other process can claim it, or the same part of it, until this one has ended.

    Raises:
      InputError: the directory holds work of another configuration (shown), and `overwrite` is off, or it holds
        something else, or another process is at work in it.
    """
    path = directory / _FILE
    own = {path, path.with_name(path.name + ".partial"), *directory.glob(_LOCK + "*")}
    if not path.exists() and directory.exists() and (not directory.is_dir() or set(directory.iterdir()) - own):
        raise InputError(f"expected {flag} to be new, empty or a run, received {directory}, which is not")
    _require_same(path, configuration, flag, overwrite)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _lock(directory / _LOCK, flag, shared=part is not None)
        if part is not None:
            _lock(directory / f"{_LOCK}.{part}", flag)
    except OSError as error:
        raise InputError(f"expected {flag} to be a directory to write in, received {directory}: {error}") from error
    with contextlib.nullcontext() if part is None else one_at_a_time(path):
        if _require_same(path, configuration, flag, overwrite):  # again, now that no other process can change it
            for file in set(directory.iterdir()) - {path, *directory.glob(_LOCK + "*")}:
                shutil.rmtree(file) if file.is_dir() else file.unlink()
        write_json(path, configuration)


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a context for the file `path`."""
    with path.with_name(f"{_LOCK}.{path.name}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _require_same(path: Path, configuration: dict[str, Any], flag: str, overwrite: bool) -> str:
    """Refuses another configuration in `path`, unless it may be removed; returns the difference."""
    difference = _difference(_read(path), configuration) if path.exists() else ""
    if difference and not overwrite:
        raise InputError(
            f"expected {flag} to hold a run of this configuration, received {path.parent}, which "
            f"differs in {difference}: choose another directory, or add --overwrite"
        )
    return difference


def _lock(path: Path, flag: str, *, shared: bool = False) -> None:
    file = path.open("w")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(
            f"expected {flag} to be free, received {path.parent}, in which another process is at work"
        ) from None
    _held.append(file)


def _read(path: Path) -> dict[str, Any]:
    try:
        configuration: dict[str, Any] = json.loads(path.read_text())
    except json.JSONDecodeError:
        raise InputError(f"expected the configuration of a run in {path}, received a corrupt file") from None
    return configuration


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    flat_old, flat_new = _flatten(old), _flatten(json.loads(json.dumps(new)))
    names = [name for name in {**flat_old, **flat_new} if flat_old.get(name) != flat_new.get(name)]
    return "; ".join(f"{name} ({flat_old.get(name)!r} there, {flat_new.get(name)!r} here)" for name in names)


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
