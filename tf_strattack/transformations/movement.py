"""Changes of place: shifts by whole pixels, and smaller copies at a random place."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tf_strattack.checks import check_count, check_number
from tf_strattack.transformations.base import Transformation
from tf_strattack.transformations.randomness import uniform
from tf_strattack.typing import Pixels


@dataclasses.dataclass(frozen=True)
class Shift(Transformation):
    """A uniformly random shift by whole pixels, vertical and horizontal; uncovered pixels are 0.

    Attributes:
      pixels: the largest shift along an axis.

    Raises:
      InputError: not a whole number of at least 1.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> seeds = np.arange(6, dtype=np.int32).reshape(3, 2)
      >>> shifted = sa.transformations.Shift(2)(np.ones((3, 8, 8, 1), np.float32), seeds)
      >>> [sorted(set(image.ravel().tolist())) for image in shifted.numpy()]
      [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]
    """

    pixels: int = 2

    def __post_init__(self) -> None:
        """Checks the number."""
        check_count("pixels", self.pixels)

    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Shifts each of the `images` (N, H, W, C); `seeds` (N, 2) int32 determine the shift."""
        ways = 2 * self.pixels + 1
        # A product may round up to the number of shifts, which is not a valid index.
        moves = tf.minimum(tf.cast(uniform(seeds, (2,), 0.0, ways), tf.int32), ways - 1) - self.pixels
        for axis in (1, 2):
            images = _moved(images, moves[:, axis - 1], axis)
        return images


@dataclasses.dataclass(frozen=True)
class ResizePad(Transformation):
    """An image reduced by bilinear interpolation, at a random place of a black one (arXiv 1711.01991).

    Attributes:
      least: the smallest size, as a share of the image's size; sizes are uniform from `least` to 1.

    Raises:
      InputError: a share out of range.
    """

    least: float = 0.85

    def __post_init__(self) -> None:
        """Checks the number."""
        check_number("least, a share of the size,", self.least, 0.1, 1.0)

    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Resizes and places each of the `images` (N, H, W, C); `seeds` (N, 2) int32 determine size and place."""
        drawn = uniform(seeds, (3,))
        size = self.least + (1.0 - self.least) * drawn[:, 0]
        for axis in (1, 2):
            images = _resized(images, size, drawn[:, axis], axis)
        return images


def _moved(images: Pixels, moves: tf.Tensor, axis: int) -> Pixels:
    """Images (N, H, W, C) moved along an axis by `moves` (N,) int32, 0 where there is no source."""
    number = images.shape[axis]
    sources = tf.range(number)[None] - moves[:, None]
    return _weighted(images, sources, tf.ones_like(sources, tf.float32), axis)


def _resized(images: Pixels, size: tf.Tensor, place: tf.Tensor, axis: int) -> Pixels:
    """Images (N, H, W, C) at `size` (N,) times their length along an axis, at `place` (N,) of the remaining room."""
    number = images.shape[axis]
    length = size * number
    # Centres of pixels lie at halves, as in tf.image.resize.
    targets = (tf.range(number, dtype=tf.float32) + 0.5)[None] - (place * (number - length))[:, None]
    sources = targets / size[:, None]
    inside = tf.cast((sources >= 0.0) & (sources <= number), tf.float32)
    sources = tf.clip_by_value(sources - 0.5, 0.0, number - 1.0)
    lower = tf.floor(sources)
    part = sources - lower
    first = tf.cast(lower, tf.int32)
    second = tf.minimum(first + 1, number - 1)
    return _weighted(images, first, inside * (1.0 - part), axis) + _weighted(images, second, inside * part, axis)


def _weighted(images: Pixels, sources: tf.Tensor, weights: tf.Tensor, axis: int) -> Pixels:
    """Along an axis of images (N, H, W, C), the values at `sources` (N, length) times `weights`; 0 outside."""
    number = images.shape[axis]
    weights *= tf.cast((sources >= 0) & (sources < number), tf.float32)
    taken = tf.gather(images, tf.clip_by_value(sources, 0, number - 1), axis=axis, batch_dims=1)
    return taken * (weights[:, :, None, None] if axis == 1 else weights[:, None, :, None])
