"""Compiled functions of a network, which live as long as the network."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_count
from tf_strattack.runtime import devices
from tf_strattack.runtime.causes import in_one_line
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.typing import Images


class Programs:
    """Functions compiled once and kept: for each key, image shape and type one graph, for any number of rows."""

    def __init__(self) -> None:
        """Starts with none."""
        self._remembered: dict[Hashable, Any] = {}

    def remembered(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result of the first call of `make` for `key`, kept as long as this object."""
        if key not in self._remembered:
            self._remembered[key] = make()
        return self._remembered[key]

    def program(self, key: Hashable, function: Callable[..., Any], *example: Any) -> Callable[..., Any]:
        """Returns `function` as a graph for any number of rows, traced once for `key` and this image shape.

        Args:
          key: identifies the function, with everything on which its graph depends, except the shape of `example`.
          function: takes tensors, or named tuples of tensors, whose first axis is the rows.
          *example: arguments that give types and shapes.
        """

        def spec(tensor: tf.Tensor) -> tf.TensorSpec:
            return tf.TensorSpec([None, *tensor.shape[1:]] if tensor.shape.rank else [], tensor.dtype)

        specs = tf.nest.map_structure(spec, example)

        def compile_program() -> Callable[..., Any]:
            # A partial has no code object, by which TensorFlow would count the programs as retracings of one.
            whole = functools.partial(devices.split(function))
            return in_one_line(tf.function(whole, input_signature=specs, autograph=False))

        compiled: Callable[..., Any] = self.remembered(("program", key, str(specs)), compile_program)
        return compiled

    def stream(
        self, key: Hashable, function: Callable[..., tf.Tensor], images: Images, *rows: Any, batch_size: int | None
    ) -> Iterator[npt.NDArray[Any]]:
        """Yields `function` of images (N, H, W, C), and of further arrays (N, ...), `batch_size` rows at a time.

        It is compiled as in `program`; batches are padded for the devices. None chooses by the size of an image.

        Raises:
          InputError: a batch size that is not a whole number of at least 1.
        """
        default = devices.default_batch_size(images.shape[1:])
        size = default if batch_size is None else check_count("batch_size", batch_size)
        for start in range(0, len(images), size):
            chunks = [array[start : start + size] for array in (images, *rows)]
            count = len(chunks[0])
            whole = devices.padded(count, images.shape[1:])
            batch = [tf.constant(pad_rows(chunk, whole)) for chunk in chunks]
            yield self.program(key, function, *batch)(*batch)[:count].numpy()
