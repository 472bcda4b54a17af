"""The figure of the comparison: how many entries change, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
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

# Two panels below each other, each a pair of measures in the average case; the horizontal axis is logarithmic.
_PANELS = (("l0", "l2"), ("l1", "linf"))
_SIZE, _PANEL = (8.2, 9.4), (5.6, 3.9)

# The dots of StrAttack, and of the other attacks.
_LARGE, _SMALL = 11, 7

Rows = Sequence[dict[str, Any]]


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
    """Writes the name of each attack by its dot, where it covers nothing."""
    shown = [(number, row) for number, row in enumerate(row for row in rows if row["shown"]) if row["average"]["asr"]]
    scale = 72 / float(axes.figure.dpi)

    def dot(block: dict[str, Any]) -> tuple[float, float]:
        x, y = axes.transData.transform((block[across], block[up]))
        return scale * float(x), scale * float(y)

    texts = [
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
    dots = [dot(row["average"]) for _, row in shown]
    papers = [row["paper"]["average"] for _, row in shown if row["paper"]]
    others = [dot(block) for block in papers if block["asr"]]
    taken = [Bbox.from_extents(x - 5, y - 5, x + 5, y + 5) for x, y in (*dots, *others)]
    if len(front := _front(rows)) > 1:  # a number of τ stands to the upper right of its dot
        taken += [Bbox.from_bounds(x, y, 36, 14) for x, y in (dot(row["average"]) for row in front)]
    extents = [Text.get_window_extent(text) for text in texts]  # of the words, without the line
    names = [Name(*at, scale * words.width, scale * words.height) for at, words in zip(dots, extents, strict=True)]
    window = Bbox(scale * axes.get_window_extent().get_points())
    for text, place in zip(texts, places_of(names, taken, window), strict=True):
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


def _front(rows: Rows) -> list[dict[str, Any]]:
    return [row for row in rows if (row["tau"] is not None or row["name"] == OURS) and row["average"]["asr"]]


def _tau(row: dict[str, Any]) -> float:
    return float(row["attack_parameters"]["tau"] if row["tau"] is None else row["tau"])


def _label(row: dict[str, Any]) -> str:
    # If an attack fails on some examples, its means are over the easier ones.
    asr = row["average"]["asr"]
    return f"{row['name']}" + ("" if asr == 1.0 else f" (ASR {percent(asr)} %)")
