"""Notes of a program about what it converts, chooses or leaves out: a line each, once."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from absl import flags
from tqdm import tqdm

from tf_strattack.errors import InputWarning
from tf_strattack.programs.streams import printable

_said: set[str] = set()
# Names a file in which a program and its steps keep their notes.
_FILE = "TF_STRATTACK_NOTES"
_made: list[str] = []
_shown_by_python = warnings.showwarning


def notice(text: str) -> None:
    """Prints "note: text" to stderr unless this run of the program has already; progress bars stay whole."""
    line = "note: " + " ".join(printable(text).split())
    shared = os.environ.get(_FILE)
    if shared:
        with contextlib.suppress(OSError):
            _said.update(Path(shared).read_text(encoding="utf-8").splitlines())
    if line not in _said:
        _said.add(line)
        tqdm.write(line, file=sys.stderr)
        if shared:
            with contextlib.suppress(OSError), Path(shared).open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def stage(text: str) -> None:
    """Shows the present activity on a terminal, as loading takes seconds; elsewhere it would only fill a log."""
    if sys.stderr.isatty():
        tqdm.write(printable(f"{text} ..."), file=sys.stderr)


def sharing() -> dict[str, str]:
    """The environment of a step that does not repeat notes of this program or of its other steps."""
    if _FILE not in os.environ:
        descriptor, name = tempfile.mkstemp(prefix="notes")
        os.close(descriptor)
        atexit.register(Path(name).unlink, missing_ok=True)
        os.environ[_FILE] = name
        _made.append(name)
        Path(name).write_text("".join(f"{line}\n" for line in _said), encoding="utf-8")
    return dict(os.environ)


def show_warnings() -> None:
    """Turns the library's warnings about the input into notes; Python shows others as usual."""
    warnings.simplefilter("always", InputWarning)
    warnings.showwarning = _show


def _show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    if issubclass(category, InputWarning):
        notice(str(message) + flag_for(getattr(message, "option", None)))
    else:
        _shown_by_python(message, category, *place, **options)


def flag_for(option: str | None) -> str:
    """Names the flag for an argument of the library that a message advises; empty if there is none."""
    if option is None:
        return ""
    flag = option if option in flags.FLAGS else "model_options"
    return f" (--{flag}={'' if flag == option else option + '='}...)" if flag in flags.FLAGS else ""


def forget_notices() -> None:
    """Starts a run without notes so far."""
    _said.clear()
    if _made:  # not a file that the parent program has made
        os.environ.pop(_FILE, None)
        _made.clear()
