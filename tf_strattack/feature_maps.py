"""Inside a Keras model: the feature maps of a layer, and the dense layer that a global average of them goes into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.heads import Head, inputs_of, operation_of, softmax_head

_L = keras.layers
# They keep, or blur, what the layer before them has found.
_POOLING = (
    _L.MaxPooling2D, _L.AveragePooling2D, _L.GlobalAveragePooling2D, _L.GlobalMaxPooling2D, _L.Dropout,
    _L.SpatialDropout2D,
)  # fmt: skip
# What changes nothing between pooling and the dense layer when a network is applied.
_PASSING = (_L.Dropout, _L.Flatten, _L.Reshape, _L.Identity, _L.ActivityRegularization)
# The softmax at the end is left out, and linear does nothing.
_HARMLESS = (keras.activations.softmax, keras.activations.linear)
_REMEDY = "use grad_cam"


class FeatureMaps(NamedTuple):
    """The feature maps of one layer.

    Attributes:
      layer: its name.
      network: images → feature maps (N, h, w, F), and class scores (N, K) computed from them.
      kernel: the variable (F, K) of the dense layer behind the maps' global average, None if it was not asked for.
    """

    layer: str
    network: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    kernel: Any


def find_feature_maps(model: keras.Model, layer: str | None, *, pooled: bool) -> FeatureMaps:
    """Finds the feature maps of a functional or Sequential model (channels last).

    Args:
      model: the network; a final softmax is left out.
      layer: a name; None for the last layer of spatial output that does not only pool. Not with `pooled`.
      pooled: the maps in front of a global average and one dense layer, which are all that follows.

    Raises:
      InputError: a model whose layers cannot be seen, an unknown layer or one without maps, or another end.
    """
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1:
        raise InputError(
            "expected a Sequential or functional Keras model with one output, whose layers can be seen, received "
            f"{type(model).__name__} " + (f"with {len(outputs)} outputs" if outputs else "without declared inputs")
        )
    head = softmax_head(model) or Head(outputs[0], lambda values: values)
    kernel = None
    if pooled:
        maps, kernel = _in_front_of_pooling(outputs[0])
    else:
        maps = _last_maps(head.before) if layer is None else _named(head.before, layer)
    inputs = list(model.inputs)
    both = keras.Model(inputs[0] if len(inputs) == 1 else inputs, [maps, head.before])

    def network(tensors: Any) -> tuple[tf.Tensor, tf.Tensor]:
        values, before = both(tensors, training=False)
        return values, head.logits(before)

    return FeatureMaps(operation_of(maps).name, network, kernel)


def _last_maps(end: Any) -> Any:
    for tensor in _towards_the_input(end):
        if _is_spatial(tensor) and not isinstance(operation_of(tensor), _POOLING):
            return tensor
    raise InputError(
        f"expected a network with feature maps (N, h, w, F), received none among the layers "
        f"{_names(_towards_the_input(end))}"
    )


def _named(end: Any, name: str) -> Any:
    spatial = [tensor for tensor in _towards_the_input(end) if _is_spatial(tensor)]
    for tensor in spatial:
        if operation_of(tensor).name == name:
            return tensor
    raise InputError(f"expected layer= to be one with feature maps, of {_names(spatial)}, received {name!r}")


def _in_front_of_pooling(end: Any) -> tuple[Any, Any]:
    """The pooled maps as a Keras tensor, and the kernel of the dense layer."""
    while _only_normalises(operation_of(end)):
        (end,) = inputs_of(end)
    dense = operation_of(end)
    if not isinstance(dense, _L.Dense) or dense.activation not in _HARMLESS:
        raise InputError(f"expected a dense layer at the end for cam, received {_kind(dense)}: {_REMEDY}")
    (pooled,) = inputs_of(end)
    while isinstance(operation_of(pooled), _PASSING):
        (pooled,) = inputs_of(pooled)
    pooling = operation_of(pooled)
    if not isinstance(pooling, _L.GlobalAveragePooling2D) or pooling.data_format != "channels_last":
        raise InputError(
            "expected global average pooling (channels last) in front of the last dense layer for cam, received "
            f"{_kind(pooling)}: {_REMEDY}"
        )
    return inputs_of(pooled)[0], dense.kernel


def _only_normalises(operation: Any) -> bool:
    return isinstance(operation, _L.Softmax) or (
        isinstance(operation, _L.Activation) and operation.activation in _HARMLESS
    )


def _towards_the_input(end: Any) -> list[Any]:
    """`end` and all Keras tensors that it is computed from, the nearest first."""
    found = [end]
    for tensor in found:
        found += [one for one in inputs_of(tensor) if not any(one is other for other in found)]
    return found


def _is_spatial(tensor: Any) -> bool:
    """Whether a Keras tensor that is no input holds maps (N, h, w, F) of more than one place."""
    return len(tensor.shape) == 4 and tensor.shape[1:3] != (1, 1) and bool(inputs_of(tensor))


def _kind(operation: Any) -> str:
    return f"{type(operation).__name__} {operation.name!r}"


def _names(tensors: list[Any]) -> str:
    """The names of what computes tensors, from the input on."""
    return ", ".join(operation_of(tensor).name for tensor in reversed(tensors)) or "(none)"
