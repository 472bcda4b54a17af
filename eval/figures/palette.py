"""Colours, lines and markers of figures: the same attack looks the same in all of them."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's colours, which colour-blind readers can tell apart; a report has lighter ones for dark screens. The
# last is darker than theirs, to be seen on white.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b58900")
QUIET = "#6e7781"
MARKERS = "os^DvP"
# Lines and markers say again what colours say, and more: they change when the colours begin again.
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)))


def colour(number: int) -> str:
    """The colour of the series of this number, from 0."""
    return SERIES[number % len(SERIES)]


def marker(number: int) -> str:
    """The marker of the series of this number: another one if the colour is that of an earlier series."""
    return MARKERS[(number + number // len(SERIES)) % len(MARKERS)]


def line(number: int) -> dict[str, Any]:
    """How the line of the series of this number is drawn, as options of matplotlib."""
    return {"color": colour(number), "linestyle": _LINES[number % len(_LINES)], "linewidth": 1.6}
