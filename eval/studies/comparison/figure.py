"""The comparison as a picture: how many entries change, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ...figures.examples import save_picture
from ...tables.measures import SYMBOLS
from .names import OURS

# Two pairs of measures, average case: the horizontal one on a logarithmic scale.
_PANELS = (("l0", "l2"), ("l1", "linf"))
_SIZE = (13.0, 5.0)


def draw_comparison(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draws each attack of the table, the front over tau as a line, and the paper's figures as open circles."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    shown = [row for row in rows if row["shown"]]
    for axes, (across, up) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        front = sorted((r["average"][across], r["average"][up]) for r in _front(rows))
        if len(front) > 1:
            axes.plot(*zip(*front, strict=True), ".-", color="black", linewidth=1, zorder=1)
        for number, row in enumerate(shown, start=1):
            if row["paper"]:
                _point(axes, row["paper"]["average"], across, up, number, color="tab:orange", below=True)
            _point(axes, row["average"], across, up, number, color="tab:blue")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{SYMBOLS[across]} (average case)")
        axes.set_ylabel(SYMBOLS[up])
        axes.grid(alpha=0.3, which="both")
        axes.margins(0.08)
    entries = [Line2D([], [], linestyle="", label=_label(number, row)) for number, row in enumerate(shown, start=1)]
    figure.legend(
        handles=entries, loc="outside right upper", handlelength=0, handletextpad=0, fontsize=9, frameon=False
    )
    figure.suptitle(_title(front=len(_front(rows)) > 1, paper=any(row["paper"] for row in shown)))
    save_picture(figure, path, dpi=110)


def _title(*, front: bool, paper: bool) -> str:
    """What the marks are that are drawn."""
    marks = ["Filled: here", *["line: StrAttack over tau"] * front, *["open: the paper, on its networks"] * paper]
    return f"{'; '.join(marks)}. Lower left is better."


def _front(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if (row["tau"] is not None or row["name"] == OURS) and row["average"]["asr"]]


def _label(number: int, row: dict[str, Any]) -> str:
    # Where an attack fails for some, its means are over the easier examples.
    asr = row["average"]["asr"]
    return f"{number}  {row['name']}" + ("" if asr == 1.0 else f" (ASR {100 * asr:.0f} %)")


def _point(
    axes: Any, block: dict[str, Any], across: str, up: str, number: int, *, color: str, below: bool = False
) -> None:
    """A point with its number: filled with the number above right, or open with it `below` right."""
    if not block["asr"]:
        return
    x, y = block[across], block[up]
    axes.plot(x, y, "o", color=color, markersize=6, markerfacecolor="none" if below else color)
    place = (5, -10) if below else (5, 4)
    axes.annotate(str(number), (x, y), xytext=place, textcoords="offset points", fontsize=8, color=color)
