"""One process at a time: locks that the operating system releases when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tf_strattack import InputError

# The name of the lock in a directory; further locks have a suffix after a dot.
LOCK = "lock"
LOCKS = rf"{LOCK}(\.(\d+-of-\d+|config\.json|plan\.npz|manifest\.json))?"
# Open until they are released, or the process ends.
held: list[BinaryIO] = []


def hold(path: Path, flag: str, *, shared: bool = False, new: bool = True) -> BinaryIO:
    """Takes the lock in the file `path`, which is created if it does not exist and `new` is set.

    Raises:
      InputError: another process has it; `flag` is the option that named the directory.
      OSError: no such file, or a link, which is refused because it could lead to a file of others.
    """
    file = _open(path, new=new)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(
            f"expected {flag} to be free, received {path.parent}, in which another process is at work"
        ) from None
    held.append(file)
    return file


def drop(lock: BinaryIO) -> None:
    """Gives up a lock."""
    held.remove(lock)
    lock.close()


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process is in such a context for the file `path`."""
    with _open(path.with_name(f"{LOCK}.{path.name}"), new=True) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open(path: Path, *, new: bool) -> BinaryIO:
    flags = (os.O_RDWR | os.O_CREAT) if new else os.O_RDONLY
    return os.fdopen(os.open(path, flags | os.O_NOFOLLOW, 0o666), "r+b" if new else "rb")
