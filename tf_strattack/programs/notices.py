"""What a program says of what it converts, chooses or leaves out: a line each, once."""

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
# Names a file in which a program and the steps that it runs keep what they have said.
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
    """Says on a terminal what is done now, as loading takes seconds; elsewhere it would only fill a log."""
    if sys.stderr.isatty():
        tqdm.write(printable(f"{text} ..."), file=sys.stderr)


def sharing() -> dict[str, str]:
    """The environment of a step that says nothing that this program, or another of its steps, has said."""
    if _FILE not in os.environ:
        descriptor, name = tempfile.mkstemp(prefix="notes")
        os.close(descriptor)
        atexit.register(Path(name).unlink, missing_ok=True)
        os.environ[_FILE] = name
        _made.append(name)
        Path(name).write_text("".join(f"{line}\n" for line in _said), encoding="utf-8")
    return dict(os.environ)


def show_warnings() -> None:
    """Makes notes of the library's warnings about the input; others stay as Python shows them."""
    warnings.simplefilter("always", InputWarning)
    warnings.showwarning = _show


def _show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    if issubclass(category, InputWarning):
        notice(str(message) + flag_for(getattr(message, "option", None)))
    else:
        _shown_by_python(message, category, *place, **options)


def flag_for(option: str | None) -> str:
    """Names the flag for an argument of the library that a message advises; nothing where there is none."""
    if option is None:
        return ""
    flag = option if option in flags.FLAGS else "model_options"
    return f" (--{flag}={'' if flag == option else option + '='}...)" if flag in flags.FLAGS else ""


def forget_notices() -> None:
    """Begins a run that has said nothing yet."""
    _said.clear()
    if _made:  # not what the program that runs this one has made
        os.environ.pop(_FILE, None)
        _made.clear()
