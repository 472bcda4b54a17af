"""How the owner of a Keras model calls it: its methods, the structure of its inputs, its precision."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

_KERAS2 = "tf_keras"
_EPSILON = {"bfloat16": 2.0**-7, "float16": 2.0**-10}


def is_keras2(model: Any) -> bool:
    """Whether an object is a model of Keras 2 (the package tf_keras, which TensorFlow models of Hugging Face use)."""
    return any(
        kind.__module__.partition(".")[0] == _KERAS2 and kind.__name__ == "Model" for kind in type(model).__mro__
    )


def overridden(model: Any, name: str) -> bool:
    """Whether a model has a method of its own in place of Keras's."""
    owner = next((kind for kind in type(model).__mro__ if name in vars(kind)), None)
    return name in vars(model) or (owner is not None and owner.__module__.partition(".")[0] not in ("keras", _KERAS2))


def is_plain(model: Any) -> bool:
    """Whether the layers define the model: Sequential or functional, with the `call` of Keras."""
    return not overridden(model, "call") and not overridden(model, "__call__")


def calls_of(model: Any, preprocessor: Any) -> tuple[Any, Any, str | None]:
    """How the owner calls a model, its `predict` if that may do more, and the part of it that the call includes."""
    inside = "preprocessor" if preprocessor is not None else None
    call: Callable[[Any], Any] = lambda inputs: model(inputs, training=False)  # noqa: E731
    if overridden(model, "predict_step"):
        call, inside = lambda inputs: model.predict_step(_data(inputs)), "predict_step"
    if any(overridden(model, name) for name in ("predict", "predict_step", "make_predict_function")):
        return call, _silent(model.predict), inside
    return call, _numpy(model.predict_on_batch) if overridden(model, "predict_on_batch") else None, inside


def _data(inputs: Any) -> Any:
    """Inputs as `predict` passes them to `predict_step`."""
    return (inputs,) if isinstance(inputs, list | tuple) else inputs


def _silent(predict: Callable[..., Any]) -> Callable[[Any], Any]:
    """`predict` without its progress bar."""
    parameters = inspect.signature(predict).parameters.values()
    quiet = any(one.name == "verbose" or one.kind is one.VAR_KEYWORD for one in parameters)
    return _numpy(lambda inputs: predict(inputs, **({"verbose": 0} if quiet else {})))


def _numpy(predict: Callable[..., Any]) -> Callable[[Any], Any]:
    """`predict` of arrays, as owners call it."""
    return lambda inputs: predict(keras.tree.map_structure(np.asarray, inputs))


def packed(model: Any, tensors: list[Any]) -> Any:
    """The inputs of a model, in their order, in the structure that it was made with."""
    if len(tensors) == 1 and not isinstance(getattr(model, "input", None), Mapping):
        return tensors[0]
    return keras.tree.pack_sequence_as(model.input, tensors)


def one_or_all(tensors: list[Any]) -> Any:
    """The only tensor of a list, or the list, as a model takes them."""
    return tensors[0] if len(tensors) == 1 else tensors


def epsilon_of(model: Any) -> float:
    """The coarsest relative rounding of a model's layers; 0 where all compute in float32."""
    layers = list(model._flatten_layers())
    dtypes = {str(getattr(layer, "compute_dtype", "float32")) for layer in layers}
    quantized = any(getattr(layer, "quantization_mode", None) for layer in layers)
    return max([2.0**-7] * quantized + [_EPSILON.get(dtype, 0.0) for dtype in dtypes], default=0.0)
