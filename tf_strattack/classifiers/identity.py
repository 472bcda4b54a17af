"""Whether a Keras model has changed since its last check: its layers, variables, constants and methods."""

from __future__ import annotations

from typing import Any

import keras

# Methods and attributes that change the owner's call if they are set on a model.
_OF_MODEL = ("preprocessor", "call", "predict", "predict_step", "predict_on_batch", "make_predict_function")


def parts_of(model: Any) -> list[Any]:
    """The objects that define the network of a Keras model; if one is replaced, it is another network.

    Weights may change, as in training: the variables stay the same objects.
    """
    layers = list(getattr(model, "_flatten_layers", list)())
    parts = [model, *layers, *getattr(model, "variables", [])]
    for layer in layers:
        if isinstance(layer, keras.Model) or layer is model:
            parts += [vars(layer).get(name) for name in _OF_MODEL]
        elif type(layer).__module__.partition(".")[0] == "keras":
            # Activations, and constants such as the scale of a Rescaling or the mean of a Normalization. A custom layer
            # may keep anything there, for example its last input.
            parts += [value for name, value in sorted(vars(layer).items()) if not name.startswith("_")]
    return parts


def same_parts(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether two lists hold the same objects, or equal numbers and texts."""
    return len(ours) == len(theirs) and all(_same(a, b) for a, b in zip(ours, theirs, strict=True))


def _same(ours: Any, theirs: Any) -> bool:
    plain = isinstance(ours, int | float | str) and type(ours) is type(theirs)
    return ours is theirs or bool(plain and ours == theirs)
