"""Figures of adversarial examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from tf_strattack import AttackResult
from tf_strattack.checks import Images
from tf_strattack.groups import Groups
from tf_strattack.metrics import CHANGED

matplotlib.use("Agg")

_COLUMNS = ("original", "perturbation", "mean |change| per group, of 255", "adversarial")


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
        heat = row[2].imshow(group_means(delta, group_size) * 255, cmap="viridis", vmin=0)
        figure.colorbar(heat, ax=row[2], shrink=0.8)
        row[2].set_xlabel(f"{int((np.abs(delta) > CHANGED).sum())} entries, l2 {np.linalg.norm(delta):.2f}")
        row[3].imshow(displayed(adversarial), cmap="gray", vmin=0, vmax=1)
        goal = "untargeted" if result.targets is None else f"target {class_name(result.targets[index], class_names)}"
        row[3].set_ylabel(goal if result.success[index] else f"{goal}: failed")
        for axis in row:
            axis.set_xticks([])
            axis.set_yticks([])
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=10)
    figure.savefig(path, dpi=110)


def group_means(delta: Images, size: int) -> Images:
    """The mean absolute change of each pixel's group, an image (H, W): disjoint groups of side `size`."""
    height, width, _ = delta.shape
    groups = Groups(height, width, size, size)
    copies = groups.gather(np.abs(delta).mean(axis=-1)[None, :, :, None])
    # Groups cut at the edge are averaged over the pixels that they have.
    sums, counts = (
        np.square(groups.norms(np.sqrt(values)))
        for values in (copies, groups.gather(np.ones((1, height, width, 1), "f4")))
    )
    means: Images = groups.scatter(groups.spread(sums / counts)).numpy()[0, :, :, 0]
    return means


def unit_images(result: AttackResult, index: int) -> tuple[Images, Images]:
    """An example's original and adversarial image (H, W, C) in [0, 1]."""
    low, high = result.bounds
    original, adversarial = ((images[index] - low) / (high - low) for images in (result.images, result.adversarial))
    return original, adversarial


def displayed(image: Images) -> Images:
    """An image (H, W, C) as matplotlib shows it: one channel, or three."""
    return image[..., 0] if image.shape[-1] == 1 else image[..., :3]


def class_name(index: int, names: Mapping[int, str]) -> str:
    """The name of a class, or its number where no name is known."""
    return names.get(int(index), str(index))
