"""The graph of a Keras model from its end: the operation behind a tensor, and the input of the last activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack.classifiers.outputs import LOGITS, PROBABILITIES, SIGMOID

# The activations that can be removed → the kind of their output.
_KINDS = {keras.activations.softmax: PROBABILITIES, keras.activations.sigmoid: SIGMOID}
# Losses of regression, by their names in Keras.
_REGRESSION = {
    "mse",
    "mae",
    "mape",
    "msle",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "huber_loss",
    "log_cosh",
    "logcosh",
}
_PLAIN_ACTIVATIONS = (None, "linear", "softmax", "sigmoid")


class Head(NamedTuple):
    """The end of a functional Keras model: the last activation, and its input.

    Attributes:
      before: the Keras tensor from which the logits are computed.
      logits: values of `before` → logits (N, K), by the layer's own computation.
      kind: the kind of the activation's output, "probabilities" or "sigmoid".
    """

    before: Any
    logits: Callable[[tf.Tensor], tf.Tensor]
    kind: str

    def activated(self, logits: tf.Tensor) -> tf.Tensor:
        """The output of the network if this is its head: (N, K) float32."""
        values = tf.cast(logits, tf.float32)
        return tf.nn.softmax(values) if self.kind == PROBABILITIES else tf.sigmoid(values)


def operation_of(tensor: Any) -> Any:
    """The layer, or other operation, that computes a Keras tensor."""
    return tensor._keras_history.operation


def inputs_of(tensor: Any) -> list[Any]:
    """The Keras tensors from which a Keras tensor is computed; none for an input.

    They are those of the call that computes it: `layer.input` belongs to the first call of a layer, which may be used
    in several models.
    """
    operation, node, _ = tensor._keras_history
    return list(operation._inbound_nodes[node].input_tensors)


def head_of(end: Any) -> Head | None:
    """The head of a Keras tensor of class scores, or None if no softmax or sigmoid is seen at the end.

    Only exact layers of Keras are split: a subclass may compute anything.
    """
    last, before = operation_of(end), inputs_of(end)
    if len(before) != 1 or len(end.shape) != 2:
        return None
    if type(last) is keras.layers.Softmax:
        return Head(before[0], lambda values: values, PROBABILITIES) if last.axis in (-1, 1) else None
    kind = _KINDS.get(_activation(last))
    if kind is None or (kind == PROBABILITIES and end.shape[1] == 1):
        return None
    if type(last) is keras.layers.Activation:
        return Head(before[0], lambda values: values, kind)
    if type(last) is keras.layers.Dense:
        return Head(before[0], _with_linear_activation(last), kind)
    return None


def kind_of(end: Any) -> str | None:
    """The kind of the class scores in a Keras tensor, if its last layer shows it: see `outputs.KINDS`."""
    last = operation_of(end)
    if type(last) is keras.layers.Dense and _activation(last) is keras.activations.linear:
        return LOGITS
    head = head_of(end)
    return None if head is None else head.kind


def activation_name(end: Any) -> str | None:
    """The name of the activation at the end of a Keras model, None if none is visible."""
    activation = _activation(operation_of(end))
    return getattr(activation, "__name__", None)


def notes_on(model: Any, end: Any) -> list[str]:
    """Warnings for the owner of a network that is not a classifier of the usual kind."""
    kind, activation = kind_of(end), activation_name(end)
    if kind == SIGMOID and end.shape[-1] != 1:
        return ["the network ends in a sigmoid for each of several classes: the largest decides (argmax)"]
    if activation not in _PLAIN_ACTIVATIONS:
        decides = "" if end.shape[-1] == 1 else ", and the largest decides (argmax)"
        return [f"the network ends in {activation}: its outputs are taken as they are{decides}"]
    loss = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", None))
    if kind not in (PROBABILITIES, SIGMOID) and str(name).lower() in _REGRESSION:
        return [f"the network is compiled with a loss of regression, {name}: its largest output decides (argmax)"]
    return []


def _activation(layer: Any) -> Any:
    return getattr(layer, "activation", None)


def _with_linear_activation(layer: keras.layers.Dense) -> Callable[[tf.Tensor], tf.Tensor]:
    """The layer without its activation, with its weights, dtype policy, quantization and adapters.

    A shallow copy shares the variables. Keras's own copying would make new ones, and its constructor would lose a
    quantization; setting the attribute past Keras leaves the user's layer and its records as they are.
    """
    copy = object.__new__(type(layer))
    copy.__dict__.update(layer.__dict__)
    object.__setattr__(copy, "activation", keras.activations.linear)
    return copy
