"""The image input of a network, and the values of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from tf_strattack.checks import as_array
from tf_strattack.errors import InputError
from tf_strattack.notices import report


class Request(NamedTuple):
    """The options of the caller about a network.

    Attributes:
      inputs: values of the inputs other than the image, by name; see `fill_others`.
      data_format: "channels_last", "channels_first", or None for the format that layers declare.
      output: which output has the class scores.
    """

    inputs: Mapping[str, Any] | None = None
    data_format: str | None = None
    output: str | int | None = None


class Others(NamedTuple):
    """The inputs other than the image.

    Attributes:
      fill: (image input, positions (N,) among the images of the call, None for the first N) → all inputs by name.
      rows: the required number of images in a call, if an input has a value for each of them, else None.
    """

    fill: Callable[[tf.Tensor, tf.Tensor | None], dict[str, tf.Tensor]]
    rows: int | None


def check_inputs(inputs: Any) -> None:
    """Refuses values that are not a dictionary by input name."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise InputError(f"expected inputs= as a dictionary, {{name: value}}, received {type(inputs).__name__}")


def choose_image(specs: Mapping[str, tf.TensorSpec], values: Mapping[str, Any]) -> str:
    """The name of the one input that is an image: the only one, or the only one of rank 4 that has no value.

    Raises:
      InputError: no such input or several, or values for inputs that do not exist.
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


def check_floating(spec: tf.TensorSpec, remedy: str) -> None:
    """Refuses an image input of integers, through which no gradient flows; `remedy` says what to do.

    Raises:
      InputError: the type is not floating point.
    """
    if not spec.dtype.is_floating:
        what = "integers" if spec.dtype.is_integer else "such values"
        raise InputError(
            f"expected a floating-point image input, received {spec.dtype.name}: no gradient flows through {what}, "
            f"so {remedy}"
        )


def fill_others(specs: Mapping[str, tf.TensorSpec], image: str, values: Mapping[str, Any]) -> Others:
    """Makes the function from the image input to all inputs.

    An input without a value is False or 0. A value is shared by all images, or has a row for each image of the call.

    Raises:
      InputError: a value that does not fit, or values for different numbers of images.

    Warns:
      InputWarning: inputs that get zeros, except single booleans such as `training`.
    """
    others = {name: spec for name, spec in specs.items() if name != image}
    zeros = [name for name, spec in others.items() if values.get(name) is None and not _is_switch(spec)]
    if zeros:
        report(f"the network has further inputs, and {sorted(zeros)} get zeros: give their values with inputs=")
    rows = {name: _rows(name, spec, values.get(name)) for name, spec in others.items()}
    counts = {name: len(table) for name, (table, per_image) in rows.items() if per_image}
    if len(set(counts.values())) > 1:
        raise InputError(f"expected inputs= for the same images, received rows for {counts}")

    def fill(images: tf.Tensor, positions: tf.Tensor | None) -> dict[str, tf.Tensor]:
        number = tf.shape(images)[0]
        filled = {image: images}
        for name, (value, per_image) in rows.items():
            if per_image:
                filled[name] = tf.gather(value, tf.range(number) if positions is None else positions)
            else:
                filled[name] = tf.repeat(value[None], number, axis=0) if _has_rows(others[name]) else value
        return filled

    return Others(fill, next(iter(counts.values()), None))


def _is_switch(spec: tf.TensorSpec) -> bool:
    return bool(spec.dtype == tf.bool and spec.shape.rank == 0)


def _has_rows(spec: tf.TensorSpec) -> bool:
    return bool(spec.shape.rank) and spec.shape[0] is None


def _rows(name: str, spec: tf.TensorSpec, value: Any) -> tuple[tf.Tensor, bool]:
    """A value, or zeros (entries that are not fixed have size 1), and whether it has a row for each image."""
    wanted = spec.shape[1:] if _has_rows(spec) else spec.shape
    if value is None:
        return tf.zeros([1 if size is None else size for size in (wanted or [])], spec.dtype), False
    array = as_array(value, f"the input {name}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"expected numbers for the input {name}, received dtype {array.dtype}")
    per_image = _has_rows(spec) and wanted.rank is not None and array.ndim == wanted.rank + 1
    if not wanted.is_compatible_with(array.shape[1:] if per_image else array.shape):
        each = ", or an array of such rows, one for each image" if _has_rows(spec) else ""
        raise InputError(f"expected the input {name} of shape {tuple(wanted)}{each}, received {array.shape}")
    return tf.cast(tf.constant(array), spec.dtype), per_image
