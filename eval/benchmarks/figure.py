"""benchmark.png: curves, and sparsity against distortion, of every net; a panel for each other section."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..figures.examples import save_picture
from .panels import CURVES, PANELS, Rows, by, draw_curves
from .pareto_panel import draw_pareto
from .structured.panel import draw_structured

matplotlib.use("Agg")

_PANELS_IN_ROW = 2
_CURVES_HEIGHT, _PANELS_HEIGHT = 3.0, 3.4

Panel = tuple[Callable[[Axes, Rows], None], Rows]


def draw_benchmark(path: Path, sections: dict[str, Rows]) -> Figure | None:
    """Draws the `sections`: a row of curves per net, then the other sections. Returns None if all are tables only."""
    curves = by(sections.get("curves", []), "net")
    panels = _pareto(sections.get("pareto", []))
    panels += [(draw_structured, points) for points in by(sections.get("structured", []), "net").values()]
    panels += [(draw, sections[name]) for name, draw in PANELS.items() if sections.get(name)]
    pairs = [panels[first : first + _PANELS_IN_ROW] for first in range(0, len(panels), _PANELS_IN_ROW)]
    heights = [_CURVES_HEIGHT] * len(curves) + [_PANELS_HEIGHT] * len(pairs)
    if not heights:
        return None
    figure = Figure(figsize=(15, sum(heights) + 0.3), layout=ConstrainedLayoutEngine(w_pad=0.12))
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, (net, rows) in zip(parts, curves.items(), strict=False):
        _draw_curves(part, net, rows)
    for part, pair in zip(parts[len(curves) :], pairs, strict=True):
        _draw_panels(part, pair)
    save_picture(figure, path, dpi=110)
    return figure


def _pareto(rows: Rows) -> list[Panel]:
    """A panel for each net; a peer looks the same in all of them."""
    peers = list(dict.fromkeys(row["setting"] for row in rows if row["tau"] is None))
    return [(functools.partial(draw_pareto, peers=peers), points) for points in by(rows, "net").values()]


def _draw_curves(part: SubFigure, net: str, rows: Rows) -> None:
    part.suptitle(f"{net}: means over successful of {rows[0]['num_examples']} examples", fontsize=11)
    axes = part.subplots(1, len(CURVES), sharex=True)
    for axis, measure in zip(axes, CURVES, strict=True):
        draw_curves(axis, rows, measure)
    axes[0].legend(fontsize=8)


def _draw_panels(part: SubFigure, panels: list[Panel]) -> None:
    for axis, (draw, rows) in zip(part.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        draw(axis, rows)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
        axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.05, 1.0), frameon=False)
