"""Whole numbers in texts that users write: flags and tables."""

from __future__ import annotations

# More make no count, class or size; Python refuses to convert thousands of them.
_MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """The number of at least 0 that `text` writes in the digits 0 to 9; None for every other text.

    `str.isdigit` alone also holds of texts that `int` refuses, such as "²".
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
