"""The result of an adapter: a user's network as plain functions, with the facts from its file or object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

# (N, H, W, C) float32 images, and (N,) their positions among the images of the call (None: the first N) → any nest.
Network = Callable[[tf.Tensor, tf.Tensor | None], Any]
Shape = tuple[int | None, ...]


class Adapted(NamedTuple):
    """A network as functions of images.

    Attributes:
      function: the network as its owner calls it, from images to whatever it returns.
      image_shape: (H, W, C), with None for sizes that are not fixed; None if unknown.
      outputs: the kind of the class scores if it is certain, else None; see `outputs.KINDS`.
      logits: images → the input of the last activation, if that can be removed, else None.
      head: the removed part, a `heads.Head`.
      output_names: the names of the outputs where `function` returns a list.
      inside: "preprocessor" or "predict_step", if the model has its own and `function` includes it.
      predict: (images, positions) → the output of the owner's `predict`, if it may do more than `function`.
      also: another function that the owner may call, with its name; the two must agree.
      parts: the objects that make up the network, if it may change; see `identity.parts_of`.
      again: adapts it again after a change.
      epsilon: the relative rounding of layers in half precision or quantized, 0 where all compute in float32.
      rows: the required number of images, if other inputs have a value for each, else None.
      model: the Keras model, if there is one, for access to its layers.
      feed: (images, positions) → the inputs of `model`, in the order in which it declares them.
      notes: warnings for the owner, shown at first use.
      may_change: whether the network may change between calls; one from a file does not.
      cut: what cuts the gradient of such a network, and the remedy; None for networks of TensorFlow operations.
      origin: what was adapted, in words.
    """

    function: Network
    image_shape: Shape | None = None
    outputs: str | None = None
    logits: Network | None = None
    head: Any = None
    output_names: Sequence[str] = ()
    inside: str | None = None
    predict: Network | None = None
    also: tuple[str, Network] | None = None
    parts: Callable[[], list[Any]] | None = None
    again: Callable[[], Any] | None = None
    epsilon: float = 0.0
    rows: int | None = None
    model: keras.Model | None = None
    feed: Network | None = None
    notes: tuple[str, ...] = ()
    may_change: bool = True
    cut: str | None = None
    origin: str = "network"

    def states(self) -> list[Any]:
        """Variables of the model's layers that are not weights: moving averages, states of generators."""
        layers = [] if self.model is None else list(self.model._flatten_layers())
        return [variable for layer in layers for variable in getattr(layer, "_non_trainable_variables", [])]
