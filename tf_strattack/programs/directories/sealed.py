"""JSON files with their own checksum, so that altered files are detected."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tf_strattack.runtime.files import write_json

_CHECKSUM = "checksum_of_this_file"


def digest_of(content: Any) -> str:
    """A hash of JSON values; the order of names has no effect."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_sealed(path: Path, content: dict[str, Any], *, writer: str | None = None) -> None:
    """Writes `content`, which has no NaN, to `path` with its checksum; `writer` as in `replacing`."""
    write_json(path, {**content, _CHECKSUM: digest_of(content)}, writer=writer)


def read_sealed(path: Path) -> dict[str, Any] | None:
    """The content of a sealed file; None if it does not exist, has been altered, or is a link."""
    try:
        return unsealed(path.read_bytes()) if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def read_unless_damaged(path: Path) -> dict[str, Any]:
    """The content of a JSON file, sealed or not.

    Raises:
      ValueError: it is not a JSON object, or has been altered.
    """
    text = path.read_bytes()
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    if _CHECKSUM not in content:
        return content
    found = unsealed(text)
    if found is None:
        raise ValueError("it is not as it was written: delete it and its network, which are then made again")
    return found


def unsealed(text: bytes) -> dict[str, Any] | None:
    """The sealed content; None if the text has been altered."""
    try:
        content = json.loads(text)
        claimed = content.pop(_CHECKSUM)
    except (ValueError, LookupError, AttributeError, TypeError):
        return None
    return content if isinstance(content, dict) and claimed == digest_of(content) else None
