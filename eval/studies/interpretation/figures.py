"""Figures of the explanation: scores by percentile (Fig. 3a), and maps over images (Fig. 3b, 3c and A2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf_strattack import AttackResult, interpret
from tf_strattack.drawing import DARKER, PLAIN_TEXT, class_name, displayed, goal_of, unit_images, without_ticks
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.typing import Images

from ...figures.examples import save
from ...figures.palette import QUIET, line, marker
from ...report.page import Chart
from ...report.svg import to_svg
from .scores import Explanation
from .tables import title_of

# The percentile of the paper's overlays.
PERCENTILE = 90.0
_EVEN: dict[str, Any] = {"color": QUIET, "linestyle": ":", "linewidth": 1.4}
_PANEL = (4.0, 3.9)


def draw_scores(path: Path, figures: Mapping[str, Any]) -> None:
    """Draws the mean score by percentile, one panel per kind of region; `figures` as from `summarise_scores`."""
    regions = _with_percentiles(figures)
    figure = Figure(figsize=(_PANEL[0] * len(regions), _PANEL[1]), layout="constrained")
    for axes, name in zip(np.ravel(figure.subplots(1, len(regions))), regions, strict=True):
        _draw_scores(axes, figures, name)
    figure.axes[0].set_ylabel("interpretability score")
    figure.axes[0].legend(fontsize=9)
    save(figure, path)


def scores_chart(figures: Mapping[str, Any]) -> Chart:
    """The same figure for a report."""
    panels = []
    for number, name in enumerate(_with_percentiles(figures)):
        figure = Figure(figsize=(_PANEL[0], 3.4), layout="constrained")
        axes = figure.subplots()
        _draw_scores(axes, figures, name)
        axes.set_ylabel("interpretability score" if number == 0 else "")
        panels.append(to_svg(figure, f"i{number}"))
    note = (
        "Dotted: a perturbation spread evenly over the image. A higher score means that more of a perturbation lies in "
        "the region."
    )
    alt = "Mean score by percentile, a line for each attack; the tables have the values."
    return Chart("Scores by percentile", alt, panels, list(figures["attacks"]), note)


def _with_percentiles(figures: Mapping[str, Any]) -> list[str]:
    return [name for name, region in figures["regions"].items() if region["percentiles"] != [None]]


def _draw_scores(axes: Axes, figures: Mapping[str, Any], name: str) -> None:
    region = figures["regions"][name]
    for number, (attack, scores) in enumerate(region["scores"].items()):
        axes.plot(region["percentiles"], scores, label=attack, marker=marker(number), markersize=5, **line(number))
    axes.plot(region["percentiles"], region["even"], label="spread evenly", **_EVEN)
    axes.set_xlabel("percentile ν of the scores")
    axes.set_title(title_of(name, figures), fontsize=9)
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.15, color="black")
    axes.spines[["top", "right"]].set_visible(False)


@matplotlib.rc_context(PLAIN_TEXT)
def draw_overlays(
    path: Path, results: Mapping[str, AttackResult], explanation: Explanation, class_names: Mapping[int, str]
) -> Figure:
    """Draws, per example, the image, saliency, two perturbations within the salient region, activation, and both whole.

    Args:
      path: the PNG file; a PDF is written next to it.
      results: two attacks on the same examples, by name.
      explanation: the explanation of the network.
      class_names: known names of classes, by index.
    """
    first, second = results.values()
    saliency, activations = explanation.saliency(first), explanation.activations(first)
    region = interpret.binary_asm(saliency, PERCENTILE)
    columns = 6 if activations is None else 7
    figure = Figure(figsize=(1.75 * columns, 2.05 * len(first) + 0.5), layout="constrained")
    grid = figure.subplots(len(first), columns, squeeze=False)
    for index, axes in enumerate(grid):
        original = unit_images(first, index)[0]
        axes[0].imshow(displayed(original), cmap="gray", vmin=0, vmax=1)
        axes[0].set_ylabel(f"label {class_name(first.labels[index], class_names)}", fontsize=9)
        axes[0].set_xlabel(goal_of(first, index, class_names), fontsize=9)
        # Saliency is a product of two derivatives. Its square root has the scale of one, and shows more pixels.
        _over(axes[1], original, np.sqrt(saliency[index].max(axis=-1)))
        for axis, result, inside in zip(
            axes[[2, 3, columns - 2, columns - 1]], (first, second) * 2, (True, True, False, False), strict=True
        ):
            change = np.abs(result.delta[index])
            _over(axis, original, (change * region[index] if inside else change).max(axis=-1))
        if activations is not None:
            _over(axes[4], original, np.maximum(activations[index], 0))
        without_ticks(axes)
    middle = [] if explanation.activation is None else [_NAMES[explanation.activation]]
    titles = [
        "original\n",
        "adversarial saliency\n(ASM, square root)",
        *(f"{name}:\nchange in that region" for name in results),
        *middle,
        *(f"{name}:\nwhole change" for name in results),
    ]
    for axis, title in zip(grid[0], titles, strict=True):
        axis.set_title(title, fontsize=9)
    figure.suptitle(
        "Colours over the pale image: from yellow, little, to dark blue, the most in the panel. The region holds the "
        f"entries above the {PERCENTILE:g}th percentile of ASM.",
        fontsize=9,
    )
    save(figure, path)
    return figure


_NAMES = {"cam": "where the label is seen\n(CAM)", "grad_cam": "where the label is seen\n(Grad-CAM)"}


def _over(axis: Axes, image: Images, strength: Images) -> None:
    """Shows `strength` (H, W), at least 0, over the image, pale and without its colours."""
    grey = image.mean(axis=-1)
    # Drawings on black are inverted, so that dark colours are visible on them.
    axis.imshow(1 - 0.4 * (grey if image.shape[-1] == 1 else 1 - grey), cmap="gray", vmin=0, vmax=1)
    top = max(float(strength.max()), CHANGED)
    axis.imshow(np.ma.masked_less_equal(strength / top, 0.02), cmap=DARKER, vmin=0, vmax=1, alpha=0.85)
