"""The panels of the section: measures by gradient evaluations, a line for each attack."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from ...figures import palette
from ..panels import Rows, by, plain_log

# In inches, for a legend of some twenty attacks.
HEIGHT = 5.2
# The measures that are drawn, with their labels; the tables have the others.
DRAWN = {"nonzero_groups": "changed groups", "objective": "the objective"}


def draw_structured(part: SubFigure, rows: Rows) -> None:
    """Draws the medians of one net, one measure below the other, with one legend."""
    axes = part.subplots(len(DRAWN), 1, sharex=True)
    for axis, measure in zip(axes, DRAWN, strict=True):
        _draw(axis, rows, measure)
    axes[0].set_title(f"{rows[0]['net']}: medians of {rows[0]['num_examples']} examples")
    axes[-1].set_xlabel("gradients per example (open: not known)")
    part.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)


def _draw(axis: Axes, rows: Rows, measure: str) -> None:
    """Draws a measure, where its median is known and not 0, which a logarithmic axis does not have.

    Another program, whose evaluations are not known, is a point at the right edge.
    """
    name = f"median_{measure}"
    for number, (attack, points) in enumerate(by(rows, "attack").items()):
        found = [row for row in points if row[name]]
        if not found:
            continue
        values = [row[name] for row in found]
        look: dict[str, Any] = {"marker": palette.marker(number), "label": attack, **palette.line(number)}
        if found[0]["gradient_evaluations_per_example"] is not None:
            axis.plot([row["gradient_evaluations_per_example"] for row in found], values, ms=5, **look)
        else:
            look |= {"linestyle": "none", "markerfacecolor": "none", "markersize": 7, "clip_on": False}
            axis.plot([1.0], values, transform=axis.get_yaxis_transform(), **look)
    axis.set_ylabel(DRAWN[measure])
    axis.grid(alpha=0.3)
    plain_log(axis.set_xscale, axis.xaxis)
    plain_log(axis.set_yscale, axis.yaxis)
