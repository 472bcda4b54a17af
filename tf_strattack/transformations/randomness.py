"""Random numbers for a row from its seeds alone, whatever its place in the batch and the other rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_strattack.typing import Pixels

# Constants of the finaliser of MurmurHash3, and the golden ratio, which spreads counters.
_FIRST, _SECOND, _SPREAD = 0x85EBCA6B, 0xC2B2AE35, 0x9E3779B9
# The bits of a float32 below 1.
_BITS = 24


def uniform(seeds: tf.Tensor, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> tf.Tensor:
    """Draws numbers for each row, uniform in [`low`, `high`).

    Args:
      seeds: (N, 2) int32, as a transformation gets them.
      shape: the shape of the numbers for a row; () for one number.
      low: the least.
      high: the bound below which all numbers are.

    Returns:
      (N, *shape) float32. The same seeds give the same numbers; `split` makes independent seeds.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> seeds = np.array([[1, 2], [3, 4], [1, 2]], np.int32)
      >>> drawn = sa.transformations.uniform(seeds, (5,)).numpy()
      >>> drawn.shape, bool((drawn[0] == drawn[2]).all()), bool((drawn[0] == drawn[1]).any())
      ((3, 5), True, False)
    """
    number = math.prod(shape)
    bits = tf.bitwise.right_shift(_bits(seeds, number), tf.constant(32 - _BITS, tf.uint32))
    units = tf.cast(tf.bitcast(bits, tf.int32), tf.float32) * 2.0**-_BITS
    return tf.reshape(low + (high - low) * units, [-1, *shape])


def normal(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Draws numbers for each row from the normal distribution of mean 0 and deviation 1; see `uniform`.

    Args:
      seeds: (N, 2) int32.
      shape: the shape of the numbers for a row.

    Returns:
      (N, *shape) float32.
    """
    # The last bit of such a function depends on the place in the batch; in float64 it is lost before it matters.
    units = tf.cast(uniform(seeds, shape), tf.float64) + 0.5 * 2.0**-_BITS
    return tf.cast(tf.math.ndtri(units), tf.float32)


def split(seeds: tf.Tensor, number: int) -> list[tf.Tensor]:
    """Makes `number` independent seeds (N, 2) from `seeds` (N, 2) int32, for separate draws.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> first, second = sa.transformations.split(np.array([[1, 2]], np.int32), 2)
      >>> first.shape, bool((first == second).numpy().any())
      (TensorShape([1, 2]), False)
    """
    return [mixed(seeds, place) for place in range(number)]


def mixed(seeds: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Seeds (N, 2) that depend on `seeds` (N, 2) and on a number, a scalar or (N,) int32."""
    words = _words(seeds)
    # Seeds of callers may have any size.
    given = tf.bitcast(tf.cast(number, tf.int32), tf.uint32) if tf.is_tensor(number) else _word(number)
    first = _finalised(words[:, 0] ^ _times(given + _word(1), _SPREAD))
    second = _finalised(words[:, 1] + first)
    return tf.bitcast(tf.stack([_finalised(first + second), second], axis=1), tf.int32)


def seeds_of(images: Pixels) -> tf.Tensor:
    """Seeds (N, 2) int32 from the bits of images (N, H, W, C)."""
    shape = images.shape[1:]
    weights = np.random.default_rng(0).integers(0, 2**32, size=(2, math.prod(shape)), dtype=np.uint32) | np.uint32(1)
    bits = tf.reshape(tf.bitcast(images + 0.0, tf.int32), [-1, 1, math.prod(shape)])  # -0 is 0
    # Sums of integers wrap, and are the same in any order.
    return tf.reduce_sum(bits * tf.constant(weights.view(np.int32)), axis=2)


def _bits(seeds: tf.Tensor, number: int) -> tf.Tensor:
    """(N, number) uint32."""
    words = _words(seeds)
    counters = tf.constant((np.arange(number, dtype=np.uint64) * _SPREAD).astype(np.uint32))
    return _finalised(_finalised(words[:, :1] + counters) ^ words[:, 1:])


def _finalised(words: tf.Tensor) -> tf.Tensor:
    for shift, factor in ((16, _FIRST), (13, _SECOND)):
        words = _times(words ^ tf.bitwise.right_shift(words, tf.constant(shift, tf.uint32)), factor)
    return words ^ tf.bitwise.right_shift(words, tf.constant(16, tf.uint32))


def _words(seeds: tf.Tensor) -> tf.Tensor:
    return tf.bitcast(tf.convert_to_tensor(seeds, tf.int32), tf.uint32)


def _word(number: int) -> tf.Tensor:
    return tf.constant(number % 2**32, tf.uint32)


def _times(words: tf.Tensor, factor: int) -> tf.Tensor:
    return words * tf.constant(factor, tf.uint32)
