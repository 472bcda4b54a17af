"""Pictures of adversarial examples, as matplotlib draws them; only `plot` and programs import this module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import Groups, GroupStructure, as_structure
from tf_strattack.result import AttackResult
from tf_strattack.typing import Images

# Names of classes are plain text, even with signs of mathtext in them.
PLAIN_TEXT: Any = {"text.parse_math": False}
# Darker is more, also in print and for the colour-blind; the least is pale, but not white.
DARKER = ListedColormap(matplotlib.colormaps["YlGnBu"](np.linspace(0.15, 1.0, 256)), name="darker")
_COLUMNS = ("original", "perturbation", "|change| of each group", "adversarial")


@matplotlib.rc_context(PLAIN_TEXT)
def examples_figure(
    result: AttackResult,
    places: npt.NDArray[np.int64],
    class_names: Mapping[int, str],
    groups: GroupStructure | int,
) -> Figure:
    """A row for each example at `places` (M,): original, perturbation, its strength per group, adversarial."""
    figure = Figure(figsize=(9.6, 2.25 * len(places) + 0.5), layout="constrained")
    axes = figure.subplots(len(places), 4, squeeze=False)
    for row, index in zip(axes, places, strict=True):
        delta = result.delta[index]
        original, adversarial = unit_images(result, index)
        row[0].imshow(displayed(original), cmap="gray", vmin=0, vmax=1)
        row[0].set_ylabel(f"label {class_name(result.labels[index], class_names)}")
        channel = delta[..., np.abs(delta).sum(axis=(0, 1)).argmax()]
        limit = max(float(np.abs(channel).max()), CHANGED)  # one scale per example: photographs change only a little
        signed = row[1].imshow(channel, cmap="RdBu_r", vmin=-limit, vmax=limit)
        figure.colorbar(signed, ax=row[1], shrink=0.8, label="of the pixel range")
        row[1].set_xlabel(f"{int((np.abs(delta) > CHANGED).sum())} entries, ℓ2 {np.linalg.norm(delta):.2f}")
        means = 255 * group_map(delta, as_structure(groups)[[index]])
        heat = row[2].imshow(np.ma.masked_less_equal(means, 255 * CHANGED), cmap=DARKER, vmin=0)
        figure.colorbar(heat, ax=row[2], shrink=0.8, label="mean, of 255 levels")
        row[2].set_xlabel(f"{np.count_nonzero(means > 255 * CHANGED) / means.size:.0%} of the area")
        row[3].imshow(displayed(adversarial), cmap="gray", vmin=0, vmax=1)
        row[3].set_ylabel(goal_of(result, index, class_names))
        without_ticks(row)
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=10)
    return figure


@matplotlib.rc_context(PLAIN_TEXT)
def heat_maps_figure(
    pair: Mapping[str, AttackResult], class_names: Mapping[int, str], groups: GroupStructure | int
) -> Figure:
    """A row for each example of two results by name, with the columns of `plot.heat_maps`."""
    (left, first), (right, second) = pair.items()
    figure = Figure(figsize=(10.5, 2.2 * len(first) + 0.6), layout="constrained")
    grid = figure.subplots(len(first), 5, squeeze=False)
    for index, axes in enumerate(grid):
        own = as_structure(groups)[[index]]
        means = [255 * group_map(result.delta[index], own) for result in (first, second)]
        top = max(float(max(np.nanmax(mean) for mean in means)), 255 * CHANGED)
        for axis, mean in zip((axes[0], axes[4]), means, strict=True):
            shown = axis.imshow(np.ma.masked_less_equal(mean, 255 * CHANGED), cmap=DARKER, vmin=0, vmax=top)
            axis.set_xlabel(f"{np.count_nonzero(mean > 255 * CHANGED) / mean.size:.0%} of the area", fontsize=9)
        figure.colorbar(shown, ax=axes[4], shrink=0.85)
        for axis, result in ((axes[1], first), (axes[3], second)):
            axis.imshow(displayed(unit_images(result, index)[1]), cmap="gray", vmin=0, vmax=1)
            axis.set_xlabel(goal_of(result, index, class_names), fontsize=9)
        axes[2].imshow(displayed(unit_images(first, index)[0]), cmap="gray", vmin=0, vmax=1)
        axes[2].set_xlabel(f"label {class_name(first.labels[index], class_names)}", fontsize=9)
        without_ticks(axes)
    titles = (f"{left}: |change|", left, "original", right, f"{right}: |change|")
    for axis, title in zip(grid[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    figure.suptitle("|change|: mean over each group, of 255 levels; darker is more, white is unchanged", fontsize=9)
    return figure


def without_ticks(axes: Iterable[Axes]) -> None:
    """Removes the ticks from the axes of images."""
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])


def goal_of(result: AttackResult, index: int, class_names: Mapping[int, str]) -> str:
    """The target of an example, and whether the attack failed."""
    goal = "untargeted" if result.targets is None else f"target {class_name(result.targets[index], class_names)}"
    return goal if result.success[index] else f"{goal}: failed"


def group_means(delta: Images, groups: GroupStructure | int) -> Images:
    """The mean absolute change of each group (P, Q) of `delta` (H, W, C); groups at the edge may be cut."""
    return _means(delta, as_structure(groups).on((1, *delta.shape))).astype(np.float32)


def group_map(delta: Images, groups: GroupStructure | int) -> Images:
    """The mean absolute change of each pixel's group, an image (H, W), of `delta` (H, W, C).

    If several groups hold a pixel, it is the mean over these groups; if none does, NaN.
    """
    structure = as_structure(groups).on((1, *delta.shape))
    means = _means(delta, structure)[None]
    sums, holding = (np.asarray(structure.expand(tf.constant(v), 1))[0, :, :, 0] for v in (means, np.ones_like(means)))
    return np.divide(sums, holding, out=np.full_like(sums, np.nan), where=holding > 0).astype(np.float32)


def outlines(groups: GroupStructure | int, shape: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    """The borders between the groups of an image of `shape` (H, W, C), as segments (2, 2) of x and y in pixels."""
    made = as_structure(groups).on((1, *shape))
    # Each group has a random number, so the sums of two pixels are equal only if the same groups hold them.
    numbers = np.random.default_rng(0).uniform(size=(1, *made.shape))
    held = np.asarray(made.expand(tf.constant(numbers), 1))[0, :, :, 0]
    down, across = np.nonzero(held[:, 1:] != held[:, :-1])
    below, right = np.nonzero(held[1:] != held[:-1])
    upright = np.stack([np.stack([across + 0.5, across + 0.5], 1), np.stack([down - 0.5, down + 0.5], 1)], 2)
    level = np.stack([np.stack([right - 0.5, right + 0.5], 1), np.stack([below + 0.5, below + 0.5], 1)], 2)
    return list(np.concatenate([upright, level]))


def _means(delta: Images, groups: Groups) -> npt.NDArray[np.float64]:
    strength = np.abs(delta, dtype=np.float64)[None]
    sums, pixels = (np.asarray(groups.total(tf.constant(part)))[0] for part in (strength, np.ones_like(strength)))
    return np.divide(sums, pixels, out=np.zeros_like(sums), where=pixels > 0)


def unit_images(result: AttackResult, index: int) -> tuple[Images, Images]:
    """An example's original and adversarial image (H, W, C) in [0, 1]."""
    low, high = result.bounds
    original, adversarial = ((images[index] - low) / (high - low) for images in (result.images, result.adversarial))
    return original, adversarial


def displayed(image: Images) -> Images:
    """An image (H, W, C) as matplotlib shows it: three channels, or the first if there are fewer."""
    return image[..., 0] if image.shape[-1] < 3 else image[..., :3]


def class_name(index: int, names: Mapping[int, str]) -> str:
    """The name of a class, or its number if no name is known."""
    return names.get(int(index), str(index))
