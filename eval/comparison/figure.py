"""The comparison as a picture: how many entries change, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from eval.comparison.rows import OURS
from eval.table import SYMBOLS

# Two pairs of measures, average case: the horizontal one on a logarithmic scale.
_PANELS = (("l0", "l2"), ("l1", "linf"))
_SIZE = (12.0, 5.0)


def draw_comparison(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Draws each attack of the table, the front over tau as a line, and the paper's figures as open circles."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    for axes, (across, up) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for row in rows:
            _point(axes, row["average"], across, up, row["name"] if row["shown"] else None)
            if row["paper"]:
                _paper(axes, row, across, up)
        front = sorted((r["average"][across], r["average"][up]) for r in _front(rows))
        if len(front) > 1:
            axes.plot(*zip(*front, strict=True), "-", color="black", linewidth=1, zorder=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"{SYMBOLS[across]} (average case)")
        axes.set_ylabel(SYMBOLS[up])
        axes.grid(alpha=0.3, which="both")
        axes.margins(0.12)
    figure.suptitle("Filled: here; line: StrAttack over tau; open: the paper, on its networks. Lower left is better.")
    figure.savefig(path, dpi=120)


def _front(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if (row["tau"] is not None or row["name"] == OURS) and row["average"]["asr"]]


def _point(axes: Any, block: dict[str, Any], across: str, up: str, name: str | None) -> None:
    if not block["asr"]:
        return
    x, y = block[across], block[up]
    # Where an attack fails for some, its means are over the easier examples: grey.
    whole = block["asr"] == 1.0
    axes.plot(x, y, "o", color=("tab:blue" if whole else "0.6") if name else "black", markersize=6 if name else 3)
    if name:
        label = name if whole else f"{name} (ASR {100 * block['asr']:.0f} %)"
        axes.annotate(label, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8)


def _paper(axes: Any, row: dict[str, Any], across: str, up: str) -> None:
    block = row["paper"]["average"]
    if block["asr"]:
        x, y = block[across], block[up]
        axes.plot(x, y, "o", markerfacecolor="none", markeredgecolor="tab:orange", markersize=6)
        axes.annotate(row["name"], (x, y), xytext=(5, -9), textcoords="offset points", fontsize=7, color="tab:orange")
