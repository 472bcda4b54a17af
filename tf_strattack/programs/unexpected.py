"""An error that no program expects: whose code raised it, in a line, and a file with its traceback."""

from __future__ import annotations

import sysconfig
import tempfile
import traceback
from pathlib import Path

_HOME = Path(__file__).parents[2]
_OURS = [_HOME / name for name in ("tf_strattack", "training", "eval")]
_LIBRARIES = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
# Files that AutoGraph writes for the code of others.
_GENERATED = "__autograph_generated_file"


def about_unexpected(error: BaseException) -> str:
    """A line about `error`, with the file that has its traceback."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="tf_strattack_", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write("".join(traceback.format_exception(error)))
    said = next(iter(str(error).strip().splitlines()), "")
    return f"unexpected {type(error).__name__}: {said} ({_origin(error)}; all of it is in {file.name})"


def _origin(error: BaseException) -> str:
    """Whose code raised `error`: libraries raise for those who call them, such as an attack of the user's own."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if any(path.is_relative_to(folder) for folder in _OURS):
            break
        if path.is_file() and _GENERATED not in path.name and not any(map(path.is_relative_to, _LIBRARIES)):
            return f"raised by {path.name}, line {frame.lineno}"
    return "an error of this program"
