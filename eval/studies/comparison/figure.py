"""The figure of the comparison: how many entries change, and by how much."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path as Line
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import Bbox

from tf_strattack.percent import percent

from ...figures.examples import save_picture
from ...figures.palette import QUIET, colour, marker
from ...figures.placing import Name, places_of
from ...report.page import Chart
from ...report.svg import to_svg
from ...tables.measures import SYMBOLS
from .names import OURS

# Two panels below each other, each a pair of measures in the average case. All axes are logarithmic, so that an attack
# with a far larger change does not press the others together.
_PANELS = (("l0", "l2"), ("l1", "linf"))
_SIZE, _PANEL = (8.2, 9.4), (5.6, 3.9)

# The numbers at an axis between powers of 10, for wide ranges and for narrow ones.
_WIDE, _NARROW = (1.0, 2.0, 5.0), (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)

# The dots of StrAttack, and of the other attacks.
_LARGE, _SMALL = 11, 7

Rows = Sequence[dict[str, Any]]
Point = tuple[float, float]


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
    # Before anything is drawn: without dots, limits that were found on linear axes do not fit logarithmic ones.
    axes.set(xscale="log", yscale="log", xlabel=f"{SYMBOLS[across]} (average case)", ylabel=SYMBOLS[up])
    front = _front(rows)
    if len(front) > 1:
        axes.plot(*zip(*_points(front, across, up), strict=True), ".-", color=QUIET, linewidth=1, zorder=1)
        for end in (front[0], front[-1]):  # those between them are in the order of τ
            (at,) = _points([end], across, up)
            axes.annotate(f"τ {_tau(end):g}", at, (4, 4), textcoords="offset points", fontsize=8, color=QUIET)
    for number, row in enumerate(row for row in rows if row["shown"]):
        size = _LARGE if row["name"].startswith(OURS) else _SMALL
        style: dict[str, Any] = {"color": colour(number), "marker": marker(number), "linestyle": "", "markersize": size}
        # An attack that never succeeds is in the legend, without a point.
        axes.plot(*_place(row["average"], across, up), label=_label(row), **style)
        if row["paper"]:
            axes.plot(*_place(row["paper"]["average"], across, up), markerfacecolor="none", mew=1.5, **style)
    axes.grid(alpha=0.15, color="black")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.08)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_major_locator(LogLocator(subs=_WIDE if high > 6 * low else _NARROW))
        axis.set_major_formatter(StrMethodFormatter("{x:.10g}"))
        axis.set_minor_formatter(NullFormatter())


def _draw_names(axes: Axes, rows: Rows, across: str, up: str) -> None:
    """Writes the name of each attack by its dot, and moves the numbers of τ, where they cover nothing."""
    numbers = [text for text in axes.texts if isinstance(text, Annotation)]
    shown = [(number, row) for number, row in enumerate(row for row in rows if row["shown"]) if row["average"]["asr"]]
    names = [
        axes.annotate(
            _label(row),
            (row["average"][across], row["average"][up]),
            (0, 0),
            textcoords="offset points",
            fontsize=9,
            fontweight="bold" if row["name"].startswith(OURS) else "normal",
            color=colour(number),
            arrowprops={"arrowstyle": "-", "color": colour(number), "lw": 0.7},
        )
        for number, row in shown
    ]
    papers = [row["paper"]["average"] for _, row in shown if row["paper"]]
    others = [(block[across], block[up]) for block in papers if block["asr"]]
    front = _points(_front(rows), across, up) if numbers else []
    _put(axes, [*names, *numbers], [*(text.xy for text in names), *others], front)


def _put(axes: Axes, texts: Sequence[Annotation], dots: Sequence[Point], front: Sequence[Point]) -> None:
    """Moves each text near its point, so that none covers another, a dot or the line through `front`."""
    scale = 72 / float(axes.figure.dpi)

    def at(point: Point) -> tuple[float, float]:
        x, y = axes.transData.transform(point)
        return scale * float(x), scale * float(y)

    taken = [
        Bbox.from_extents(x - size, y - size, x + size, y + size)
        for points, size in ((dots, 5), (front, 2))
        for x, y in map(at, points)
    ]
    lines = [Line([at(one), at(other)]) for one, other in itertools.pairwise(front)]
    extents = [Text.get_window_extent(text) for text in texts]  # of the words, without the line
    names = [
        Name(*at(text.xy), scale * words.width, scale * words.height, movable=text.arrow_patch is not None)
        for text, words in zip(texts, extents, strict=True)
    ]
    window = Bbox(scale * axes.get_window_extent().get_points())
    for text, place in zip(texts, places_of(names, taken, window, lines), strict=True):
        text.set(position=(place.right, place.above), ha=place.across, va=place.along)
        if text.arrow_patch is not None:
            text.arrow_patch.set_visible(place.apart)


def _place(block: dict[str, Any], across: str, up: str) -> tuple[list[float], list[float]]:
    return ([block[across]], [block[up]]) if block["asr"] else ([], [])


def _title(rows: Rows) -> str:
    """The meaning of the marks in the figure."""
    front, paper = len(_front(rows)) > 1, any(row["paper"] for row in rows if row["shown"])
    marks = ["Filled: here", *["line: StrAttack over τ"] * front, *["open: the paper, on its networks"] * paper]
    return f"{'; '.join(marks)}. Lower left is better."


def _front(rows: Rows) -> Rows:
    """StrAttack with each tau, in their order."""
    rows = [row for row in rows if (row["tau"] is not None or row["name"] == OURS) and row["average"]["asr"]]
    return sorted(rows, key=_tau)


def _points(rows: Rows, across: str, up: str) -> list[Point]:
    return [(row["average"][across], row["average"][up]) for row in rows]


def _tau(row: dict[str, Any]) -> float:
    return float(row["attack_parameters"]["tau"] if row["tau"] is None else row["tau"])


def _label(row: dict[str, Any]) -> str:
    # If an attack fails on some examples, its means are over the easier ones.
    asr = row["average"]["asr"]
    return f"{row['name']}" + ("" if asr == 1.0 else f" (ASR {percent(asr)} %)")
