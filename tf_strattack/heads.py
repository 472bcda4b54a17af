"""The graph of a Keras model from its end: what computes a tensor, and the logits in front of a softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Head(NamedTuple):
    """The end of a functional Keras model.

    Attributes:
      before: the Keras tensor that the logits are computed from.
      logits: values of `before` → logits (N, K).
    """

    before: Any
    logits: Callable[[tf.Tensor], tf.Tensor]


def operation_of(tensor: Any) -> Any:
    """The layer, or other operation, that computes a Keras tensor."""
    return tensor._keras_history.operation


def inputs_of(tensor: Any) -> list[Any]:
    """The Keras tensors that a Keras tensor is computed from; none of an input.

    By the very call that computes it: `layer.input` is that of the first, and a layer may be used in several models.
    """
    operation, node, _ = tensor._keras_history
    return list(operation._inbound_nodes[node].input_tensors)


def softmax_head(end: Any) -> Head | None:
    """The head of a Keras tensor of class scores without its final softmax, or None if it is not seen to have one."""
    last = operation_of(end)
    if isinstance(last, keras.layers.Softmax):
        return Head(inputs_of(end)[0], lambda values: values)
    if getattr(last, "activation", None) is not keras.activations.softmax:
        return None
    if isinstance(last, keras.layers.Activation):
        return Head(inputs_of(end)[0], lambda values: values)
    if isinstance(last, keras.layers.Dense):

        def logits(features: tf.Tensor) -> tf.Tensor:
            product = tf.matmul(features, tf.cast(tf.convert_to_tensor(last.kernel), features.dtype))
            return product if last.bias is None else product + tf.cast(tf.convert_to_tensor(last.bias), product.dtype)

        return Head(inputs_of(end)[0], logits)
    return None
