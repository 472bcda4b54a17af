"""The envelope: a file of the best known results, which every run verifies and may improve."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tf_strattack import InputError
from tf_strattack.programs.directories.locks import one_at_a_time

from .entries import Entries, Entry, Key, better
from .envelope_file import read, write

# Which of the entries hold, by the network itself.
Verify = Callable[[Mapping[Key, Entry]], set[Key]]


def check(path: Path) -> None:
    """Refuses a file that is no envelope, or that cannot be written, and a lock that cannot be taken.

    Raises:
      InputError: such a file.
    """
    path = _followed(path)
    if not path.parent.is_dir():
        raise InputError(f"expected --envelope in a directory that exists, received {path}")
    read(path)
    try:
        with one_at_a_time(path):
            pass
    except OSError as error:
        raise InputError(
            f"expected --envelope where {error.filename} can be made and locked, received: {error.strerror}: choose "
            "another directory, or remove what stands there"
        ) from error
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise InputError(f"expected --envelope to be a file that can be written, received {path}, which cannot")


def improve(path: Path, keys: Iterable[Key], found: Mapping[Key, Entry], verify: Verify) -> Entries:
    """Adds what was `found`, and verified, to the file where it is better, and returns the entries for `keys`.

    Args:
      path: the file.
      keys: those of all examples of this run, whether something was found for them or not.
      found: results of this run.
      verify: which entries for these keys hold; those that do not are replaced, or removed. Entries for other keys stay
        as they are.

    Raises:
      InputError: a file that is not an envelope.
    """
    check(path)
    path = _followed(path)
    with one_at_a_time(path):
        stored = read(path)
        mine = {key: stored[key] for key in keys if key in stored}
        held = verify(mine)
        best = better({key: entry for key, entry in mine.items() if key in held}, found)
        written = {**{key: entry for key, entry in stored.items() if key not in mine}, **best}
        if written != stored:
            write(path, written)
    return best


def _followed(path: Path) -> Path:
    """The file to which links lead: a new file in the place of a link would leave the old one as it was."""
    return Path(os.path.realpath(path))
