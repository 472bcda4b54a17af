"""Files that appear whole or not at all, so that a kill leaves nothing half-written behind."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any, *, writer: str | None = None) -> None:
    """Writes `content` to `path`, as `write_text` does; NaN and infinity, which JSON does not have, are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n", writer=writer)


def write_text(path: Path, text: str, *, writer: str | None = None) -> None:
    """Writes `text` beside `path`, and then moves it there; `writer` tells processes apart that do so at once."""
    partial = partial_of(path, writer)
    try:
        with partial.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name with nothing in it
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def partial_of(path: Path, writer: str | None = None) -> Path:
    """Where `path` is while it is written."""
    return path.with_name(path.name + (f".{writer}" if writer else "") + ".partial")


def sha256_of(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
