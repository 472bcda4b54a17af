"""Groups in regular order: rows, columns, channels, patches, windows of series, blocks of volumes."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from tf_strattack.checks import check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.groups.base import GroupStructure
from tf_strattack.problem.groups.label_map import LabelMap
from tf_strattack.problem.groups.regions import objects
from tf_strattack.problem.groups.sliding_mask import SlidingMask


def rows(height: int, width: int) -> LabelMap:
    """A group for each row of images of `height` x `width` pixels.

    Raises:
      InputError: a size below 1.

    Example:
      >>> import tf_strattack as sa
      >>> sa.groups.rows(28, 28).number
      28
    """
    check_count("height", height)
    return LabelMap(np.repeat(np.arange(height)[:, None], check_count("width", width), axis=1))


def columns(height: int, width: int) -> LabelMap:
    """A group for each column of images of `height` x `width` pixels.

    Raises:
      InputError: a size below 1.
    """
    check_count("width", width)
    return LabelMap(np.repeat(np.arange(width)[None], check_count("height", height), axis=0))


def channels(height: int, width: int, channels: int, *, size: int | None = None) -> LabelMap:
    """A group for each of the `channels` of images of `height` x `width` pixels, or for each square of each.

    Args:
      height, width, channels: the shape of an image.
      size: the side of the squares in pixels; None for one group per channel.

    Raises:
      InputError: a size below 1.

    Example:
      >>> import tf_strattack as sa
      >>> sa.groups.channels(32, 32, 3).number, sa.groups.channels(32, 32, 3, size=2).number
      (3, 768)
    """
    for name, value in {"height": height, "width": width, "channels": channels}.items():
        check_count(name, value)
    side = max(height, width) if size is None else check_count("size", size)
    squares = _grid(height, width, (side, side))
    return LabelMap((squares[..., None] * channels + np.arange(channels))[None])


def patches(
    height: int, width: int, size: int | tuple[int, int], *, stride: int | tuple[int, int] | None = None
) -> GroupStructure:
    """Rectangles of `size` at regular steps, like the squares of `SlidingMask`; the last are cut at the edge.

    Args:
      height, width: the image's size in pixels.
      size: height and width of a rectangle in pixels, or one number for both.
      stride: the steps down and across, at most `size`; below it groups overlap. None for `size`.

    Returns:
      A `SlidingMask` for squares with equal steps, a `LabelMap` for rectangles next to each other, else a `Union`.

    Raises:
      InputError: numbers below 1, a size beyond the image, or a stride above the size.

    Example:
      >>> import tf_strattack as sa
      >>> sa.groups.patches(28, 28, (4, 14)).of(28, 28).number
      14
    """
    extents = check_count("height", height), check_count("width", width)
    sides = _pair("size", size)
    steps = sides if stride is None else _pair("stride", stride)
    for extent, side, step in zip(extents, sides, steps, strict=True):
        check_number("size", side, 1, extent)
        check_number("stride", step, 1, side)
    if sides[0] == sides[1] and steps[0] == steps[1]:
        return SlidingMask(sides[0], steps[0])
    if sides == steps:
        return LabelMap(_grid(height, width, sides))
    starts = (
        range(0, -(-(extent - side) // step) * step + 1, step)
        for extent, side, step in zip(extents, sides, steps, strict=True)
    )
    boxes = [
        (top, left, min(top + sides[0], height), min(left + sides[1], width))
        for top, left in itertools.product(*starts)
    ]
    return objects(boxes, height, width, overlapping=True, unlabelled="free")


def windows(length: int, size: int, *, stride: int | None = None) -> GroupStructure:
    """Windows of `size` steps of series of `length` steps, which are images (N, 1, length, C).

    Args:
      length: steps of a series.
      size: steps of a window.
      stride: steps from one window to the next, at most `size`; below it they overlap. None for `size`.

    Returns:
      A `LabelMap` without a stride, else the result of `patches`.

    Raises:
      InputError: numbers below 1, a window longer than the series, or a stride above the size.

    Example:
      >>> import tf_strattack as sa
      >>> sa.groups.windows(128, 8).of(1, 128).number
      16
    """
    check_number("size", check_count("size", size), 1, check_count("length", length))
    if stride is None:
        return LabelMap(_grid(1, length, (1, size)))
    return patches(1, length, (1, size), stride=(1, stride))


def blocks(depth: int, height: int, width: int, size: int | tuple[int, int, int]) -> LabelMap:
    """Blocks of volumes (N, depth, height, width, C), which are images (N, depth * height, width, C).

    Args:
      depth, height, width: the shape of a volume.
      size: depth, height and width of a block, or one number for all; the last are cut at the edge.

    Raises:
      InputError: numbers below 1, or a block that is larger than the volume.

    Example:
      >>> import tf_strattack as sa
      >>> sa.groups.blocks(16, 28, 28, 4).of(16 * 28, 28).number
      196
    """
    sides = size if isinstance(size, tuple | list) else (size,) * 3
    if len(sides) != 3:
        raise InputError(f"expected size to be a number or three of them, received {size!r}")
    for name, extent, side in zip(("depth", "height", "width"), (depth, height, width), sides, strict=True):
        check_number("size", check_count("size", side), 1, check_count(name, extent))
    slices = _grid(height, width, (sides[1], sides[2]))
    floors = np.arange(depth) // sides[0] * (slices.max() + 1)
    return LabelMap((floors[:, None, None] + slices).reshape(depth * height, width))


def _grid(height: int, width: int, sides: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Rectangles of these `sides` next to each other, numbered row by row: (height, width)."""
    down, across = np.arange(height) // sides[0], np.arange(width) // sides[1]
    return down[:, None] * (across[-1] + 1) + across


def _pair(name: str, value: int | tuple[int, int]) -> tuple[int, int]:
    """A number for both axes, or one for each."""
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2:
        raise InputError(f"expected {name} to be a number or a pair of them, received {value!r}")
    return check_count(name, both[0]), check_count(name, both[1])
