"""The panel of the section: changed groups by gradient evaluations, a line for each attack."""

from __future__ import annotations

from matplotlib.axes import Axes

from ...figures import palette
from ..panels import MORE_TICKS, Rows, by, plain_log


def draw_structured(axis: Axes, rows: Rows) -> None:
    """Draws the rows of one net; another program, whose evaluations are not known, is a horizontal line."""
    for number, (name, points) in enumerate(by(rows, "attack").items()):
        found = [row for row in points if row["median_nonzero_groups"] is not None]
        x, y = ([row[part] for row in found] for part in ("gradient_evaluations_per_example", "median_nonzero_groups"))
        if points[0]["gradient_evaluations_per_example"] is not None:
            axis.plot(x, y, marker=palette.marker(number), ms=5, label=name, **palette.line(number))
        elif found:
            axis.axhline(y[0], color=palette.QUIET, lw=0.8, ls=":", zorder=0)
            axis.annotate(name, (1.0, y[0]), xycoords=("axes fraction", "data"), fontsize=6, va="center", ha="right")
    title = f"{rows[0]['net']}: median of changed groups, {rows[0]['num_examples']} examples"
    axis.set(xlabel="gradient evaluations per example", ylabel="groups", title=title)
    plain_log(axis.set_xscale, axis.xaxis)
    plain_log(axis.set_yscale, axis.yaxis, MORE_TICKS)
