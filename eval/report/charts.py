"""Charts of a report as SVG that follows the page's colours: distributions, and success within a distance."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .examples import Collected
from .matrix import NAMES
from .page import Chart

# Stand-ins that become colours of the page: text and axes, and one for each attack.
_INK = "#010203"
_SERIES = ("#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04", "#0a0b05", "#0a0b06")
_STYLES = ("-", "--", "-.", ":")
_MEASURES = ("l0", "l1", "l2", "linf", "nonzero_groups")
_BINS = 30
_RC: Any = {
    # Names within a drawing that are the same each time it is made.
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _INK,
    "font.size": 9,
}


def charts_of(examples: Collected) -> list[Chart]:
    """Histograms of the successes' measures, and the share of examples that succeed within a distance."""
    attacks = list(dict.fromkeys(examples.attacks.tolist()))
    successes = {attack: (examples.attacks == attack) & examples.success for attack in attacks}
    if not any(success.any() for success in successes.values()):
        return []
    totals = {attack: int((examples.attacks == attack).sum()) for attack in attacks}

    def histogram(axes: Axes, measure: str) -> None:
        values = examples.measures[measure]
        bins = np.histogram_bin_edges(values[examples.success], bins=_BINS).tolist()
        for number, attack in enumerate(attacks):
            axes.hist(values[successes[attack]], bins=bins, histtype="step", label=attack, **_style(number))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_xlabel(NAMES[measure])

    def curve(axes: Axes, measure: str) -> None:
        for number, attack in enumerate(attacks):
            ordered = np.sort(examples.measures[measure][successes[attack]])
            shares = np.arange(len(ordered) + 1) / max(1, totals[attack])
            axes.step(np.append(0.0, ordered), shares, where="post", label=attack, **_style(number))
        axes.set_ylim(0, 1.02)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{NAMES[measure]} at most")

    medians = "; ".join(
        f"{attack}: median "
        + ", ".join(f"{NAMES[m]} {np.median(examples.measures[m][successes[attack]]):.3g}" for m in _MEASURES)
        for attack in attacks
        if successes[attack].any()
    )
    rates = ", ".join(f"{attack} {successes[attack].sum() / max(1, totals[attack]):.0%}" for attack in attacks)
    return [
        Chart("Distributions", f"Histograms of the successes. {medians}.", _svg(histogram, "examples", "d")),
        Chart(
            "Success within a distance",
            f"Share of examples that succeed within a distance; in the end {rates}.",
            _svg(curve, "share of examples", "s"),
        ),
    ]


def _style(number: int) -> dict[str, Any]:
    return {
        "color": _SERIES[number % len(_SERIES)],
        "linestyle": _STYLES[number % len(_STYLES)],
        "linewidth": 1.6,
    }


def _svg(draw: Callable[[Axes, str], None], across: str, prefix: str) -> str:
    """A panel for each measure; `prefix` keeps the ids of a page apart."""
    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=(12.0, 2.7), layout="constrained")
        panels = figure.subplots(1, len(_MEASURES))
        for axes, measure in zip(panels, _MEASURES, strict=True):
            draw(axes, measure)
            axes.grid(alpha=0.15)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylabel(across)
        handles, labels = panels[0].get_legend_handles_labels()
        if len(labels) > 1:
            figure.legend(handles, labels, loc="outside lower center", ncols=min(6, len(labels)), frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = text.replace(_INK, "currentColor")
    for number, colour in enumerate(_SERIES):
        text = text.replace(colour, f"var(--series-{number})")
    # The page's font and width, and no text that a reader of the page would hear twice.
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    return re.sub(r"<svg ", '<svg aria-hidden="true" focusable="false" ', text, count=1)
