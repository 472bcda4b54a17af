"""The layout of a network's input, and how images (N, H, W, C) are fed to it."""

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
SERIES, VOLUMES = "series", "volumes"
DATA_FORMATS = (CHANNELS_LAST, CHANNELS_FIRST, SERIES, VOLUMES)
# The axes of inputs that are not images.
_AXES = {SERIES: "(N, steps, channels)", VOLUMES: "(N, depth, height, width, channels)"}
_VOLUMES_REMEDY = f"state data_format='{VOLUMES}' if they are {_AXES[VOLUMES]}, or "
_CHANNELS = (1, 3)
# A layout is guessed only if images are at least this high and wide, and have at most this many channels.
_SIDE = 32
# The name of the image input of Hugging Face networks, whose channels always come first.
_PIXEL_VALUES = "pixel_values"
# Layers that keep the layout of an image without stating it.
_PASSING = (keras.layers.InputLayer, keras.layers.Rescaling, keras.layers.Activation, keras.layers.Dropout)


class Layout(NamedTuple):
    """A network's image input.

    Attributes:
      shape: (H, W, C) of the images, with None for sizes that are not fixed; None if unknown.
      feed: images (N, H, W, C) → the input.
      notes: warnings about guesses and unusual layouts.
    """

    shape: Shape | None
    feed: Callable[[tf.Tensor], tf.Tensor]
    notes: tuple[str, ...] = ()


def layout_of(spec: tf.TensorSpec | None, data_format: str | None, name: str = "") -> Layout:
    """The layout of an input.

    Args:
      spec: the input with its batch axis; None if the network does not declare it.
      data_format: one of DATA_FORMATS if the caller or a layer states it, None to guess.
      name: the name of the input.

    Raises:
      InputError: an unknown data format, or an input that is not an image.
    """
    if data_format is not None:
        check_choice("data_format", data_format, DATA_FORMATS)
    if data_format in _AXES:
        return _folded(spec, data_format)
    first = data_format == CHANNELS_FIRST
    if spec is None or spec.shape.rank is None:
        unranked = spec.dtype if spec is not None else tf.float32
        return Layout(None, lambda images: tf.cast(_transposed(images) if first else images, unranked))
    shape, dtype = tuple(spec.shape[1:]), spec.dtype

    def cast(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, dtype)

    if len(shape) == 1:
        order = "channel by channel" if first else "row by row"
        return Layout(
            (None, None, None),
            lambda images: cast(_flat(_transposed(images) if first else images, shape[0])),
            (f"the network's input is flat, {shape[0]} numbers: images are flattened {order}",),
        )
    if len(shape) == 2:
        return Layout((*shape, 1), lambda images: cast(images[..., 0] if images.shape.rank == 4 else images))
    if len(shape) != 3:
        volumes = _VOLUMES_REMEDY if len(shape) == 4 else ""
        raise InputError(
            f"expected an input of images (N, H, W, C), received one of {_with_batch(shape)}: {volumes}wrap the "
            "network by Classifier.from_callable in a function of images",
            option="data_format" if volumes else None,
        )
    named = data_format is None and _PIXEL_VALUES in name and _may_be_channels_first(shape)
    guessed = data_format is None and not named and _can_only_be_channels_first(shape)
    if first or named or guessed:
        note = (
            f"the network's input {shape} is taken for (channels, height, width): state data_format='channels_first', "
            "or data_format='channels_last' if it is not"
        )
        image_shape = (shape[1], shape[2], shape[0])
        return Layout(image_shape, lambda images: cast(_transposed(images)), (note,) if guessed else ())
    return Layout(shape, cast)


def _folded(spec: tf.TensorSpec | None, data_format: str) -> Layout:
    """The layout of series as images of one row, or of volumes as images with their slices below each other."""
    shape = None if spec is None or spec.shape.rank is None else tuple(spec.shape[1:])
    if data_format == SERIES:
        if shape is not None and len(shape) != 2:
            raise _no_such_input(SERIES, shape)
        dtype = tf.float32 if spec is None else spec.dtype
        return Layout((1, *(shape or (None, None))), lambda images: tf.cast(images[:, 0], dtype))
    if spec is None or shape is None:
        raise InputError(
            f"expected a network that declares its input {_AXES[VOLUMES]}, as data_format='{VOLUMES}' says, received "
            "one that does not: reshape the images within a function, Classifier.from_callable(lambda images: "
            "network(tf.reshape(images, (-1, depth, height, width, channels))))",
            option="data_format",
        )
    if len(shape) != 4 or None in shape:
        raise _no_such_input(VOLUMES, shape)
    (depth, height, width, channels), dtype = shape, spec.dtype
    return Layout((depth * height, width, channels), lambda images: tf.cast(tf.reshape(images, (-1, *shape)), dtype))


def _no_such_input(data_format: str, shape: Shape) -> InputError:
    fixed = " of fixed size" if data_format == VOLUMES else ""
    return InputError(
        f"expected an input {_AXES[data_format]}{fixed} with data_format='{data_format}', received one of "
        f"{_with_batch(shape)}",
        option="data_format",
    )


def _with_batch(shape: Shape) -> str:
    return f"shape (N, {', '.join(map(str, shape))})"


def declared_format(model: Any, tensor: Any) -> str | None:
    """The `data_format` of the first layers of a Keras model behind the input `tensor`; None if none states it.

    Layers behind one that may change the layout (Permute, Reshape) say nothing about the input.
    """
    for operation in _consumers(model, tensor):
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            found = declared_format(operation, operation.inputs[0])
        elif isinstance(operation, keras.layers.Flatten):
            found = None  # it has a format, but flattens any input
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
