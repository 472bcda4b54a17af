"""Hyper-parameters of methods: their record, and the refusal of names that they do not have."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import numpy as np

from tf_strattack.errors import InputError
from tf_strattack.problem.goals.base import Goal

_T = TypeVar("_T")


def record_of(value: Any, without: Collection[str] = ()) -> Any:
    """A hyper-parameter or a goal as plain values.

    Objects become dictionaries with the name of their class and their fields but those named in `without`, tuples
    become lists, arrays their shape and hash, and functions their name.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "sha256": hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}
    if (own := getattr(value, "record", None)) is not None:
        return {"class": type(value).__name__, **own}
    if isinstance(value, tuple):
        return [record_of(part, without) for part in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.name not in without]
        return {"class": type(value).__name__, **{name: record_of(getattr(value, name), without) for name in names}}
    if isinstance(value, Goal):  # one of the user's own that is no dataclass
        return {"class": type(value).__name__}
    return getattr(value, "__qualname__", type(value).__name__) if callable(value) else value


def names_of(method: type) -> list[str]:
    """The names of the hyper-parameters that can be given, short forms included."""
    return [name for name in inspect.signature(method).parameters if name != "self"]


def refusing(place_of: Callable[[str, Mapping[str, Any]], str | None]) -> Callable[[type[_T]], type[_T]]:
    """A decorator for dataclasses: an unknown name of a hyper-parameter raises an `InputError`.

    `place_of` says where such a name belongs, given all arguments; None: nowhere.
    """

    def decorate(method: type[_T]) -> type[_T]:
        original = method.__init__
        names = names_of(method)

        @functools.wraps(original)
        def init(self: _T, **given: Any) -> None:
            unknown = next((name for name in given if name not in names), None)
            if unknown is not None:
                place = place_of(unknown, given) or f"it has {', '.join(names)}"
                raise InputError(f"expected hyper-parameters of {method.__name__}, received {unknown}: {place}")
            original(self, **given)

        method.__init__ = init  # type: ignore[assignment]
        return method

    return decorate
