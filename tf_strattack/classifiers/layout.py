"""How the image input of a network is laid out, and how it is fed from images (N, H, W, C)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack.checks import check_choice
from tf_strattack.classifiers.adapted import Shape
from tf_strattack.errors import InputError

CHANNELS_LAST, CHANNELS_FIRST = "channels_last", "channels_first"
DATA_FORMATS = (CHANNELS_LAST, CHANNELS_FIRST)
_CHANNELS = (1, 3)
# Images are at least so high and wide, and have no more channels, where a layout is guessed.
_SIDE = 32
# The name under which Hugging Face's networks take images, whose channels always come first.
_PIXEL_VALUES = "pixel_values"
# Layers that pass an image on as it is laid out, and do not say how that is.
_PASSING = (keras.layers.InputLayer, keras.layers.Rescaling, keras.layers.Activation, keras.layers.Dropout)


class Layout(NamedTuple):
    """A network's image input.

    Attributes:
      shape: (H, W, C) of the images, None where not fixed; None altogether where unknown.
      feed: images (N, H, W, C) → the input.
      notes: what was guessed or is unusual, as warnings.
    """

    shape: Shape | None
    feed: Callable[[tf.Tensor], tf.Tensor]
    notes: tuple[str, ...] = ()


def layout_of(spec: tf.TensorSpec | None, data_format: str | None, name: str = "") -> Layout:
    """The layout of an input.

    Args:
      spec: the input with its batch axis; None where the network does not say.
      data_format: "channels_last" or "channels_first" where the caller or a layer says so, None to guess.
      name: of the input.

    Raises:
      InputError: an unknown data format, or an input that holds no image.
    """
    if data_format is not None:
        check_choice("data_format", data_format, DATA_FORMATS)
    if spec is None or spec.shape.rank is None:
        first = data_format == CHANNELS_FIRST
        unranked = spec.dtype if spec is not None else tf.float32
        return Layout(None, lambda images: tf.cast(_transposed(images) if first else images, unranked))
    shape, dtype = tuple(spec.shape[1:]), spec.dtype

    def cast(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, dtype)

    if len(shape) == 1:
        first = data_format == CHANNELS_FIRST
        note = (
            f"the network's input is flat, {shape[0]} numbers: images are flattened {'channel' if first else 'row'} by "
        )
        return Layout(
            (None, None, None),
            lambda images: cast(_flat(_transposed(images) if first else images, shape[0])),
            (f"{note}{'channel' if first else 'row'}",),
        )
    if len(shape) == 2:
        return Layout((*shape, 1), lambda images: cast(images[..., 0] if images.shape.rank == 4 else images))
    if len(shape) != 3:
        raise InputError(
            f"expected an input of images (N, H, W, C), received one of shape (N, {', '.join(map(str, shape))}): wrap "
            "the network by Classifier.from_callable in a function of images"
        )
    named = data_format is None and _PIXEL_VALUES in name and _may_be_channels_first(shape)
    guessed = data_format is None and not named and _can_only_be_channels_first(shape)
    if data_format == CHANNELS_FIRST or named or guessed:
        note = (
            f"the network's input {shape} is taken for (channels, height, width): state data_format='channels_first', "
            "or data_format='channels_last' if it is not"
        )
        image_shape = (shape[1], shape[2], shape[0])
        return Layout(image_shape, lambda images: cast(_transposed(images)), (note,) if guessed else ())
    return Layout(shape, cast)


def declared_format(model: Any, tensor: Any) -> str | None:
    """The `data_format` of the first layers of a Keras model that the input `tensor` goes into; None if none says.

    Layers behind one that may change the layout (Permute, Reshape) say nothing about the input.
    """
    for operation in _consumers(model, tensor):
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            found = declared_format(operation, operation.inputs[0])
        elif isinstance(operation, keras.layers.Flatten):
            found = None  # it has a format, but flattens whatever comes
        else:
            found = getattr(operation, "data_format", None)
        if found is None and isinstance(operation, _PASSING):
            for node in operation._inbound_nodes:
                if any(one is tensor for one in node.input_tensors):
                    found = found or declared_format(model, node.output_tensors[0])
        if found is not None:
            return str(found)
    return None


def _consumers(model: Any, tensor: Any) -> list[Any]:
    """The operations of a functional or Sequential model that take a Keras tensor."""
    operations = getattr(model, "operations", None) or model.layers
    nodes = [node for operation in operations for node in operation._inbound_nodes]
    return [node.operation for node in nodes if any(one is tensor for one in node.input_tensors)]


def _may_be_channels_first(shape: Shape) -> bool:
    return shape[0] in _CHANNELS and shape[2] not in _CHANNELS


def _can_only_be_channels_first(shape: Shape) -> bool:
    """Whether (a, b, c) can only mean (channels, height, width): c would be very many channels of very flat images."""
    return _may_be_channels_first(shape) and all(size is None or size >= _SIDE for size in shape[1:])


def _transposed(images: tf.Tensor) -> tf.Tensor:
    return tf.transpose(images, [0, 3, 1, 2])


def _flat(images: tf.Tensor, size: int | None) -> tf.Tensor:
    known = images.shape[1:]
    if size is not None and known.is_fully_defined() and math.prod(known) != size:
        raise InputError(f"expected images of {size} numbers (H x W x C), which is the input, received {tuple(known)}")
    return tf.reshape(images, [-1, math.prod(known) if size is None else size])
