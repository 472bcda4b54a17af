"""Exclusive use of an output directory: one program, one configuration, one process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from tf_strattack import InputError
from tf_strattack.programs.directories.layouts import CARD, LAYOUTS, Folder
from tf_strattack.programs.directories.locks import LOCK, LOCKS, drop, hold, one_at_a_time
from tf_strattack.programs.directories.marker import (
    CONFIG,
    Claim,
    begins_as_mark,
    config_damage,
    difference_of,
    has_copy,
    is_begun,
    is_obstructed,
    read_claim,
    read_config,
    write_claim,
)
from tf_strattack.programs.directories.removal import remove
from tf_strattack.programs.notices import notice


def claim(
    directory: Path,
    configuration: dict[str, Any],
    *,
    program: str,
    flag: str,
    overwrite: bool,
    part: str | None = None,
) -> Callable[[], None]:
    """Opens `directory` for the work of `configuration`, new or to be resumed.

    Args:
      directory: created if it does not exist.
      configuration: the values that must agree for the work to resume; JSON values.
      program: the program of the work; a key of `LAYOUTS`.
      flag: the option that named the directory, for messages.
      overwrite: whether to remove the work of another configuration; other files stay.
      part: the part of the work for this process, if others do the rest.

    Returns:
      A function that releases the directory, or the part of the work; until then no other process can claim it.

    Raises:
      InputError: work of another configuration (shown) without `overwrite`; files that no program here has made; or
        another process at work in it.
    """
    wanted: Any = {"program": program, "flag": flag, "overwrite": overwrite}
    require_claimable(directory, configuration, **wanted)
    locks: list[BinaryIO] = []

    def release() -> None:
        while locks:
            drop(locks.pop())

    try:
        directory.mkdir(parents=True, exist_ok=True)
        locks.append(hold(directory / LOCK, flag, shared=part is not None))
        if part is not None:
            locks.append(hold(directory / f"{LOCK}.{part}", flag))
        with contextlib.nullcontext() if part is None else one_at_a_time(directory / CONFIG):
            # Again, now that no other process can change it.
            other = require_claimable(directory, configuration, **wanted)
            _mark(directory, Claim(program, json.loads(json.dumps(configuration))), other, flag, whole=part is None)
    except OSError as error:
        release()
        raise not_to_write_in(flag, directory, error) from error
    except InputError:
        release()
        raise
    return release


def not_to_write_in(flag: str, directory: Path, error: OSError) -> InputError:
    """The refusal of a directory that the operating system refuses, with the reason."""
    link = next((path for path in (directory, *directory.parents) if path.is_symlink() and not path.exists()), None)
    if isinstance(error, FileExistsError) and link is not None:
        said = f"the link {link} leads to {os.readlink(link)}, which does not exist: make it, or remove the link"
    else:
        said = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    return InputError(f"expected {flag} to be a directory to write in, received {directory}: {said}")


def _mark(directory: Path, ours: Claim, other: Claim | None, flag: str, *, whole: bool) -> None:
    """Removes the work of `other`, or half-written files of ours if this process does the whole work, and claims it."""
    if other is not None:
        remove(directory, LAYOUTS[other.program], flag=flag)
    if whole:
        _remove_partial(directory, LAYOUTS[ours.program])
    damage = config_damage(directory, ours)
    if damage and other is None and read_claim(directory, ours) == ours:
        notice(f"{directory / CONFIG}: {damage}; written again")
    if damage or not has_copy(directory, ours):
        write_claim(directory, ours)


def require_claimable(
    directory: Path, configuration: dict[str, Any], *, program: str, flag: str, overwrite: bool
) -> Claim | None:
    """Refuses a directory that `claim` would refuse, except for other processes; returns the work to overwrite.

    Raises:
      InputError: see `claim`.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"expected {flag} to be a directory, received {directory}, which is a file")
    # The names first: another process writes its configuration before other files.
    paths = sorted(directory.iterdir()) if directory.exists() else []
    ours = Claim(program, json.loads(json.dumps(configuration)))
    found = read_claim(directory, ours)
    if found is None:
        if is_obstructed(directory):
            raise in_the_way(program, directory / CONFIG)
        if not all(_is_claim_begun(path) or LAYOUTS[program].takes(path) for path in paths):
            raise InputError(
                f"expected {flag} to be new, empty or a run of these programs, received {directory}, which is not"
                f"{_reason(directory)}: choose another directory"
            )
        return None
    other = None
    if found.configuration and (difference := difference_of(found, ours)):
        if not overwrite:
            raise InputError(
                f"expected {flag} to hold a run of this configuration, received {directory}, which "
                f"differs in {difference}: choose another directory, or add --overwrite"
            )
        other = found
    _require_room(paths, program, found, removing=other is not None)
    return other


