"""Files that appear complete or not at all, so that a killed process leaves nothing half-written behind."""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

_PARTIAL = ".partial"


def write_json(path: Path, content: Any, *, writer: str | None = None) -> None:
    """Writes `content` to `path`, as `write_text` does; NaN and infinity, which JSON does not have, are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n", writer=writer)


def write_text(path: Path, text: str, *, writer: str | None = None) -> None:
    """Writes `text` next to `path`, and then moves it there; `writer` as in `replacing`."""
    with replacing(path, writer=writer) as file:
        file.write(text.encode())


@contextlib.contextmanager
def replacing(path: Path, *, writer: str | None = None) -> Iterator[BinaryIO]:
    """A new file next to `path`, to be written; it is moved to `path` at the end, or removed after an exception.

    Its name is unique, so nothing but `path` is replaced; it contains `writer`, if given.
    """
    partial = partial_of(path, ".".join(filter(None, (secrets.token_hex(4), writer))))
    with partial.open("xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())  # otherwise a power cut could leave an empty file
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def partial_of(path: Path, writer: str | None = None) -> Path:
    """The temporary path of `path`; `writer` distinguishes processes that write at the same time."""
    return path.with_name(path.name + (f".{writer}" if writer else "") + _PARTIAL)


def is_partial_of(path: Path, name: str) -> bool:
    """Whether `path` is a temporary file for the name."""
    return re.fullmatch(rf"{re.escape(name)}(\.[\w-]+)*{re.escape(_PARTIAL)}", path.name) is not None


def same_content(one: Path, other: Path) -> bool:
    """Whether both are files with the same content."""
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def sha256_of(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
