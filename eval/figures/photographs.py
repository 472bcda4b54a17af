"""The figure of photographs, like the paper's Fig. 1 and A5: changed groups over the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from tf_strattack import AttackResult
from tf_strattack.drawing import (
    DARKER,
    PLAIN_TEXT,
    class_name,
    displayed,
    goal_of,
    group_map,
    outlines,
    unit_images,
    without_ticks,
)
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.typing import Images

from ..inputs.groups import Grouping
from .examples import save_picture

_COLUMNS = ("original", "perturbation around grey", "|change| of each group", "adversarial")
_ROWS = 6


@matplotlib.rc_context(PLAIN_TEXT)
def draw_photographs(
    path: Path,
    results: Iterator[AttackResult],
    class_names: Mapping[int, str],
    *,
    grouping: Grouping,
    rows: int = _ROWS,
) -> None:
    """Draws an example of each of the first `rows` shards: original, perturbation, groups over the image, adversarial.

    The example of a shard is chosen at random, with a fixed seed.
    """
    shards = [result for _, result in zip(range(rows), results, strict=False)]
    figure = Figure(figsize=(12.4, 3.0 * len(shards) + 0.5), layout="constrained")
    axes = figure.subplots(len(shards), 4, squeeze=False)
    random = np.random.default_rng(0)
    for row, result in zip(axes, shards, strict=True):
        index = int(random.integers(len(result)))
        _draw_row(figure, row, result, index, class_names, grouping.of_result(result)[[index]])
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=10)
    save_picture(figure, path, dpi=100)


def _draw_row(
    figure: Figure,
    axes: npt.NDArray[np.object_],
    result: AttackResult,
    index: int,
    class_names: Mapping[int, str],
    groups: GroupStructure,
) -> None:
    original, adversarial = unit_images(result, index)
    delta = result.delta[index]
    plain, signed, heat, changed = axes
    plain.imshow(displayed(original), cmap="gray", vmin=0, vmax=1)
    plain.set_xlabel(f"label {class_name(result.labels[index], class_names)}")
    # Grey is no change. Photographs change so little that the change must be enlarged to be visible.
    limit = max(float(np.abs(delta).max()), CHANGED)
    signed.imshow(displayed(0.5 + 0.5 * delta / limit), cmap="gray", vmin=0, vmax=1)
    signed.set_xlabel(f"enlarged: the most is {255 * limit:.1f} of 255 levels")
    _draw_groups(figure, heat, original, delta, groups)
    share = float((np.abs(delta) > CHANGED).mean())
    heat.set_xlabel(f"{share:.1%} of the entries, ℓ2 {np.linalg.norm(delta):.2f}")
    changed.imshow(displayed(adversarial), cmap="gray", vmin=0, vmax=1)
    changed.set_xlabel(goal_of(result, index, class_names))
    without_ticks(axes)


def _draw_groups(figure: Figure, axis: Axes, original: Images, delta: Images, groups: GroupStructure) -> None:
    """Draws the changed groups, coloured by strength, over the image in grey, with the outlines of all groups."""
    axis.imshow(original.mean(axis=-1), cmap="gray", vmin=-1.5, vmax=1.1)
    strength = 255 * group_map(delta, groups)
    shown = axis.imshow(np.ma.masked_less_equal(strength, 255 * CHANGED), cmap=DARKER, alpha=0.8, vmin=0)
    figure.colorbar(shown, ax=axis, shrink=0.8, label="mean, of 255 levels")
    axis.add_collection(LineCollection(outlines(groups, delta.shape), colors="white", linewidths=0.25, alpha=0.6))