def require_finished(
    directory: Path, configuration: dict[str, Any], *, program: str, flag: str, ignoring: Iterable[str]
) -> Claim:
    """Opens `directory` for reading: it must hold work of `configuration`, except for the entries `ignoring`.

    Returns:
      The claim on it.

    Raises:
      InputError: it does not hold such work, or another process is at work in it.
    """
    old = read_claim(directory, Claim(program, json.loads(json.dumps(configuration))))
    if old is None or not old.configuration:
        raise InputError(f"expected {flag} to hold a run, received {directory}, which does not{_reason(directory)}")
    ours, theirs = (
        {n: v for n, v in facts.items() if n not in ignoring} for facts in (configuration, old.configuration)
    )
    if difference := difference_of(Claim(old.program, theirs), Claim(program, ours)):
        raise InputError(f"expected the flags of the run in {directory}, received other ones: {difference}")
    if (directory / LOCK).exists():
        hold(directory / LOCK, flag, shared=True, new=False)
    return old


def _remove_partial(directory: Path, names: Folder) -> None:
    """Removes files that a killed process left half-written, if no other process is at work in the directory."""
    for path in directory.iterdir():
        if is_begun(path) or (names.partial(path.name) and names.owns(path)):
            path.unlink()


def _is_claim_begun(path: Path) -> bool:
    """Whether a file may belong to an unfinished claim: a lock, or an incomplete mark."""
    return begins_as_mark(path) if re.fullmatch(LOCKS, path.name) else is_begun(path)


def _reason(directory: Path) -> str:
    if not (directory / CONFIG).exists():
        return ""
    if read_config(directory) is None:
        return f", as its {CONFIG} cannot be read"
    return ", or is one of version 0.2.0, which did not mark its runs"


def _require_room(paths: Iterable[Path], program: str, found: Claim, *, removing: bool) -> None:
    """Refuses entries of others in the place of files or folders of `program`, or of another work than `found`.

    Args:
      paths: the entries of the directory.
      program: the program that will work there.
      found: the claim of the present entries.
      removing: whether the files of `found` are removed first.
    """
    ours, theirs = LAYOUTS[program], LAYOUTS[found.program]
    for path in paths:
        if path.name == CARD and not path.is_dir():  # a card of others stays, and ours is not written
            continue
        known = theirs.owns(path)
        leads_away = path.is_symlink() and (path.is_dir() or ours.folder(path.name) is not None)
        stays = not removing or not known
        if ours.names(path.name) and stays and (leads_away or not known or not ours.owns(path)):
            raise in_the_way(program, path)


def require_no_folder(program: str, *paths: Path) -> None:
    """Refuses a folder of others in the place of a file that `program` writes.

    Raises:
      InputError: such a folder.
    """
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            raise in_the_way(program, path)


def in_the_way(program: str, path: Path) -> InputError:
    """The error about an entry of others in the place of a file that `program` writes."""
    return InputError(
        f"expected nothing of others in the place of what {program} writes, received {path}: move it elsewhere"
    )
