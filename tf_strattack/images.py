"""Conversions of images: 8-bit levels and PNG files; series and volumes as images.

Level k of 0 … 255 is the pixel lower + (upper - lower) k/255 in a classifier's scale. All functions use this formula in
both directions, so that an image on the lattice is the same array after it has been stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tf_strattack.checks import check_bounds, check_count
from tf_strattack.errors import InputError
from tf_strattack.runtime.files import replacing
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Images

LEVELS = 255

Levels = npt.NDArray[np.uint8]

# Number of channels → Pillow's name of the mode.
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_uint8(images: Any, bounds: Sequence[float] = (0.0, 1.0)) -> Levels:
    """Rounds each pixel to the nearest level.

    Args:
      images: numbers of any shape within `bounds`.
      bounds: (lower, upper) of valid pixels.

    Returns:
      uint8 of the same shape.

    Raises:
      InputError: pixels outside the bounds, or bounds that are not an interval.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> sa.images.to_uint8(np.array([-0.5, 0.0, 0.5]), bounds=(-0.5, 0.5)).tolist()
      [0, 128, 255]
    """
    low, high = check_bounds(bounds)
    unit = (np.asarray(images, np.float64) - low) / (high - low)
    # In float32, an upper bound may be slightly above its decimal.
    if not ((unit > -1e-6) & (unit < 1 + 1e-6)).all():
        raise InputError(f"expected images within [{low:g}, {high:g}], received values outside: state their bounds")
    return np.round(unit.clip(0, 1) * LEVELS).astype(np.uint8)


def from_uint8(levels: Any, bounds: Sequence[float] = (0.0, 1.0)) -> Images:
    """Converts 8-bit levels to pixels.

    Args:
      levels: uint8 of any shape.
      bounds: (lower, upper) of valid pixels.

    Returns:
      float32 of the same shape, in the scale of `bounds`.

    Raises:
      InputError: a type other than uint8, or bounds that are not an interval.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> sa.images.from_uint8(np.array([0, 51, 255], np.uint8)).tolist()
      [0.0, 0.20000000298023224, 1.0]
    """
    low, high = check_bounds(bounds)
    array = np.asarray(levels)
    if array.dtype != np.uint8:
        raise InputError(f"expected levels of dtype uint8, received {array.dtype}")
    return from_unit(array.astype(np.float32) / np.float32(LEVELS), (low, high))


def from_unit(images: Images, bounds: tuple[float, float]) -> Images:
    """`images` in [0, 1], float32 of any shape, in the scale of `bounds` (lower, upper)."""
    low, high = bounds
    return np.clip(low + np.float32(high - low) * images, np.float32(low), np.float32(high), dtype=np.float32)


def write_png(path: str | Path, levels: Levels, *, overwrite: bool = False) -> None:
    """Writes one image to a PNG file, which keeps every level.

    Args:
      path: ends in .png.
      levels: uint8 (H, W, C) with C = 1, 3 or 4.
      overwrite: whether to replace an existing file.

    Raises:
      InputError: another type, shape or suffix, or a file that exists without `overwrite`.
    """
    path, array = Path(path), np.asarray(levels)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in _MODES:
        raise InputError(
            f"expected a uint8 image (H, W, C) of 1, 3 or 4 channels, received {array.dtype} {array.shape}: "
            "to_uint8 converts"
        )
    if path.suffix.lower() != ".png":
        raise InputError(f"expected a path that ends in .png, received {path}")
    if path.exists() and not overwrite:
        raise InputError(f"expected a new file, received {path}, which exists: pass overwrite=True")
    squeezed = array[..., 0] if array.shape[2] == 1 else array
    with replacing(path) as file:
        Image.fromarray(np.ascontiguousarray(squeezed)).save(file, format="PNG")


def read_png(path: str | Path) -> Levels:
    """Reads the PNG file `path` of 8 bits, such as from `write_png`: uint8 (H, W, C) with C = 1, 3 or 4.

    Raises:
      InputError: a missing or corrupt file, or one of another kind.
    """

    def read() -> tuple[str, Levels]:
        with Image.open(path, formats=["PNG"]) as picture:
            return picture.mode, np.asarray(picture)

    mode, array = load_or_explain(read, path, "a PNG file")
    if mode not in _MODES.values():
        raise InputError(f"expected a PNG of 8 bits in grey, RGB or RGBA, received mode {mode} in {path}")
    return array[..., None] if array.ndim == 2 else array


def from_series(series: Any) -> npt.NDArray[Any]:
    """Converts series to images of one row, as a classifier with data_format="series" takes them.

    Args:
      series: (N, T, C), T steps of C channels.

    Returns:
      (N, 1, T, C): a group of pixels is a window of the series, see `groups.windows`.

    Raises:
      InputError: an array of another rank.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> sa.images.from_series(np.zeros((5, 128, 2))).shape
      (5, 1, 128, 2)
    """
    return _ranked("series", "(N, T, C)", series)[:, None]


def to_series(images: Any) -> npt.NDArray[Any]:
    """Converts images back to series.

    Args:
      images: (N, 1, T, C).

    Returns:
      (N, T, C).

    Raises:
      InputError: an array of another rank, or of more than one row.
    """
    array = _ranked("images", "(N, 1, T, C)", images)
    if array.shape[1] != 1:
        raise InputError(f"expected images (N, 1, T, C), received shape {array.shape}")
    return array[:, 0]


def from_volumes(volumes: Any) -> npt.NDArray[Any]:
    """Converts volumes to images with stacked slices, as a classifier with data_format="volumes" takes them.

    Args:
      volumes: (N, D, H, W, C), D slices of H x W pixels.

    Returns:
      (N, D * H, W, C): `groups.blocks` makes groups that span several slices.

    Raises:
      InputError: an array of another rank.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> sa.images.from_volumes(np.zeros((5, 16, 28, 28, 1))).shape
      (5, 448, 28, 1)
    """
    array = _ranked("volumes", "(N, D, H, W, C)", volumes)
    number, depth, height, width, channels = array.shape
    return array.reshape(number, depth * height, width, channels)


def to_volumes(images: Any, depth: int) -> npt.NDArray[Any]:
    """Converts images back to volumes.

    Args:
      images: (N, depth * H, W, C).
      depth: the number of slices.

    Returns:
      (N, depth, H, W, C).

    Raises:
      InputError: an array of another rank, or a height that is not a multiple of `depth`.
    """
    array = _ranked("images", "(N, D * H, W, C)", images)
    number, height, width, channels = array.shape
    if height % check_count("depth", depth):
        raise InputError(f"expected images whose height is a multiple of depth={depth}, received {height}")
    return array.reshape(number, depth, height // depth, width, channels)


def _ranked(name: str, shape: str, value: Any) -> npt.NDArray[Any]:
    array = np.asarray(value)
    if array.ndim != shape.count(",") + 1:
        raise InputError(f"expected {name} {shape}, received shape {array.shape}")
    return array
