"""The images with which a network is checked before the first attack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack.runtime import devices
from tf_strattack.typing import Images

_SEED = 0


class Probe(NamedTuple):
    """A few of the caller's images, and noise.

    Attributes:
      batch: (M, H, W, C), the caller's first, then noise within the bounds, at least one device's share.
      others: the first image among other noise, of the same shape.
      rows: how many images of `batch` are the caller's.
      positions: (M,) the rows of the images in the caller's array; 0 for noise.
    """

    batch: tf.Tensor
    others: tf.Tensor
    rows: int
    positions: tf.Tensor

    @classmethod
    def of(cls, images: Images, bounds: tuple[float, float]) -> Probe:
        """Takes the first of `images` (N, H, W, C), which lie within `bounds`."""
        size = devices.least_rows(images.shape[1:])
        own = images[:size]
        noise = np.random.default_rng(_SEED).uniform(*bounds, size=(2, size, *images.shape[1:])).astype(np.float32)
        noise = noise.clip(np.float32(bounds[0]), np.float32(bounds[1]))
        batch = np.concatenate([own, noise[0, len(own) :]])
        others = np.concatenate([own[:1], noise[1, 1:]])
        positions = np.where(np.arange(size) < len(own), np.arange(size), 0).astype(np.int32)
        return cls(tf.constant(batch), tf.constant(others), len(own), tf.constant(positions))
