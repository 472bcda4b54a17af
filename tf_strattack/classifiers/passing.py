"""The `classifier` argument of callers: a classifier, a Keras model, or an error with the call that makes one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.identity import same_parts
from tf_strattack.classifiers.keras_calls import is_keras2
from tf_strattack.classifiers.torch_modules import is_of_torch
from tf_strattack.errors import InputError

_KEPT = "_strattack_classifier"


class _Kept(NamedTuple):
    owner: weakref.ref[Any]
    settings: tuple[Any, ...]
    parts: list[Any]
    classifier: Classifier

    def __deepcopy__(self, memo: Any) -> None:
        """A copy of the owner starts without a classifier."""

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled owner has no classifier."""
        return type(None), ()


def as_classifier(value: Any) -> Classifier:
    """`value` itself if it is a classifier, or the classifier of a Keras model for images in [0, 1].

    The classifier of a model is made once and kept with it, compiled programs included.

    Raises:
      InputError: anything else, with the call that makes a classifier of it.
    """
    if isinstance(value, Classifier):
        return value
    if isinstance(value, keras.Model) or is_keras2(value):
        return kept_classifier(value, (), [], lambda: Classifier.from_keras(value))
    raise InputError(f"expected a Classifier or a Keras model, received {_received(value)}: {_remedy(value)}")


def kept_classifier(
    owner: Any, settings: tuple[Any, ...], parts: list[Any], make: Callable[[], Classifier]
) -> Classifier:
    """The classifier that `make` returns for `owner`: kept, with its programs, until a dependency changes.

    It is kept in `owner` itself, to which it refers: any other place would keep both alive for ever.

    Args:
      owner: a model.
      settings: values, compared by equality.
      parts: objects, compared by identity.
      make: makes the classifier.
    """
    kept: _Kept | None = vars(owner).get(_KEPT)
    same = kept is not None and kept.owner() is owner and kept.settings == settings and same_parts(kept.parts, parts)
    if kept is None or not same:  # a copy of a model has the classifier of the original
        kept = _Kept(weakref.ref(owner), settings, parts, make())
        vars(owner)[_KEPT] = kept  # not by setattr: Keras would track it as a part of the model
    return kept.classifier


def _received(value: Any) -> str:
    return repr(value) if isinstance(value, str | Path) or value is None else type(value).__name__


def _remedy(value: Any) -> str:
    package = type(value).__module__.partition(".")[0]
    if isinstance(value, str | Path):
        return f"Classifier.load({str(value)!r})"
    if package in ("foolbox", "art"):
        return f"tf_strattack.interop.{package}.to_classifier(model)"
    if is_of_torch(value):
        return "Classifier.from_torch(module.eval(), bounds=(0, 1)), and images (N, H, W, C)"
    if isinstance(getattr(value, "classifier", None), Classifier):
        return "pass the network of the goal, its classifier"
    if isinstance(value, type):
        return f"pass an instance, {value.__name__}(...)"
    if callable(value):
        return "Classifier.from_callable(function, bounds=(0, 1))"
    other = "from_torch(module), from_saved_model(path), from_callable(function) or load(path)"
    return f"Classifier.from_keras(model), {other}"
