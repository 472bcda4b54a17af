"""What a program says of what it converts, chooses or leaves out: a line each, once."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from tqdm import tqdm

from tf_strattack.errors import InputWarning

_said: set[str] = set()
_shown_by_python = warnings.showwarning


def notice(text: str) -> None:
    """Prints "note: text" to stderr unless this run of the program has already; progress bars stay whole."""
    line = "note: " + " ".join(text.split())
    if line not in _said:
        _said.add(line)
        tqdm.write(line, file=sys.stderr)


def show_warnings() -> None:
    """Makes notes of the library's warnings about the input; others stay as Python shows them."""
    warnings.simplefilter("always", InputWarning)
    warnings.showwarning = _show


def _show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    if issubclass(category, InputWarning):
        notice(str(message))
    else:
        _shown_by_python(message, category, *place, **options)


def forget_notices() -> None:
    """Begins a run that has said nothing yet."""
    _said.clear()
