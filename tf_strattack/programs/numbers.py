"""Numbers in texts that users write: flags and tables."""

from __future__ import annotations

import re

from absl import flags

# More make no count, class or size; Python refuses to convert thousands of them.
_MOST_DIGITS = 18
_FRACTION = re.compile(r"([+-]?\d{1,18}(?:\.\d{0,18})?)/(\d{1,18}(?:\.\d{0,18})?)", re.ASCII)


def whole_number(text: str) -> int | None:
    """The number of at least 0 that `text` writes in the digits 0 to 9; None for every other text.

    `str.isdigit` alone also holds of texts that `int` refuses, such as "²".
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def fraction(text: str) -> float | None:
    """The value of a fraction such as "8/255"; None for every other text."""
    found = _FRACTION.fullmatch(text.strip())
    return float(found[1]) / float(found[2]) if found and float(found[2]) else None


def number(text: str) -> float:
    """The value of a number or of a fraction.

    Raises:
      ValueError: another text.
    """
    value = fraction(text)
    return float(text) if value is None else value


class FractionParser(flags.FloatParser):
    """Parses numbers, and fractions as the field writes radii: 8/255."""

    def convert(self, argument: float | int | str) -> float:
        """The number that a flag's text writes.

        Raises:
          ValueError: another text.
        """
        value = fraction(argument) if isinstance(argument, str) else None
        converted: float = super().convert(argument if value is None else value)
        return converted
