"""Colours, lines and markers of figures, so that an attack looks the same in all of them."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's colours, which colour-blind readers can distinguish; a report has lighter ones for dark screens. The
# last is darker than theirs, to be visible on white.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b58900")
QUIET = "#6e7781"
MARKERS = "os^DvP"
# Lines and markers repeat the distinction of the colours, and change when the colours repeat.
_LINES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)))


def colour(number: int) -> str:
    """The colour of series `number`, counted from 0."""
    return SERIES[number % len(SERIES)]


def marker(number: int) -> str:
    """The marker of series `number`; it differs from that of an earlier series with the same colour."""
    return MARKERS[(number + number // len(SERIES)) % len(MARKERS)]


def line(number: int) -> dict[str, Any]:
    """The line style of series `number`, as options of matplotlib."""
    return {"color": colour(number), "linestyle": _LINES[number % len(_LINES)], "linewidth": 1.6}
