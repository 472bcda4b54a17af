"""Which input of a network is the image, how it is laid out, and what the others get."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.errors import InputError

Function = Callable[[tf.Tensor], Any]
_CHANNELS = (1, 3)


def choose_image(specs: Mapping[str, tf.TensorSpec], values: Mapping[str, Any]) -> str:
    """The name of the one input that is an image: the only one, or the only one of rank 4 that has no value.

    Raises:
      InputError: none or several of them, or values for inputs that do not exist.
    """
    unknown = sorted(set(values) - set(specs))
    if unknown:
        raise InputError(
            f"expected inputs= to name inputs of the network ({', '.join(sorted(specs))}), received {unknown}"
        )
    free = [name for name in specs if name not in values]
    images = free if len(free) == 1 else [name for name in free if specs[name].shape.rank == 4]
    if len(images) != 1:
        raise InputError(
            f"expected a network with one image input, received {sorted(specs)}: give the others values with inputs="
        )
    return images[0]


def fill_others(
    specs: Mapping[str, tf.TensorSpec], image: str, values: Mapping[str, Any]
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Makes a function from the images (N, H, W, C) to all inputs, in which those besides `image` are the same for all.

    An input without value is False or 0. What has a row for each image may be given for one.

    Raises:
      InputError: a value that does not fit.

    Warns:
      UserWarning: inputs that get zeros, but for single booleans, as `training` is.
    """
    others = {name: spec for name, spec in specs.items() if name != image}
    zeros = [name for name, spec in others.items() if name not in values and not _is_switch(spec)]
    if zeros:
        warnings.warn(
            f"the network has inputs besides the image, and {sorted(zeros)} get zeros: give their values with inputs=",
            UserWarning,
            stacklevel=5,
        )
    rows = {name: _row(name, spec, values.get(name)) for name, spec in others.items()}

    def fill(images: tf.Tensor) -> dict[str, tf.Tensor]:
        filled = {image: images}
        for name, row in rows.items():
            shape = others[name].shape
            repeated = bool(shape.rank) and shape[0] is None
            filled[name] = tf.repeat(row[None], tf.shape(images)[0], axis=0) if repeated else row
        return filled

    return fill


def channels_last(
    function: Function, shape: tuple[int | None, ...] | None
) -> tuple[Function, tuple[int | None, ...] | None]:
    """A network for images (N, H, W, C), and their (H, W, C), also where its own are (N, C, H, W)."""
    if shape is None or len(shape) != 3 or shape[0] not in _CHANNELS or shape[2] in _CHANNELS:
        return function, shape
    return (lambda images: function(tf.transpose(images, [0, 3, 1, 2]))), (shape[1], shape[2], shape[0])


def _is_switch(spec: tf.TensorSpec) -> bool:
    return bool(spec.dtype == tf.bool and spec.shape.rank == 0)


def _row(name: str, spec: tf.TensorSpec, value: Any) -> tf.Tensor:
    """A value for one image, or zeros; entries that are not fixed have size 1."""
    wanted = spec.shape[1:] if spec.shape.rank and spec.shape[0] is None else spec.shape
    if value is None:
        return tf.zeros([1 if size is None else size for size in (wanted or [])], spec.dtype)
    array = np.asarray(value)
    if not wanted.is_compatible_with(array.shape):
        raise InputError(f"expected the input {name} of shape {tuple(wanted)}, received {array.shape}")
    return tf.cast(tf.constant(array), spec.dtype)
