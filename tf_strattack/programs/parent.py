"""A step of another program ends when that one is killed; otherwise it would keep the directory locked."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

# Names the process of which this one is a step.
_PARENT = "TF_STRATTACK_PARENT"
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def as_parent() -> dict[str, str]:
    """The environment of a step that ends with this process."""
    return {_PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """If this process is a step: has it killed when its parent program ends, on Linux."""
    parent = os.environ.pop(_PARENT, None)
    if parent is None:
        return
    with contextlib.suppress(AttributeError, OSError):  # another operating system
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if str(os.getppid()) != parent:  # the parent has already ended
            os.kill(os.getpid(), signal.SIGKILL)
