"""What an adapter makes of a user's network: plain functions, and what its file or object says about it."""

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
      image_shape: (H, W, C), None for an entry that is not fixed; None altogether where unknown.
      outputs: the kind of the class scores where that is certain, else None; see `outputs.KINDS`.
      logits: images → what the last activation is applied to, where that can be taken off, else None.
      head: what is taken off, a `heads.Head`.
      output_names: the names of the outputs where `function` returns a list.
      inside: "preprocessor" or "predict_step", where one of the model's own is a part of `function`.
      predict: (images, positions) → what the owner's `predict` returns, where it may do more than `function`.
      also: the name of another function that the owner may call, and it, which must agree.
      parts: what the network is made of, where it may become another; see `identity.parts_of`.
      again: adapts it again, once it has.
      epsilon: the relative rounding of layers in half precision or quantized, 0 where all compute in float32.
      rows: how many images there must be, where other inputs have a value for each, else None.
      model: the Keras model, where there is one, to look inside.
      feed: (images, positions) → the inputs of `model`, in the order in which it declares them.
      notes: what the owner should know, as warnings at first use.
      may_change: whether another call may be of another network: not that of a file.
      origin: what the network was before, in words.
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
    origin: str = "network"

    def states(self) -> list[Any]:
        """Variables of the model's layers that are no weights: moving averages, states of generators."""
        layers = [] if self.model is None else list(self.model._flatten_layers())
        return [variable for layer in layers for variable in getattr(layer, "_non_trainable_variables", [])]
