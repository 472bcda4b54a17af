"""Hyper-parameters of methods: their record, and the refusal of names that they do not have."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from tf_strattack.errors import InputError

_T = TypeVar("_T")


def record_of(value: Any) -> Any:
    """A hyper-parameter as plain values: objects become dictionaries with the name of their class, tuples lists."""
    if isinstance(value, np.generic):
        return value.item()
    if (own := getattr(value, "record", None)) is not None:
        return {"class": type(value).__name__, **own}
    if isinstance(value, tuple):
        return [record_of(part) for part in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    fields = {field.name: record_of(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return {"class": type(value).__name__, **fields}


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
