"""Who owns a directory: what is in it comes from one configuration, which is written there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from eval.files import write_json
from tf_strattack import InputError

_FILE, _LOCK = "config.json", "lock"
# Open until the process ends, and the locks on them with it, however it ends.
_held: list[TextIO] = []


def claim(
    directory: Path, configuration: dict[str, Any], *, flag: str, overwrite: bool, part: str | None = None
) -> Callable[[], None]:
    """Opens `directory` for the work of `configuration`, new or to be resumed.

    Args:
      directory: made where it does not exist.
      configuration: what must agree for the work to go on; JSON values.
      flag: the option that named the directory, for messages.
      overwrite: whether work of another configuration is removed.
      part: what this process does of the work, where others do the rest in the same directory.

    Returns:
      A function that gives the directory up. Until it is called, or the process has ended, no other process can claim
      the directory, or the same part of the work in it.

    Raises:
      InputError: the directory holds work of another configuration (shown), and `overwrite` is off, or it holds
        something else, or another process is at work in it.
    """
    require_claimable(directory, configuration, flag=flag, overwrite=overwrite)
    path = directory / _FILE
    locks: list[TextIO] = []

    def release() -> None:
        while locks:
            lock = locks.pop()
            _held.remove(lock)
            lock.close()

    try:
        directory.mkdir(parents=True, exist_ok=True)
        locks.append(_lock(directory / _LOCK, flag, shared=part is not None))
        if part is not None:
            locks.append(_lock(directory / f"{_LOCK}.{part}", flag))
        with contextlib.nullcontext() if part is None else one_at_a_time(path):
            # Again, now that no other process can change it.
            if require_claimable(directory, configuration, flag=flag, overwrite=overwrite):
                for file in directory.iterdir():
                    if file != path and not file.name.startswith(_LOCK):
                        shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
            if not path.exists() or _read(path) != json.loads(json.dumps(configuration)):
                write_json(path, configuration)
    except OSError as error:
        release()
        raise InputError(f"expected {flag} to be a directory to write in, received {directory}: {error}") from error
    except InputError:
        release()
        raise
    return release


def require_claimable(directory: Path, configuration: dict[str, Any], *, flag: str, overwrite: bool) -> str:
    """Refuses a directory that `claim` would refuse, but for other processes; returns the difference to be overwritten.

    Raises:
      InputError: see `claim`.
    """
    path = directory / _FILE
    if directory.exists() and not directory.is_dir():
        raise InputError(f"expected {flag} to be a directory, received {directory}, which is a file")
    # The names first: what another process makes meanwhile comes after its configuration.
    names = {file.name for file in directory.iterdir()} if directory.exists() else set()
    if {name for name in names if not name.startswith((_LOCK, _FILE))} and not path.exists():
        raise InputError(f"expected {flag} to be new, empty or a run, received {directory}, which is not")
    if not path.exists():
        return ""
    old = _read(path)
    if old is None and not overwrite:
        raise InputError(
            f"expected the configuration of a run in {path}, received a corrupt file: choose another directory, or add "
            "--overwrite"
        )
    difference = "a corrupt file" if old is None else _difference(old, configuration)
    if difference and not overwrite:
        raise InputError(
            f"expected {flag} to hold a run of this configuration, received {directory}, which "
            f"differs in {difference}: choose another directory, or add --overwrite"
        )
    return difference


def require_finished(directory: Path, configuration: dict[str, Any], *, flag: str, ignoring: Iterable[str]) -> None:
    """Opens `directory` for reading: it must hold work of `configuration`, but for the entries `ignoring`.

    Raises:
      InputError: it does not, or another process is at work in it.
    """
    path = directory / _FILE
    old = _read(path) if path.exists() else None
    if old is None:
        raise InputError(f"expected {flag} to hold a run, received {directory}, which does not")
    ours, theirs = ({n: v for n, v in facts.items() if n not in ignoring} for facts in (configuration, old))
    if difference := _difference(theirs, ours):
        raise InputError(f"expected the flags of the run in {directory}, received other ones: {difference}")
    if (directory / _LOCK).exists():
        _lock(directory / _LOCK, flag, shared=True, mode="r")


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a context for the file `path`."""
    with path.with_name(f"{_LOCK}.{path.name}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(path: Path, flag: str, *, shared: bool = False, mode: str = "w") -> TextIO:
    file: Any = path.open(mode)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(
            f"expected {flag} to be free, received {path.parent}, in which another process is at work"
        ) from None
    _held.append(file)
    return file


def _read(path: Path) -> dict[str, Any] | None:
    """The configuration in the file; None if that is corrupt."""
    try:
        configuration = json.loads(path.read_bytes())
    except ValueError:
        return None
    return configuration if isinstance(configuration, dict) else None


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    flat_old, flat_new = _flatten(old), _flatten(json.loads(json.dumps(new)))
    names = [name for name in {**flat_old, **flat_new} if flat_old.get(name) != flat_new.get(name)]
    return "; ".join(f"{name} ({flat_old.get(name)!r} there, {flat_new.get(name)!r} here)" for name in names)


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
