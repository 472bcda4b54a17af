"""Removal of files that these programs have written, and of nothing else; links are never followed."""

from __future__ import annotations

import contextlib
import errno
import re
from pathlib import Path

from tf_strattack.programs.directories.layouts import LAYOUTS, Folder
from tf_strattack.programs.directories.locks import LOCK, LOCKS, drop, hold
from tf_strattack.programs.directories.marker import CONFIG, Claim, read_claim, write_claim
from tf_strattack.runtime.files import is_partial_of


def remove(folder: Path, names: Folder, *, flag: str = "the directory") -> None:
    """Removes the entries of `folder` that `names` owns; folders are removed unless files of others remain in them.

    Args:
      folder: it need not exist.
      names: the names of our files.
      flag: the option that named the directory, for messages.

    Raises:
      InputError: another process is at work in a run within `folder`.
    """
    if not folder.is_dir():
        return
    for path in [path for path in sorted(folder.iterdir()) if names.owns(path)]:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif (within := names.folder(path.name)) is not None:
            remove(path, within, flag=flag)
            _remove_empty(path)
        elif (claim := read_claim(path)) is not None:
            lock = hold(path / LOCK, flag)
            try:
                discard(path, claim.program, flag=flag)
            finally:
                drop(lock)


def discard(directory: Path, program: str, *, flag: str = "the directory") -> None:
    """Removes the files of `program` from a directory that it has claimed, and the directory itself.

    If files of others remain in it, it stays and is marked, so that programs can claim it again.
    """
    remove(directory, LAYOUTS[program], flag=flag)
    if any(not is_bookkeeping(path) for path in directory.iterdir()):
        write_claim(directory, Claim(program, {}))
        return
    for path in sorted(directory.iterdir()):  # config.json before the lock
        path.unlink()
    _remove_empty(directory)


def remove_partial(directory: Path, layout: Folder) -> None:
    """Removes the folders of `layout` left half-written in `directory` by a killed process, with our files in them."""
    for path in directory.iterdir():
        within = layout.folder(path.name)
        if path.name.endswith(".partial") and within is not None and path.is_dir() and not path.is_symlink():
            remove(path, within)
            _remove_empty(path)


def replace_written(folder: Path, partial: Path, names: Folder) -> None:
    """Replaces our earlier files in `folder` by those in the folder `partial`."""
    remove(folder, names)
    try:
        partial.replace(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        for path in filter(names.owns, sorted(partial.iterdir())):  # next to files of others, never in their place
            if (folder / path.name).exists() or (folder / path.name).is_symlink():
                path.unlink()
            else:
                path.replace(folder / path.name)
        _remove_empty(partial)


def is_bookkeeping(path: Path) -> bool:
    """Whether a file belongs to the claim on its directory."""
    return path.name == CONFIG or is_partial_of(path, CONFIG) or re.fullmatch(LOCKS, path.name) is not None


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
