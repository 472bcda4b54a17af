"""Griffe extension: docstrings as this project writes them, in the words that Griffe knows.

Its section of doctests is called Examples, and an item describes one name: `lower, upper: ...` becomes one.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_TITLE = re.compile(r"^(\s*)Example:$", re.MULTILINE)
_TOGETHER = re.compile(r"^(\s+)(\*{0,2}\w+(?:, \*{0,2}\w+)+): ", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Looks at one object."""
        if obj.docstring:
            text = _TITLE.sub(r"\1Examples:", obj.docstring.value)
            # A space that does not part words.
            obj.docstring.value = _TOGETHER.sub(lambda m: f"{m[1]}{m[2].replace(' ', chr(0xA0))}: ", text)
