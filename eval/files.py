"""Files that appear whole or not at all, so that a kill leaves nothing half-written behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any) -> None:
    """Writes `content` to `path`; NaN and infinity, which JSON does not have, are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes `text` beside `path`, and then moves it there."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)
