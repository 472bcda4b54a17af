"""Reports of conversions and guesses about arguments: a warning each, at the caller's line."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from tf_strattack.errors import InputWarning

_PACKAGE = str(Path(__file__).parent)


def report(text: str, *, option: str | None = None) -> None:
    """Warns with `text`, which Python shows once for each line of the caller's code; `option` as in `InputWarning`.

    Warns:
      InputWarning: always.
    """
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(InputWarning(text, option), stacklevel=level)
