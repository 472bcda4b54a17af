"""Figures of adversarial examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from eval.directories.files import replacing
from tf_strattack import AttackResult
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.typing import Images

matplotlib.use("Agg")

# Names of classes are text, whatever signs are in them.
PLAIN_TEXT: Any = {"text.parse_math": False}
# Darker is more, in print and to every eye; the least is pale, but no white.
DARKER = ListedColormap(matplotlib.colormaps["YlGnBu"](np.linspace(0.15, 1.0, 256)), name="darker")
_COLUMNS = ("original", "perturbation", "mean |change| per group, of 255", "adversarial")


@matplotlib.rc_context(PLAIN_TEXT)
def draw_examples(
    path: Path, results: Iterator[AttackResult], class_names: Mapping[int, str], *, group_size: int, rows: int = 6
) -> None:
    """Draws up to `rows` examples of the first shard: original, perturbation, its strength per group, adversarial.

    The heat map is scaled as in the paper's Fig. 2: the mean absolute change of a group on the scale of
    [0, 255]. The rows are drawn at random, with a fixed seed.
    """
    result = next(results)
    chosen = np.sort(np.random.default_rng(0).choice(len(result), min(rows, len(result)), replace=False))
    figure = Figure(figsize=(9.6, 2.25 * len(chosen) + 0.5), layout="constrained")
    axes = figure.subplots(len(chosen), 4, squeeze=False)
    for row, index in zip(axes, chosen, strict=True):
        delta = result.delta[index]
        original, adversarial = unit_images(result, index)
        row[0].imshow(displayed(original), cmap="gray", vmin=0, vmax=1)
        row[0].set_ylabel(f"label {class_name(result.labels[index], class_names)}")
        channel = delta[..., np.abs(delta).sum(axis=(0, 1)).argmax()]
        limit = max(float(np.abs(channel).max()), CHANGED)  # each its own: photographs change by little
        signed = row[1].imshow(channel, cmap="RdBu_r", vmin=-limit, vmax=limit)
        figure.colorbar(signed, ax=row[1], shrink=0.8)
        heat = row[2].imshow(group_map(delta, group_size) * 255, cmap="viridis", vmin=0)
        figure.colorbar(heat, ax=row[2], shrink=0.8)
        row[2].set_xlabel(f"{int((np.abs(delta) > CHANGED).sum())} entries, l2 {np.linalg.norm(delta):.2f}")
        row[3].imshow(displayed(adversarial), cmap="gray", vmin=0, vmax=1)
        row[3].set_ylabel(goal_of(result, index, class_names))
        without_ticks(row)
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=10)
    save_picture(figure, path, dpi=110)


@matplotlib.rc_context(PLAIN_TEXT)
def draw_heat_maps(
    path: Path, pair: Mapping[str, AttackResult], class_names: Mapping[int, str], *, group_size: int
) -> None:
    """Draws two attacks on the same examples side by side, as the paper's Fig. 2 and A3 to A5.

    From left to right: where the first attack changes the image, its adversarial image, the original, that of the
    second, where it changes it. Both heat maps of a row share a scale; groups without a change are white. Writes a PNG
    file and beside it a PDF, for print.

    Args:
      path: of the PNG file.
      pair: the results, by the names of the attacks.
      class_names: by index, where known.
      group_size: side of the groups in pixels.
    """
    (left, first), (right, second) = pair.items()
    figure = Figure(figsize=(10.5, 2.2 * len(first) + 0.6), layout="constrained")
    grid = figure.subplots(len(first), 5, squeeze=False)
    for index, axes in enumerate(grid):
        means = [255 * group_map(result.delta[index], group_size) for result in (first, second)]
        top = max(float(max(mean.max() for mean in means)), 255 * CHANGED)
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
    figure.suptitle("|change|: mean over each group, on the scale of 255", fontsize=9)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG to `path`, and beside it as PDF, in which lines and text are lines and text."""
    save_picture(figure, path, dpi=130)
    save_picture(figure, path.with_suffix(".pdf"), metadata={"CreationDate": None})


def save_picture(figure: Figure, path: Path, **options: Any) -> None:
    """Writes a figure to `path` in the format that its name ends in, whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix[1:], **options)


def without_ticks(axes: Iterable[Axes]) -> None:
    """Takes the ticks from the axes of images."""
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])


def goal_of(result: AttackResult, index: int, class_names: Mapping[int, str]) -> str:
    """What an example was to become, and whether it failed."""
    goal = "untargeted" if result.targets is None else f"target {class_name(result.targets[index], class_names)}"
    return goal if result.success[index] else f"{goal}: failed"


def group_means(delta: Images, size: int) -> Images:
    """The mean absolute change of each group (P, Q): disjoint groups of side `size`, those at the edge cut."""
    sums, counts = np.abs(delta).mean(axis=-1), np.ones(delta.shape[:2], np.float32)
    for axis in (0, 1):
        starts = np.arange(0, delta.shape[axis], size)
        sums, counts = (np.add.reduceat(part, starts, axis=axis) for part in (sums, counts))
    return sums / counts


def group_map(delta: Images, size: int) -> Images:
    """The mean absolute change of each pixel's group, an image (H, W)."""
    height, width, _ = delta.shape
    return group_means(delta, size).repeat(size, axis=0).repeat(size, axis=1)[:height, :width]


def unit_images(result: AttackResult, index: int) -> tuple[Images, Images]:
    """An example's original and adversarial image (H, W, C) in [0, 1]."""
    low, high = result.bounds
    original, adversarial = ((images[index] - low) / (high - low) for images in (result.images, result.adversarial))
    return original, adversarial


def displayed(image: Images) -> Images:
    """An image (H, W, C) as matplotlib shows it: three channels, or the first where there are fewer."""
    return image[..., 0] if image.shape[-1] < 3 else image[..., :3]


def class_name(index: int, names: Mapping[int, str]) -> str:
    """The name of a class, or its number where no name is known."""
    return names.get(int(index), str(index))
