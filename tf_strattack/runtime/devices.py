"""Splits batches over all devices of the machine: several GPUs, or several logical CPU devices."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

# The last bits of a network's rows differ between small batches and others, so every device gets at least 16 small
# images. A large image is expensive, and long enough to be summed in the same order in most batches of two or more.
MIN_ROWS, _ROWS_OF_LARGE = 16, 2
_LARGE = 3 * 96 * 96
# The largest default batch, in values: 27 photographs of 224 x 224, 256 digits. Larger ones are not faster.
_BATCH_VALUES, _BATCH_ROWS = 2**22, 256


@functools.cache
def strategy() -> tf.distribute.Strategy | None:
    """The strategy over all GPUs, or without GPUs over all logical CPU devices; None for a single device."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices]) if len(devices) > 1 else None


def replicas() -> int:
    """The number of devices over which a batch is split."""
    used = strategy()
    return 1 if used is None else int(used.num_replicas_in_sync)


def scope() -> contextlib.AbstractContextManager[Any]:
    """A context in which models are loaded with their weights on every device; otherwise each use copies the weights.

    If the scope of another strategy is active, it takes precedence.
    """
    used = strategy()
    return contextlib.nullcontext() if used is None or tf.distribute.has_strategy() else used.scope()


def least_rows(image_shape: Sequence[int]) -> int:
    """The smallest number of (H, W, C) images for a device."""
    return MIN_ROWS if math.prod(image_shape) < _LARGE else _ROWS_OF_LARGE


def padded(rows: int, image_shape: Sequence[int]) -> int:
    """The least number of rows, at least `rows`, that splits evenly and gives every device enough."""
    return replicas() * max(least_rows(image_shape), -(-rows // replicas()))


def default_batch_size(image_shape: Sequence[int]) -> int:
    """The batch size for images of `image_shape` (H, W, C) if the caller names none."""
    return max(1, min(_BATCH_ROWS, _BATCH_VALUES // math.prod(image_shape)))


def split(function: Callable[..., Any]) -> Callable[..., Any]:
    """Makes `function` work on an equal share of the rows on each device, and joins the results.

    Arguments and results are nests of tensors. The first axis of a tensor is the rows, a multiple of `replicas()`;
    scalars are the same for all. On a single device this is `function` itself.
    """
    used = strategy()
    if used is None:
        return function

    def on_one(*whole: Any) -> Any:
        place = tf.distribute.get_replica_context().replica_id_in_sync_group

        def share(part: tf.Tensor) -> tf.Tensor:
            if part.shape.rank == 0:
                return part
            rows = tf.shape(part)[0] // replicas()
            return part[place * rows : (place + 1) * rows]

        return function(*tf.nest.map_structure(share, whole))

    def on_all(*whole: Any) -> Any:
        def join(values: Any) -> tf.Tensor:
            shares = used.experimental_local_results(values)
            return shares[0] if shares[0].shape.rank == 0 else tf.concat(shares, axis=0)

        return tf.nest.map_structure(join, used.run(on_one, args=whole))

    return on_all
