"""Checks of results that others have made: in a file, or by an attack of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tf_strattack.checks import check_bounds
from tf_strattack.errors import InputError

if TYPE_CHECKING:
    from tf_strattack.result import AttackResult

# Name → the allowed kinds of type; images are checked separately.
_ROWS = {
    "success": "b",
    "labels": "iu",
    "targets": "iu",
    "clean_correct": "b",
    "c": "f",
    "gradient_evaluations": "iu",
    "forward_evaluations": "iu",
    "seconds": "f",
    "example_ids": "U",
    "origin": "U",
}
_NONE = ("targets", "example_ids", "origin")
_KINDS = {"b": "bool", "iu": "integers", "f": "floating point", "U": "text"}


def check_result(result: AttackResult) -> None:
    """Refuses a result whose arrays do not fit together, have other types, or images that are not valid.

    Raises:
      InputError: the arrays are wrong in one of these ways.
    """
    low, high = check_bounds(result.bounds)
    images = np.asarray(result.images)
    for name in ("images", "adversarial"):
        array = np.asarray(getattr(result, name))
        if array.ndim != 4 or array.dtype.kind != "f" or array.shape != images.shape:
            raise InputError(f"expected {name} of one shape (N, H, W, C), received {array.dtype} {array.shape}")
        if not (np.isfinite(array) & (array >= low) & (array <= high)).all():
            raise InputError(f"expected {name} within the bounds {low:g} to {high:g}, received others")
    for name, kinds in _ROWS.items():
        value: Any = getattr(result, name)
        if value is None and name in _NONE:
            continue
        array = np.asarray(value)
        if array.shape != images.shape[:1] or array.dtype.kind not in kinds:
            raise InputError(
                f"expected {name} of shape ({len(images)},), {_KINDS[kinds]}, received {array.dtype} {array.shape}"
            )
    if not isinstance(result.attack, dict) or not isinstance(result.interrupted, bool):
        raise InputError("expected attack to be a dictionary and interrupted true or false, received others")


def fault_of_return(returned: Any, number: int, kind: type[AttackResult]) -> str:
    """What is wrong with what an attack has `returned` for `number` examples: no `kind`, or other rows or types."""
    if not isinstance(returned, kind):
        return f"the attack returned {type(returned).__name__}, not an AttackResult"
    for name, kinds in {"images": "f", "adversarial": "f", **_ROWS}.items():
        value: Any = getattr(returned, name)
        if value is None and name in _NONE:
            continue
        array = np.asarray(value)
        if array.shape[:1] != (number,):
            return f"the attack returned {name} of shape {array.shape} for {number} examples"
        if array.dtype.kind not in kinds:
            return f"the attack returned {name} of {array.dtype}, not {_KINDS[kinds]}"
    return ""
