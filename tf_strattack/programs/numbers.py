"""Numbers in texts from users: flags and tables."""

from __future__ import annotations

import re

from absl import flags

# No count, class or size has more digits; Python refuses to convert thousands of them.
_MOST_DIGITS = 18
_FRACTION = re.compile(r"([+-]?\d{1,18}(?:\.\d{0,18})?)/(\d{1,18}(?:\.\d{0,18})?)", re.ASCII)


def whole_number(text: str) -> int | None:
    """The number of at least 0 that `text` shows in digits 0 to 9; None for every other text.

    `str.isdigit` alone would also accept texts that `int` refuses, such as "²".
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
    """Parses numbers, and fractions such as 8/255, the usual notation for radii."""

    def convert(self, argument: float | int | str) -> float:
        """The number in a flag's text.

        Raises:
          ValueError: another text.
        """
        value = fraction(argument) if isinstance(argument, str) else None
        converted: float = super().convert(argument if value is None else value)
        return converted
