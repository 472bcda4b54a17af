"""Goals as plain values, as results record them."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.goals.misclassify import Misclassify

# What a record of a run has elsewhere: the networks, and whether there are targets.
_ELSEWHERE = ("classifier", "targeted")


def goal_record(goal: Goal) -> dict[str, Any] | None:
    """The goal's class and settings as plain values; None for the plain one, to fool a classifier."""
    return None if isinstance(goal, Misclassify) else _plain(goal)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"shape": list(value.shape), "sha256": digest}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if dataclasses.is_dataclass(value) or isinstance(value, Goal):
        names = [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
        settings = {name: _plain(getattr(value, name)) for name in names if name not in _ELSEWHERE}
        return {"class": type(value).__name__, **settings}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__qualname__", type(value).__name__)  # a function of the user's
