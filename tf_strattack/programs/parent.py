"""A program that is a step of another one ends when that one is killed: else it would hold the directory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

# Names the process that runs this one as a step.
_PARENT = "TF_STRATTACK_PARENT"
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def as_parent() -> dict[str, str]:
    """What the environment of a step needs, which is to end with this process."""
    return {_PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Sees to it that this process is killed when the one of which it is a step ends, on Linux; if it is a step."""
    parent = os.environ.pop(_PARENT, None)
    if parent is None:
        return
    with contextlib.suppress(AttributeError, OSError):  # another operating system
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if str(os.getppid()) != parent:  # it has ended already
            os.kill(os.getpid(), signal.SIGKILL)
