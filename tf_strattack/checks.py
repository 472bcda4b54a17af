"""Checks of what callers pass: one line each, "expected ..., received ..."."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.errors import InputError

Images = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int32]


def check_bounds(bounds: Sequence[float]) -> tuple[float, float]:
    """Returns (lower, upper) as floats, refusing what is not an interval."""
    try:
        lower, upper = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        raise InputError(f"expected bounds (lower, upper), received {bounds!r}") from None
    if not (np.isfinite([lower, upper]).all() and lower < upper):
        raise InputError(f"expected finite bounds with lower < upper, received {(lower, upper)}")
    return lower, upper


def check_images(
    images: Any, bounds: tuple[float, float], image_shape: tuple[int | None, ...] | None, name: str = "images"
) -> Images:
    """Returns `images` as float32 (N, H, W, C) after checks of type, shape, values and range."""
    array = _as_array(images, name)
    if array.dtype.kind not in "fiu":
        raise InputError(f"expected {name} of numbers, received dtype {array.dtype}")
    wanted = image_shape if image_shape is not None and len(image_shape) == 3 else (None, None, None)
    fits = array.ndim == 4 and all(w in (None, s) for w, s in zip(wanted, array.shape[1:], strict=True))
    if not fits or 0 in array.shape[1:]:
        shape = ", ".join("NHWC"[i + 1] if size is None else str(size) for i, size in enumerate(wanted))
        remedy = ": add a first axis, [None], to a single image" if array.ndim == 3 else ""
        raise InputError(f"expected {name} of shape (N, {shape}), received {array.shape}{remedy}")
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"expected finite {name}, received NaN or infinity in {_bad_rows(~np.isfinite(array))}")
    lower, upper = np.float32(bounds[0]), np.float32(bounds[1])
    outside = (array < lower) | (array > upper)
    if outside.any():
        raise InputError(
            f"expected {name} within the classifier's bounds [{lower:g}, {upper:g}], received values from "
            f"{array.min():g} to {array.max():g} in {_bad_rows(outside)}: rescale them, or state their scale as bounds"
        )
    return array


def check_like(images: Images, originals: Images, name: str) -> Images:
    """Refuses images of another shape than the originals."""
    if images.shape != originals.shape:
        raise InputError(f"expected {name} of the images' shape {originals.shape}, received {images.shape}")
    return images


def check_classes(classes: Any, count: int, num_classes: int | None, name: str) -> Classes:
    """Returns `classes` as int32 (N,), each in [0, num_classes)."""
    array = _as_array(classes, name)
    if array.ndim == 2:
        raise InputError(f"expected {name} of shape ({count},), class numbers, received {array.shape}: argmax(axis=1)")
    if array.dtype.kind not in "iu" and array.size:
        raise InputError(f"expected integer {name}, received dtype {array.dtype}")
    if array.shape != (count,):
        raise InputError(f"expected {name} of shape ({count},), one for each image, received {array.shape}")
    top = np.inf if num_classes is None else num_classes
    wrong = (array < 0) | (array >= top)
    if wrong.any():
        limit = "0 and above" if num_classes is None else f"from 0 to {num_classes - 1}"
        raise InputError(f"expected {name} {limit}, received {array[wrong][0]} in {_bad_rows(wrong)}")
    return array.astype(np.int32)


def check_targets(targets: Any, labels: Classes, num_classes: int | None) -> Classes | None:
    """Returns `targets` as int32 (N,), each different from its label; None stays None (untargeted)."""
    if targets is None:
        return None
    array = check_classes(targets, len(labels), num_classes, "targets")
    same = array == labels
    if same.any():
        raise InputError(f"expected targets other than the labels, received equal ones in {_bad_rows(same)}")
    return array


def check_mask(mask: Any, shape: tuple[int, ...]) -> Images:
    """Returns `mask` as float32 that broadcasts to images of `shape` (N, H, W, C): 1 where changes are allowed."""
    if mask is None:
        return np.ones((1, 1, 1, 1), np.float32)
    array = _as_array(mask, "mask")
    n, height, width, channels = shape
    allowed = {
        (height, width): (1, height, width, 1),
        (height, width, 1): (1, height, width, 1),
        (height, width, channels): (1, height, width, channels),
        (n, height, width): (n, height, width, 1),
        (n, height, width, 1): (n, height, width, 1),
        (n, height, width, channels): (n, height, width, channels),
    }
    if array.shape not in allowed:
        raise InputError(f"expected a mask of shape {(height, width)} or {shape}, received {array.shape}")
    if not np.isin(array, (0, 1)).all():
        raise InputError("expected a mask of booleans (or 0 and 1), received other values")
    return array.astype(np.float32).reshape(allowed[array.shape])


def check_number(name: str, value: Any, low: float, high: float = np.inf, *, open_low: bool = False) -> None:
    """Refuses a value that is not a number from `low` (above it if `open_low`) to `high`."""
    interval = f"{'above' if open_low else 'at least'} {low:g}" + (f" and at most {high:g}" if high < np.inf else "")
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < low or value > high or (open_low and value == low):
        raise InputError(f"expected {name} to be a number {interval}, received {value!r}")


def check_count(name: str, value: Any) -> int:
    """Returns a whole number of at least 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise InputError(f"expected {name} to be a whole number of at least 1, received {value!r}")
    return int(value)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuses what is not one of `choices`."""
    if value not in tuple(choices):
        raise InputError(f"expected {name} to be one of {', '.join(choices)}, received {value!r}")


def _as_array(values: Any, name: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(f"expected {name} as one array, received rows of different shapes") from None


def _bad_rows(wrong: npt.NDArray[np.bool_]) -> str:
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    return f"row {rows[0]}" if len(rows) == 1 else f"{len(rows)} rows, the first is {rows[0]}"
