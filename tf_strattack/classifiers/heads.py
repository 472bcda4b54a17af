"""The graph of a Keras model from its end: what computes a tensor, and what its last activation is applied to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack.classifiers.outputs import LOGITS, PROBABILITIES, SIGMOID

# The activations that can be taken off → what comes out of them.
_KINDS = {keras.activations.softmax: PROBABILITIES, keras.activations.sigmoid: SIGMOID}
# Losses of regression, by the names that Keras gives them and takes.
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
    """The end of a functional Keras model: a last activation, and what is in front of it.

    Attributes:
      before: the Keras tensor that the logits are computed from.
      logits: values of `before` → logits (N, K), by the layer's own computation.
      kind: what the activation makes of them, "probabilities" or "sigmoid".
    """

    before: Any
    logits: Callable[[tf.Tensor], tf.Tensor]
    kind: str

    def activated(self, logits: tf.Tensor) -> tf.Tensor:
        """What the network returns if the head is what it seems to be: (N, K) float32."""
        values = tf.cast(logits, tf.float32)
        return tf.nn.softmax(values) if self.kind == PROBABILITIES else tf.sigmoid(values)


def operation_of(tensor: Any) -> Any:
    """The layer, or other operation, that computes a Keras tensor."""
    return tensor._keras_history.operation


def inputs_of(tensor: Any) -> list[Any]:
    """The Keras tensors that a Keras tensor is computed from; none of an input.

    By the very call that computes it: `layer.input` is that of the first, and a layer may be used in several models.
    """
    operation, node, _ = tensor._keras_history
    return list(operation._inbound_nodes[node].input_tensors)


def head_of(end: Any) -> Head | None:
    """The head of a Keras tensor of class scores, or None if no softmax or sigmoid is seen at the end.

    It is taken apart only where the last layer is exactly one of Keras's: a subclass may compute anything.
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
    """The kind of the class scores that a Keras tensor holds, where its last layer tells: see `outputs.KINDS`."""
    last = operation_of(end)
    if type(last) is keras.layers.Dense and _activation(last) is keras.activations.linear:
        return LOGITS
    head = head_of(end)
    return None if head is None else head.kind


def activation_name(end: Any) -> str | None:
    """The name of the activation at the end of a Keras model, None where there is none to see."""
    activation = _activation(operation_of(end))
    return getattr(activation, "__name__", None)


def notes_on(model: Any, end: Any) -> list[str]:
    """What an owner should know whose network is no classifier of the usual kind."""
    kind, activation = kind_of(end), activation_name(end)
    if kind == SIGMOID and end.shape[-1] != 1:
        return ["the network ends in a sigmoid for each of several classes: the largest decides (argmax)"]
    if activation not in _PLAIN_ACTIVATIONS:
        return [
            f"the network ends in {activation}: its outputs are taken as they are, and the largest decides (argmax)"
        ]
    loss = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", None))
    if kind not in (PROBABILITIES, SIGMOID) and str(name).lower() in _REGRESSION:
        return [f"the network is compiled with a loss of regression, {name}: its largest output decides (argmax)"]
    return []


def _activation(layer: Any) -> Any:
    return getattr(layer, "activation", None)


def _with_linear_activation(layer: keras.layers.Dense) -> Callable[[tf.Tensor], tf.Tensor]:
    """The layer itself but for its activation: with its weights, dtype policy, quantization and adapters.

    A shallow copy shares the variables. Keras's own copying would make new ones, and its constructor would lose a
    quantization; setting the attribute past Keras leaves the user's layer and its records as they are.
    """
    copy = object.__new__(type(layer))
    copy.__dict__.update(layer.__dict__)
    object.__setattr__(copy, "activation", keras.activations.linear)
    return copy
