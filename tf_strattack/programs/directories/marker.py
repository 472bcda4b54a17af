"""config.json: the program that has claimed a directory, and its configuration.

It contains its own checksum, and the lock holds a copy, so that one of the two may be lost or damaged.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack.programs.directories.layouts import LAYOUTS
from tf_strattack.programs.directories.locks import LOCK
from tf_strattack.programs.directories.sealed import read_sealed, write_sealed
from tf_strattack.runtime.files import is_partial_of

CONFIG = "config.json"
_MADE_BY, _US = "made_by", "tf_strattack"
_FEW_BYTES = 8


class Claim(NamedTuple):
    """The content of config.json.

    Attributes:
      program: a key of `LAYOUTS`.
      configuration: JSON values; empty if the program's files have been removed while files of others remain.
    """

    program: str
    configuration: dict[str, Any]


def read_claim(directory: Path, wanted: Claim | None = None) -> Claim | None:
    """The claim on a directory; `wanted` if one of the marks agrees; None if no program here has marked it."""
    config, lock = _claim_in(directory / CONFIG), _claim_in(directory / LOCK)
    if config is None and not _is_damaged_copy(directory / CONFIG, directory / LOCK):
        lock = None
    return wanted if wanted is not None and wanted in (config, lock) else config or lock


def is_obstructed(directory: Path) -> bool:
    """Whether a folder or a link of others is in the place of config.json in a claimed directory."""
    path = directory / CONFIG
    return (path.is_symlink() or path.is_dir()) and _claim_in(directory / LOCK) is not None


def config_damage(directory: Path, claim: Claim) -> str | None:
    """The damage of config.json in a directory with `claim`, in words; None if there is none."""
    if not os.path.lexists(directory / CONFIG):
        return "it is missing"
    found = _claim_in(directory / CONFIG)
    if found is None:
        return "it is not as it was written"
    return None if found == claim else "it is of another run"


def has_copy(directory: Path, claim: Claim) -> bool:
    """Whether the lock holds its copy of the claim."""
    return _claim_in(directory / LOCK) == claim


def _claim_in(path: Path) -> Claim | None:
    content = read_sealed(path) or {}
    us, _, program = str(content.pop(_MADE_BY, "")).partition(" ")
    return Claim(program, content) if us == _US and program in LAYOUTS else None


def _is_damaged_copy(path: Path, copy: Path) -> bool:
    """Whether `path` is lost, cut off, or differs from `copy` in a few bytes, and so is not a file of others."""
    if not os.path.lexists(path):
        return True
    if path.is_symlink() or not path.is_file() or not copy.is_file():
        return False
    found, written = path.read_bytes(), copy.read_bytes()
    if len(found) < len(written):
        return written.startswith(found)
    return len(found) == len(written) and sum(map(int.__ne__, found, written)) <= _FEW_BYTES


def read_config(directory: Path) -> dict[str, Any] | None:
    """The content of config.json, marked or not; None if it is not a JSON object."""
    path = directory / CONFIG
    try:
        content = json.loads(path.read_bytes()) if path.is_file() else None
    except (ValueError, FileNotFoundError):
        return None
    return content if isinstance(content, dict) else None


def write_claim(directory: Path, claim: Claim) -> None:
    """Marks a directory, whose lock this process holds."""
    write_sealed(directory / CONFIG, {_MADE_BY: f"{_US} {claim.program}", **claim.configuration})
    content = (directory / CONFIG).read_bytes()
    # Written in place, as a lock cannot be replaced; an incomplete copy has a wrong checksum.
    with os.fdopen(os.open(directory / LOCK, os.O_WRONLY | os.O_NOFOLLOW), "wb") as lock:
        lock.write(content)


def is_begun(path: Path) -> bool:
    """Whether a file is a partially written config.json, such as a killed process leaves."""
    return is_partial_of(path, CONFIG) and begins_as_mark(path)


def begins_as_mark(path: Path) -> bool:
    """Whether a file is empty or has the beginning of the mark: another process may be writing it."""
    begin = json.dumps({_MADE_BY: f"{_US} "}, indent=2).rstrip('\n}"').encode()
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as file:
            found = file.read(len(begin))
    except FileNotFoundError:  # it is complete by now
        return True
    return begin.startswith(found)


def difference_of(old: Claim, new: Claim) -> str:
    """The differences, with the values there and here; empty if there are none."""
    if old.program != new.program:
        return f"the program ({old.program} there, {new.program} here)"
    flat_old, flat_new = _flatten(old.configuration), _flatten(json.loads(json.dumps(new.configuration)))
    names = [name for name in {**flat_old, **flat_new} if flat_old.get(name) != flat_new.get(name)]
    return "; ".join(f"{name} ({flat_old.get(name)!r} there, {flat_new.get(name)!r} here)" for name in names)


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(_flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
