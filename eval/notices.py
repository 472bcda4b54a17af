"""What a program says of what it converts, chooses or leaves out: a line each, once."""

from __future__ import annotations

import sys

from tqdm import tqdm

_said: set[str] = set()


def notice(text: str) -> None:
    """Prints "note: text" to stderr unless this run of the program has already; progress bars stay whole."""
    line = "note: " + " ".join(text.split())
    if line not in _said:
        _said.add(line)
        tqdm.write(line, file=sys.stderr)


def forget_notices() -> None:
    """Begins a run that has said nothing yet."""
    _said.clear()
