"""The comparison as a picture: how many entries change, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ...figures.examples import save_picture
from ...figures.palette import QUIET, colour, marker
from ...report.page import Chart
from ...report.svg import to_svg
from ...tables.measures import SYMBOLS
from .names import OURS

# Two pairs of measures, average case: the horizontal one on a logarithmic scale.
_PANELS = (("l0", "l2"), ("l1", "linf"))
_SIZE, _PANEL = (13.0, 5.0), (5.6, 3.9)

Rows = Sequence[dict[str, Any]]


def draw_comparison(path: Path, rows: Rows) -> None:
    """Draws each attack of the table, the front over tau as a line, and the paper's figures as open markers."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    for axes, pair in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        _draw_panel(axes, rows, *pair)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=9, frameon=False)
    figure.suptitle(_title(rows))
    save_picture(figure, path, dpi=110)


def comparison_chart(rows: Rows) -> Chart:
    """The same for a report, in whose legend the attacks' colours are."""
    panels = []
    for number, pair in enumerate(_PANELS):
        figure = Figure(figsize=_PANEL, layout="constrained")
        _draw_panel(figure.subplots(), rows, *pair)
        panels.append(to_svg(figure, f"c{number}"))
    shown = [row for row in rows if row["shown"]]
    places = "; ".join(
        f"{row['name']} {SYMBOLS['l0']} {row['average']['l0']:.4g}, {SYMBOLS['l2']} {row['average']['l2']:.3g}"
        for row in shown
        if row["average"]["asr"]
    )
    title = "How many entries change, and by how much"
    alt = f"Average case, lower left is better: {places}."
    return Chart(title, alt, panels, [_label(row) for row in shown], _title(rows))


def _draw_panel(axes: Axes, rows: Rows, across: str, up: str) -> None:
    front = sorted((r["average"][across], r["average"][up], _tau(r)) for r in _front(rows))
    if len(front) > 1:
        axes.plot([x for x, _, _ in front], [y for _, y, _ in front], ".-", color=QUIET, linewidth=1, zorder=1)
        for x, y, tau in front:
            axes.annotate(f"τ {tau:g}", (x, y), (4, 4), textcoords="offset points", fontsize=7, color=QUIET)
    for number, row in enumerate(row for row in rows if row["shown"]):
        style: dict[str, Any] = {"color": colour(number), "marker": marker(number), "linestyle": "", "markersize": 8}
        # An attack that never succeeds has its name in the legend, and no place.
        axes.plot(*_place(row["average"], across, up), label=_label(row), **style)
        if row["paper"]:
            axes.plot(*_place(row["paper"]["average"], across, up), markerfacecolor="none", mew=1.5, **style)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"{SYMBOLS[across]} (average case)")
    axes.set_ylabel(SYMBOLS[up])
    axes.grid(alpha=0.15, color="black")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.08)


def _place(block: dict[str, Any], across: str, up: str) -> tuple[list[float], list[float]]:
    return ([block[across]], [block[up]]) if block["asr"] else ([], [])


def _title(rows: Rows) -> str:
    """What the marks are that are drawn."""
    front, paper = len(_front(rows)) > 1, any(row["paper"] for row in rows if row["shown"])
    marks = ["Filled: here", *["line: StrAttack over τ"] * front, *["open: the paper, on its networks"] * paper]
    return f"{'; '.join(marks)}. Lower left is better."


def _front(rows: Rows) -> list[dict[str, Any]]:
    return [row for row in rows if (row["tau"] is not None or row["name"] == OURS) and row["average"]["asr"]]


def _tau(row: dict[str, Any]) -> float:
    return float(row["attack_parameters"]["tau"] if row["tau"] is None else row["tau"])


def _label(row: dict[str, Any]) -> str:
    # Where an attack fails for some, its means are over the easier examples.
    asr = row["average"]["asr"]
    return f"{row['name']}" + ("" if asr == 1.0 else f" (ASR {100 * asr:.0f} %)")
