"""Checks of arguments: one line each, "expected ..., received ..."."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.errors import InputError
from tf_strattack.notices import report
from tf_strattack.typing import Classes, Images

# The largest float32, the type of all computations.
_LARGEST = float(np.finfo(np.float32).max)


def check_bounds(bounds: Sequence[float]) -> tuple[float, float]:
    """Returns (lower, upper) as floats, and refuses anything that is not an interval."""
    try:
        if isinstance(bounds, str):
            raise TypeError
        if any(np.ndim(bound) for bound in bounds):
            raise InputError(
                "expected bounds (lower, upper) of two numbers, received others for each channel, "
                f"{[np.asarray(bound).tolist() for bound in bounds]}: state the scale of the images, (0, 1), and pass "
                "preprocessing=lambda images: (images - mean) / std"
            )
        lower, upper = (float(bound) for bound in bounds)
    except InputError:
        raise
    except (TypeError, ValueError):
        raise InputError(f"expected bounds (lower, upper), received {bounds!r}") from None
    with np.errstate(over="ignore"):
        width = np.float32(upper) - np.float32(lower)
    if not (np.isfinite(width) and width > 0.0):
        raise InputError(f"expected finite bounds in float32 with lower < upper, received {(lower, upper)}")
    return lower, upper


def check_function(name: str, value: Any, example: str) -> None:
    """Refuses a value that is neither None nor a function; the message shows an `example`."""
    if value is not None and not callable(value):
        raise InputError(f"expected {name} to be a function, such as {name}={example}, received {value!r}")


def check_classes(classes: Any, count: int, num_classes: int | None, name: str) -> Classes:
    """Returns `classes` as int32 (N,), each in [0, num_classes).

    One column, (N, 1), is squeezed, and booleans are the classes 0 and 1.

    Raises:
      InputError: anything else.

    Warns:
      InputWarning: a column that was squeezed.
    """
    array = as_array(classes, name)
    if array.shape == (count, 1):
        report(f"{name} of shape {array.shape} are taken for {(count,)}")
        array = array[:, 0]
    if array.ndim == 2 and array.shape[1] in (num_classes or array.shape[1],) and array.shape[1] > 1:
        raise InputError(f"expected {name} of shape ({count},), class numbers, received {array.shape}: argmax(axis=1)")
    if array.dtype.kind == "b":
        array = array.astype(np.int32)
    if array.dtype.kind not in "iu" and array.size:
        whole = array.dtype.kind == "f" and bool((array == np.round(array)).all())
        remedy = f": {name}.astype(int)" if whole else ""
        raise InputError(f"expected integer {name}, received dtype {array.dtype}{remedy}")
    if array.shape != (count,):
        raise InputError(f"expected {name} of shape ({count},), one for each image, received {array.shape}")
    top = np.inf if num_classes is None else num_classes
    wrong = (array < 0) | (array >= top)
    if wrong.any():
        limit = "0 and above" if num_classes is None else f"from 0 to {num_classes - 1}"
        raise InputError(f"expected {name} {limit}, received {array[wrong][0]} in {bad_rows(wrong)}")
    return array.astype(np.int32)


def check_targets(targets: Any, labels: Classes, num_classes: int | None) -> Classes | None:
    """Returns `targets` as int32 (N,), each different from its label; None stays None (untargeted).

    Args:
      targets: (N,) integers, or one integer for all examples.
      labels: (N,) true classes, already checked.
      num_classes: the number of classes, None if unknown.

    Raises:
      InputError: targets of another kind or out of range, or equal to their labels.

    Example:
      >>> import numpy as np
      >>> check_targets(3, np.array([7, 2]), 10).tolist()
      [3, 3]
    """
    if targets is None:
        return None
    given = as_array(targets, "targets")
    one = given.ndim == 0 and given.dtype.kind in "iu"
    array = check_classes(np.full(len(labels), given) if one else given, len(labels), num_classes, "targets")
    same = array == labels
    if same.any():
        remedy = f"leave them out, images[labels != {given}]" if one else "sa.targets.random draws others"
        raise InputError(f"expected targets other than the labels, received equal ones in {bad_rows(same)}: {remedy}")
    return array


def check_mask(mask: Any, shape: tuple[int, ...]) -> Images:
    """Returns `mask` as float32 that broadcasts to images of `shape` (N, H, W, C): 1 where changes are allowed."""
    if mask is None:
        return np.ones((1, 1, 1, 1), np.float32)
    array = as_array(mask, "mask")
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
    high = min(high, _LARGEST)
    interval = f"{'above' if open_low else 'at least'} {low:g}" + (f" and at most {high:g}" if high < _LARGEST else "")
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not low <= value <= high or (open_low and value == low):  # NaN is in no interval
        limit = f", in float32 at most {high:.2g}" if number and value > high == _LARGEST else ""
        raise InputError(f"expected {name} to be a number {interval}{limit}, received {value!r}")


def check_count(name: str, value: Any) -> int:
    """Returns a whole number of at least 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise InputError(f"expected {name} to be a whole number of at least 1, received {value!r}")
    return int(value)


def check_whole(name: str, value: Any) -> int:
    """Returns a whole number of at least 0, such as a seed."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise InputError(f"expected {name} to be a whole number of at least 0, received {value!r}")
    return int(value)


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Refuses a value that is not one of `choices`."""
    if value not in tuple(choices):
        raise InputError(f"expected {name} to be one of {', '.join(choices)}, received {value!r}")


def as_array(values: Any, name: str) -> npt.NDArray[Any]:
    """`values` as one array; the error calls them `name`."""
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(f"expected {name} as one array, received rows of different shapes") from None


def bad_rows(wrong: npt.NDArray[np.bool_]) -> str:
    """The rows of `wrong` (N, ...) that hold a True, in words."""
    rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
    return f"row {rows[0]}" if len(rows) == 1 else f"{len(rows)} rows, the first is {rows[0]}"


def check_aligned(success: Any, values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Whether each of N examples succeeded, and values of them by name, as arrays (N,).

    Raises:
      InputError: arrays of different lengths, or with more axes.
    """
    flags, arrays = np.asarray(success, bool), {name: np.asarray(value) for name, value in values.items()}
    for name, array in arrays.items():
        if array.shape != flags.shape or flags.ndim != 1:
            raise InputError(f"expected success and {name} of shape (N,), received {flags.shape} and {array.shape}")
    return flags, arrays
