"""Ctrl-C in a program: during its imports, and during an attack."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf_strattack.result import AttackResult

# The status of an interrupted program.
INTERRUPTED = 130


def quit_at_once() -> None:
    """Makes Ctrl-C end the process with one line, while there is nothing to save; `wait_for_python` reverts this."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it
        signal.signal(signal.SIGINT, _quit)


def wait_for_python() -> None:
    """Makes Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _quit:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def complete(result: AttackResult) -> AttackResult:
    """The result of an attack, unless Ctrl-C ended the attack early: its figures would be wrong.

    Raises:
      KeyboardInterrupt: it did.
    """
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _quit(*_: Any) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
