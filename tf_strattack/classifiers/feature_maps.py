"""Inside a Keras model: the feature maps of a layer, and the dense layer behind their global average."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack.classifiers.heads import head_of, inputs_of, operation_of
from tf_strattack.errors import InputError

_L = keras.layers
_CONVOLUTIONS = (_L.Conv2D, _L.DepthwiseConv2D, _L.SeparableConv2D, _L.Conv2DTranspose)
# Layers that keep, or blur, the maps of the layer before them.
_POOLING = (_L.MaxPooling2D, _L.AveragePooling2D, _L.GlobalAveragePooling2D, _L.GlobalMaxPooling2D, _L.Dropout)
# Layers that change nothing in inference, allowed between pooling and the dense layer.
_PASSING = (_L.Dropout, _L.Flatten, _L.Reshape, _L.Identity, _L.ActivityRegularization)
# Activations allowed at the end: the softmax is left out, and linear does nothing.
_HARMLESS = (keras.activations.softmax, keras.activations.linear)
_REMEDY = "use grad_cam"


class FeatureMaps(NamedTuple):
    """The feature maps of one layer.

    Attributes:
      layer: its name.
      network: (images, positions) → feature maps (N, h, w, F), and the class scores (N, K) computed from them;
        `find_feature_maps` returns a function of the inputs of the model instead.
      without_head: whether these scores are those in front of a softmax or sigmoid.
      kernel: the variable (F, K) of the dense layer behind the maps' global average, None if not requested.
    """

    layer: str
    network: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    without_head: bool
    kernel: Any


def find_feature_maps(model: keras.Model, end: Any, layer: str | None, *, pooled: bool) -> FeatureMaps:
    """Finds the feature maps of a functional or Sequential model (channels last).

    Args:
      model: the network.
      end: its Keras tensor of class scores; a final softmax is left out.
      layer: a name; None for the last layer behind a convolution that has a spatial output and is not only pooling. Not
        with `pooled`.
      pooled: whether to take the maps in front of a global average and one dense layer, which must be all that follows.

    Raises:
      InputError: an unknown layer or one without maps, maps (N, F, h, w), or another end.
    """
    head = head_of(end)
    before = end if head is None else head.before
    kernel = None
    if pooled:
        maps, kernel = _in_front_of_pooling(end)
    else:
        maps = _last_maps(before) if layer is None else _named(before, layer)
    _require_channels_last(maps)
    inputs = list(model.inputs)
    both = keras.Model(inputs[0] if len(inputs) == 1 else inputs, [maps, before])

    def network(tensors: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        values, scores = both(tensors[0] if len(inputs) == 1 else tensors, training=False)
        return values, scores if head is None else head.logits(scores)

    return FeatureMaps(operation_of(maps).name, network, head is not None, kernel)


def class_scores(model: keras.Model, select: Callable[[Any], Any]) -> Any:
    """The Keras tensor of a model's class scores; `select` finds it among the outputs.

    Raises:
      InputError: a model without visible layers.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        raise InputError(
            "expected a Sequential or functional Keras model, whose layers can be seen, received "
            f"{type(model).__name__} without declared inputs"
        )
    # A dictionary or a list, as the model returns it; `model.output` is that of a call of it.
    return outputs[0] if len(outputs) == 1 else select(model._outputs_struct)


def _last_maps(end: Any) -> Any:
    tensors = _in_order(end)
    for tensor in reversed(tensors):
        if _is_spatial(tensor) and not isinstance(operation_of(tensor), _POOLING) and _is_convolved(tensor):
            return tensor
    nested = [operation_of(t).name for t in tensors if isinstance(operation_of(t), keras.Model)]
    if nested:
        raise InputError(
            f"expected the convolutions in the model itself, received them within {', '.join(nested)}: build the "
            "model on its layers (base.output), or remove the model around it"
        )
    raise InputError(
        f"expected a network with feature maps (N, h, w, F) of a convolution, received the layers {_names(tensors)}"
    )


def _named(end: Any, name: str) -> Any:
    spatial = [tensor for tensor in _in_order(end) if _is_spatial(tensor)]
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
    if not isinstance(pooling, _L.GlobalAveragePooling2D):
        raise InputError(
            f"expected global average pooling in front of the last dense layer for cam, received {_kind(pooling)}: "
            f"{_REMEDY}"
        )
    return inputs_of(pooled)[0], dense.kernel


def _require_channels_last(maps: Any) -> None:
    """Refuses maps (N, F, h, w), as declared by the nearest layer with an order of axes."""
    for tensor in reversed(_in_order(maps)):
        order = getattr(operation_of(tensor), "data_format", None)
        if order == "channels_first":
            raise InputError(
                f"expected feature maps (N, h, w, F), received {_kind(operation_of(tensor))} with "
                'data_format="channels_first": asm needs no layers'
            )
        if order is not None:
            return


def _only_normalises(operation: Any) -> bool:
    return isinstance(operation, _L.Softmax) or (
        isinstance(operation, _L.Activation) and operation.activation in _HARMLESS
    )


def _in_order(end: Any) -> list[Any]:
    """`end` and all Keras tensors from which it is computed, each after its own sources."""
    order: list[Any] = []
    known: set[int] = set()
    waiting = [(end, False)]
    while waiting:
        tensor, ready = waiting.pop()
        if ready:
            order.append(tensor)
        elif id(tensor) not in known:
            known.add(id(tensor))
            waiting += [(tensor, True), *((one, False) for one in reversed(inputs_of(tensor)))]
    return order


def _is_spatial(tensor: Any) -> bool:
    """Whether a Keras tensor is not an input and holds maps (N, h, w, F) of more than one place."""
    return len(tensor.shape) == 4 and tensor.shape[1:3] != (1, 1) and bool(inputs_of(tensor))


def _is_convolved(tensor: Any) -> bool:
    """Whether there is a convolution behind a Keras tensor, and not only preprocessing."""

    def convolves(operation: Any) -> bool:
        layers = operation._flatten_layers() if isinstance(operation, keras.Layer) else []
        return any(isinstance(layer, _CONVOLUTIONS) for layer in layers)

    return any(convolves(operation_of(one)) for one in _in_order(tensor))


def _kind(operation: Any) -> str:
    return f"{type(operation).__name__} {operation.name!r}"


def _names(tensors: list[Any]) -> str:
    """The names of the operations that compute the tensors, in their order."""
    return ", ".join(operation_of(tensor).name for tensor in tensors) or "(none)"
