"""config.json: which of these programs has claimed a directory, and for what configuration."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack.programs.directories.files import is_partial_of, write_json
from tf_strattack.programs.directories.layouts import LAYOUTS

CONFIG = "config.json"
_MADE_BY, _US = "made_by", "tf_strattack"


class Claim(NamedTuple):
    """What config.json says.

    Attributes:
      program: a key of `LAYOUTS`.
      configuration: JSON values; empty where what the program wrote has been removed, and others' files have stayed.
    """

    program: str
    configuration: dict[str, Any]


def read_claim(directory: Path) -> Claim | None:
    """The claim on a directory; None if none of these programs has marked it, or the mark cannot be read."""
    content = read_config(directory) or {}
    us, _, program = str(content.pop(_MADE_BY, "")).partition(" ")
    return Claim(program, content) if us == _US and program in LAYOUTS else None


def read_config(directory: Path) -> dict[str, Any] | None:
    """What is in config.json, marked or not; None if that is no JSON object."""
    path = directory / CONFIG
    try:
        content = json.loads(path.read_bytes()) if path.is_file() else None
    except (ValueError, FileNotFoundError):
        return None
    return content if isinstance(content, dict) else None


def write_claim(directory: Path, claim: Claim) -> None:
    """Marks a directory."""
    write_json(directory / CONFIG, {_MADE_BY: f"{_US} {claim.program}", **claim.configuration})


def is_begun(path: Path) -> bool:
    """Whether a file is config.json as it is while it is written, and as a kill leaves it."""
    if not is_partial_of(path, CONFIG):
        return False
    begin = json.dumps({_MADE_BY: f"{_US} "}, indent=2).rstrip('\n}"').encode()
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as file:
            found = file.read(len(begin))
    except FileNotFoundError:  # it is whole by now
        return True
    return begin.startswith(found)


def difference_of(old: Claim, new: Claim) -> str:
    """What differs, with the values there and here; empty if nothing does."""
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
