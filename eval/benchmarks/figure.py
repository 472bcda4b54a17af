"""benchmark.png: curves of every net, sparsity against distortion, and a panel for each other section.

A document shows it about 600 pixels wide, so the figure is narrow and its text as large as that of a page.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..figures.examples import save_picture
from .panels import CURVES, PANELS, Rows, by, draw_curves
from .pareto_panel import draw_pareto
from .structured.panel import HEIGHT, draw_structured

matplotlib.use("Agg")

_WIDTH = 8.4
_CURVE_HEIGHT, _PANEL_HEIGHT, _LEGEND_HEIGHT = 1.9, 3.1, 0.7
_TEXT: Any = {"font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10, "legend.fontsize": 9}

Panel = tuple[Callable[[Axes, Rows], None], Rows]


@matplotlib.rc_context(_TEXT)
def draw_benchmark(path: Path, sections: dict[str, Rows]) -> Figure | None:
    """Draws the `sections`: a column of curves per net, then a panel for each other. None if all are tables only."""
    curves = by(sections.get("curves", []), "net")
    panels = _pareto(sections.get("pareto", []))
    structured = list(by(sections.get("structured", []), "net").values())
    panels += [(draw, sections[name]) for name, draw in PANELS.items() if sections.get(name)]
    places = _places(curves)
    heights = [len(places) * _CURVE_HEIGHT + _LEGEND_HEIGHT] * bool(curves)
    heights += [HEIGHT] * len(structured) + [_PANEL_HEIGHT] * len(panels)
    if not heights:
        return None
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    following = iter(parts)
    if curves:
        _draw_curves(next(following), curves, places)
    for points in structured:
        draw_structured(next(following), points)
    for part, (draw, rows) in zip(following, panels, strict=True):
        _draw_panel(part, draw, rows)
    save_picture(figure, path, dpi=160)
    return figure


def _pareto(rows: Rows) -> list[Panel]:
    """A panel for each net; a peer looks the same in all of them."""
    peers = list(dict.fromkeys(row["setting"] for row in rows if row["tau"] is None))
    return [(functools.partial(draw_pareto, peers=peers), points) for points in by(rows, "net").values()]


def _places(curves: dict[str, Rows]) -> list[list[tuple[str, str]]]:
    """The net and measure of each pair of axes: a row per measure and a column per net, or two by two for one net."""
    if len(curves) == 1:
        (net,) = curves
        measures = list(CURVES)
        return [[(net, measure) for measure in measures[:2]], [(net, measure) for measure in measures[2:]]]
    return [[(net, measure) for net in curves] for measure in CURVES]


def _draw_curves(part: SubFigure, curves: dict[str, Rows], places: list[list[tuple[str, str]]]) -> None:
    axes = part.subplots(len(places), len(places[0]), squeeze=False, sharex=True)
    for axis, (net, measure) in zip(axes.flat, (place for row in places for place in row), strict=True):
        draw_curves(axis, curves[net], measure)
    for axis in axes[-1]:
        axis.set_xlabel("gradients per example")
    if len(curves) > 1:
        for axis, (net, rows) in zip(axes[0], curves.items(), strict=True):
            axis.set_title(f"{net}, {rows[0]['num_examples']} examples")
        for axis in axes[:, 1:].flat:
            axis.set_ylabel("")
    if len(curves) == 1:
        (net, rows), *_ = curves.items()
        part.suptitle(f"{net}, {rows[0]['num_examples']} examples", fontsize=_TEXT["axes.titlesize"])
    part.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)


def _draw_panel(part: SubFigure, draw: Callable[[Axes, Rows], None], rows: Rows) -> None:
    axis = part.subplots()
    draw(axis, rows)
    axis.grid(alpha=0.3)
    axis.set_axisbelow(True)
    axis.legend(loc="upper left", bbox_to_anchor=(1.03, 1.0), frameon=False)
