"""The figure of the comparison: how many entries change, and by how much."""

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

# Two panels below each other, each a pair of measures in the average case; the horizontal axis is logarithmic.
_PANELS = (("l0", "l2"), ("l1", "linf"))
_SIZE, _PANEL = (8.2, 9.4), (5.6, 3.9)

# The dots of StrAttack, and of the other attacks.
_LARGE, _SMALL = 11, 7
# Where a name may stand by its dot, in points, with its alignment: the first place that is free. The farther ones have
# a line to the dot.
_NEAR = (
    (9, 0, "left", "center"),
    (-9, 0, "right", "center"),
    (0, 9, "center", "bottom"),
    (0, -9, "center", "top"),
    (8, 8, "left", "bottom"),
    (-8, 8, "right", "bottom"),
    (8, -8, "left", "top"),
    (-8, -8, "right", "top"),
)
_FAR = tuple(
    (right * away, above * away, "left" if right > 0 else "right", "bottom" if above > 0 else "top")
    for away in (18, 28, 38, 48, 60, 72)
    for right in (1, -1, 0.5, -0.5)
    for above in (-1, 1, -0.5, 0.5)
)
_SIDES = (*_NEAR, *_FAR)
# The height of a name, and the width of a letter, bold and not.
_NAME_HEIGHT, _BOLD, _PLAIN = 11, 7.0, 6.2

Rows = Sequence[dict[str, Any]]
Box = tuple[float, float, float, float]


def draw_comparison(path: Path, rows: Rows) -> None:
    """Draws `comparison_figure` into a file."""
    save_picture(comparison_figure(rows), path, dpi=150)


def comparison_figure(rows: Rows) -> Figure:
    """Each attack of the table, the front over tau as a line, and the paper's figures as open markers."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    for axes, pair in zip(figure.subplots(len(_PANELS)), _PANELS, strict=True):
        _draw_panel(axes, rows, *pair)
    figure.suptitle(_title(rows), fontsize=11)
    figure.draw_without_rendering()  # where the dots are is known from here on
    for axes, pair in zip(figure.axes, _PANELS, strict=True):
        _draw_names(axes, rows, *pair)
    return figure


def comparison_chart(rows: Rows) -> Chart:
    """The same figure for a report, whose legend shows the attacks' colours."""
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
            axes.annotate(f"τ {tau:g}", (x, y), (4, 4), textcoords="offset points", fontsize=8, color=QUIET)
    for number, row in enumerate(row for row in rows if row["shown"]):
        size = _LARGE if row["name"].startswith(OURS) else _SMALL
        style: dict[str, Any] = {"color": colour(number), "marker": marker(number), "linestyle": "", "markersize": size}
        # An attack that never succeeds is in the legend, without a point.
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


def _draw_names(axes: Axes, rows: Rows, across: str, up: str) -> None:
    """Writes the name of each attack by its dot, where no other name and no dot is."""
    shown = [(number, row) for number, row in enumerate(row for row in rows if row["shown"]) if row["average"]["asr"]]
    scale = 72 / float(axes.figure.dpi)

    def dot(block: dict[str, Any]) -> tuple[float, float]:
        x, y = axes.transData.transform((block[across], block[up]))
        return scale * float(x), scale * float(y)

    dots = [dot(row["average"]) for _, row in shown]
    papers = [row["paper"]["average"] for _, row in shown if row["paper"]]
    others = [dot(block) for block in papers if block["asr"]]
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in (*dots, *others)]
    if len(front := _front(rows)) > 1:  # a number of τ stands to the upper right of its dot
        taken += [(x, y, x + 36, y + 14) for x, y in (dot(row["average"]) for row in front)]
    window = [scale * float(side) for side in axes.get_window_extent().extents]
    for (number, row), (x, y) in zip(shown, dots, strict=True):
        name, bold = _label(row), row["name"].startswith(OURS)
        boxes = [_box(x, y, len(name) * (_BOLD if bold else _PLAIN), side) for side in _SIDES]
        best = min(range(len(boxes)), key=lambda place: _clashes(boxes[place], taken, window))
        taken.append(boxes[best])
        right, above, across_, along = _SIDES[best]
        axes.annotate(
            name,
            (row["average"][across], row["average"][up]),
            (right, above),
            textcoords="offset points",
            ha=across_,
            va=along,
            fontsize=9,
            fontweight="bold" if bold else "normal",
            color=colour(number),
            arrowprops={"arrowstyle": "-", "color": colour(number), "lw": 0.7} if best >= len(_NEAR) else None,
        )


def _box(x: float, y: float, width: float, side: tuple[float, float, str, str]) -> Box:
    """Where a name of this width stands, in points: left, bottom, right, top."""
    right, above, across, _ = side
    middle = y + above + (0 if not above else _NAME_HEIGHT / 2 * (1 if above > 0 else -1))
    left = x + right - {"left": 0, "right": width, "center": width / 2}[across]
    return left, middle - _NAME_HEIGHT / 2, left + width, middle + _NAME_HEIGHT / 2


def _clashes(box: Box, taken: Sequence[Box], window: Sequence[float]) -> int:
    """How many of the boxes that are taken a box covers; one that leaves the window is the last choice."""
    inside = window[0] <= box[0] and box[2] <= window[2] and window[1] <= box[1] and box[3] <= window[3]
    covered = [b for b in taken if box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3]]
    return len(covered) + (0 if inside else 100)


def _place(block: dict[str, Any], across: str, up: str) -> tuple[list[float], list[float]]:
    return ([block[across]], [block[up]]) if block["asr"] else ([], [])


def _title(rows: Rows) -> str:
    """The meaning of the marks in the figure."""
    front, paper = len(_front(rows)) > 1, any(row["paper"] for row in rows if row["shown"])
    marks = ["Filled: here", *["line: StrAttack over τ"] * front, *["open: the paper, on its networks"] * paper]
    return f"{'; '.join(marks)}. Lower left is better."


def _front(rows: Rows) -> list[dict[str, Any]]:
    return [row for row in rows if (row["tau"] is not None or row["name"] == OURS) and row["average"]["asr"]]


def _tau(row: dict[str, Any]) -> float:
    return float(row["attack_parameters"]["tau"] if row["tau"] is None else row["tau"])


def _label(row: dict[str, Any]) -> str:
    # If an attack fails on some examples, its means are over the easier ones.
    asr = row["average"]["asr"]
    return f"{row['name']}" + ("" if asr == 1.0 else f" (ASR {100 * asr:.0f} %)")
