"""Charts of a report: distributions of the measures, and success within a distance, with a panel per measure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tf_strattack.percent import percent

from ..figures.palette import line
from .examples import MEASURES, Collected
from .matrix import NAMES
from .page import Chart
from .svg import to_svg

_BINS = 30
# With fewer successful examples a histogram shows nothing but single bars.
_FEWEST = 10
_PANEL = (2.7, 2.2)


def charts_of(examples: Collected) -> list[Chart]:
    """Histograms of the measures of successful examples, and the share of examples that succeed within a distance."""
    attacks = list(dict.fromkeys(examples.attacks.tolist()))
    successes = {attack: (examples.attacks == attack) & examples.success for attack in attacks}
    if examples.success.sum() < _FEWEST:
        return []
    totals = {attack: int((examples.attacks == attack).sum()) for attack in attacks}

    def histogram(axes: Axes, measure: str) -> None:
        values = examples.measures[measure]
        bins = np.histogram_bin_edges(values[examples.success], bins=_BINS).tolist()
        for number, attack in enumerate(attacks):
            axes.hist(values[successes[attack]], bins=bins, histtype="step", **line(number))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.set_xlabel(NAMES[measure])

    def curve(axes: Axes, measure: str) -> None:
        for number, attack in enumerate(attacks):
            ordered = np.sort(examples.measures[measure][successes[attack]])
            shares = np.arange(len(ordered) + 1) / max(1, totals[attack])
            axes.step(np.append(0.0, ordered), shares, where="post", **line(number))
        axes.set_ylim(0, 1.02)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{NAMES[measure]} at most")

    rates = ", ".join(f"{attack} {percent(successes[attack].sum() / max(1, totals[attack]))}%" for attack in attacks)
    legend = attacks if len(attacks) > 1 else []
    within, medians = "Share of examples that succeed within a distance", _medians(examples, successes)
    return [
        Chart(
            "Distributions",
            f"Histograms of the successful examples. {medians}.",
            _panels(histogram, "examples", "d"),
            legend,
        ),
        Chart(
            "Success within a distance",
            f"{within}; in the end {rates}.",
            _panels(curve, "share of examples", "s"),
            legend,
        ),
    ]


def _medians(examples: Collected, successes: dict[str, npt.NDArray[np.bool_]]) -> str:
    return "; ".join(
        f"{attack}: median " + ", ".join(f"{NAMES[m]} {np.median(examples.measures[m][rows]):.3g}" for m in MEASURES)
        for attack, rows in successes.items()
        if rows.any()
    )


def _panels(draw: Callable[[Axes, str], None], up: str, prefix: str) -> list[str]:
    """A panel for each measure; `prefix` makes SVG ids unique within the page."""
    panels = []
    for number, measure in enumerate(MEASURES):
        figure = Figure(figsize=_PANEL, layout="constrained")
        axes = figure.subplots()
        draw(axes, measure)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.15, color="black")
        axes.spines[["top", "right"]].set_visible(False)
        if number == 0:
            axes.set_ylabel(up)
        panels.append(to_svg(figure, f"{prefix}{number}"))
    return panels
