"""Ctrl-C during the imports of a program: one word, and the status of an interrupted program."""

from __future__ import annotations

import os
import signal
from typing import Any

INTERRUPTED = 130


def quit_at_once() -> None:
    """Makes Ctrl-C end the process with one line, while there is nothing to save; `wait_for_python` reverts this."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it
        signal.signal(signal.SIGINT, _quit)


def wait_for_python() -> None:
    """Makes Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _quit:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _quit(*_: Any) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
