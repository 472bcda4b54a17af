"""Standard output and error of programs: failures to print do not end the work."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


def printable(text: str) -> str:
    r"""`text` with control characters and escape sequences, which could come from names of others, made visible.

    Example:
      >>> print(printable("a\x1b[2Jb"))
      a\x1b[2Jb
    """
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


@contextlib.contextmanager
def lenient_streams() -> Iterator[None]:
    """Lets `print` and progress bars continue if nobody reads them, the disk is full, or a character has no encoding.

    Results are in files: a closed pipe, as with `| head`, is no reason to lose them.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_Lenient, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Lenient:
    """A text stream that becomes silent once writing fails; everything else is delegated to the stream itself."""

    def __init__(self, stream: Any) -> None:
        # Python has no stream if the descriptor is closed.
        self._stream = open(os.devnull, "w", encoding="utf-8") if stream is None else stream
        with contextlib.suppress(AttributeError, ValueError):  # a substitute in tests
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except OSError:
            self._fall_silent()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._fall_silent()

    def _fall_silent(self) -> None:
        # The descriptor itself, as Python flushes the unwritten rest at exit.
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())
