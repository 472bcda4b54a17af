"""Checks of images: arguments become float32 (N, H, W, C) within the bounds, or an error of one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import as_array, bad_rows
from tf_strattack.errors import InputError
from tf_strattack.notices import report
from tf_strattack.typing import Images

# Relative to the range: images computed elsewhere may leave the bounds by a few units in the last place of float32.
_ROUNDING = 1e-6
_COLOUR = (1, 3, 4)

Shape = tuple[int | None, ...]


def check_images(images: Any, bounds: tuple[float, float], image_shape: Shape | None, name: str = "images") -> Images:
    """Returns `images` as float32 (N, H, W, C) after checks of type, shape, values and range.

    Grey images (N, H, W) get a channel axis, and pixels outside the bounds by a rounding error are clipped.

    Raises:
      InputError: anything else.

    Warns:
      InputWarning: a channel axis that was added, or pixels that were clipped.
    """
    _refuse_streams(images, name)
    if isinstance(images, Mapping):
        raise InputError(
            f"expected {name} as an array (N, H, W, C), received a {type(images).__name__}: pass the images alone, and "
            "what other inputs get by Classifier.from_keras(model, inputs=...)"
        )
    if tf.is_tensor(images) and images.dtype.is_floating:
        images = tf.cast(images, tf.float32)  # NumPy has no bfloat16
    array = as_array(images, name)
    if array.dtype.kind not in "fiu":
        remedy = f": {name}.astype(np.float32)" if array.dtype.kind == "b" else ""
        raise InputError(f"expected {name} of numbers, received dtype {array.dtype}{remedy}")
    wanted: Shape = image_shape if image_shape is not None else (None, None, None)
    array = _with_channels(array, wanted, name)
    if not _fits(array, wanted) or 0 in array.shape[1:]:
        shape = ", ".join("NHWC"[i + 1] if size is None else str(size) for i, size in enumerate(wanted))
        remedy = _remedy(array, wanted, name)
        raise InputError(
            f"expected {name} of shape (N, {shape}), received {array.shape}{remedy}",
            option="data_format" if "data_format" in remedy else None,
        )
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"expected finite {name}, received NaN or infinity in {bad_rows(~np.isfinite(array))}")
    return _within(array, bounds, name)


def check_like(images: Images, originals: Images, name: str) -> Images:
    """Refuses images whose shape differs from the originals."""
    if images.shape != originals.shape:
        raise InputError(f"expected {name} of the images' shape {originals.shape}, received {images.shape}")
    return images


def _refuse_streams(images: Any, name: str) -> None:
    """Refuses an object that yields batches; the message shows a loop over them."""
    loop = "loop over its batches: for images, labels in batches: attack(classifier, images, labels)"
    if isinstance(images, tf.data.Dataset | Iterator) or hasattr(images, "as_numpy_iterator"):
        raise InputError(f"expected {name} as an array (N, H, W, C), received a {type(images).__name__}: {loop}")
    if hasattr(images, "__getitem__") and hasattr(images, "__len__") and hasattr(images, "on_epoch_end"):
        raise InputError(
            f"expected {name} as an array (N, H, W, C), received a {type(images).__name__} of batches: {loop}"
        )


def _fits(array: npt.NDArray[Any], wanted: Shape) -> bool:
    return array.ndim == 4 and all(w in (None, s) for w, s in zip(wanted, array.shape[1:], strict=True))


def _with_channels(array: npt.NDArray[Any], wanted: Shape, name: str) -> npt.NDArray[Any]:
    """Grey images (N, H, W) as (N, H, W, 1), if they cannot be a single image (H, W, C)."""
    if array.ndim != 3 or wanted[2] not in (None, 1):
        return array
    height, width, _ = wanted
    known = height is not None and width is not None
    fits = array.shape[1:] == (height, width) if known else array.shape[2] not in _COLOUR
    if not fits:
        return array
    report(
        f"{name} of shape {array.shape} are taken for {len(array)} grey images (N, H, W): results have a channel axis, "
        "(N, H, W, 1)"
    )
    return array[..., None]


def _remedy(array: npt.NDArray[Any], wanted: Shape, name: str) -> str:
    if array.ndim == 3 and wanted[2] == 3 and array.shape[1:] == wanted[:2]:
        return ": the network takes colours, so repeat grey images, np.repeat(images[..., None], 3, axis=-1)"
    if array.ndim == 3 and wanted[0] == 1:
        return f": pass series as images, tf_strattack.images.from_series({name})"
    if array.ndim == 5:
        return f": pass volumes as images, tf_strattack.images.from_volumes({name})"
    if array.ndim == 2:
        return ": reshape flat images to (N, H, W, C)"
    if array.ndim == 3:
        return ": add a first axis, [None], to a single image"
    if array.ndim == 4 and _fits(array.transpose(0, 2, 3, 1), wanted) and array.shape[1] in _COLOUR:
        return (
            ": images are (N, H, W, C), so transpose them, images.transpose(0, 2, 3, 1), or, if they are, state the "
            "network's data_format="
        )
    if array.ndim == 4 and sorted(array.shape[1:]) == sorted(size or 0 for size in wanted):
        return ": if the network's channels lie elsewhere, state data_format='channels_last' or 'channels_first'"
    return ""


def _within(array: Images, bounds: tuple[float, float], name: str) -> Images:
    lower, upper = np.float32(bounds[0]), np.float32(bounds[1])
    outside = (array < lower) | (array > upper)
    if not outside.any():
        return array
    clipped: Images = array.clip(lower, upper)
    if np.abs(clipped - array).max() > _ROUNDING * (bounds[1] - bounds[0]):
        raise InputError(
            f"expected {name} within the classifier's bounds [{lower:g}, {upper:g}], received values from "
            f"{array.min():g} to {array.max():g} in {bad_rows(outside)}: rescale them, or state their scale as bounds"
            + (", bounds=(0, 255)" if array.min() >= 0 and 2 < array.max() <= 255 else ""),
            option="bounds",
        )
    report(f"{name} leave the bounds by a rounding error in {bad_rows(outside)}, and are clipped")
    return clipped
