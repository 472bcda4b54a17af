"""Splits of data sets in memory, and the batches of an epoch as a tf.data pipeline."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.programs.tfds_splits import load_raw
from tf_strattack.typing import Images

# The largest shift in pixels in each direction; 4 is usual for CIFAR-10 (He et al. 2016).
_SHIFT = 4


@dataclasses.dataclass(frozen=True)
class Split:
    """A split in memory: images (N, H, W, C) float32 in [0, 1], and their class probabilities (N, K) float32."""

    images: Images
    probabilities: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)


def load_splits(name: str, *, data_dir: str | None, download: bool, num_classes: int) -> tuple[Split, Split]:
    """Decodes the training and the test split of a TFDS data set.

    Raises:
      InputError: as `load_raw`.
    """
    train, test = (
        split_of(*zip(*pairs.as_numpy_iterator(), strict=True), num_classes=num_classes)
        for pairs in load_raw(name, ["train", "test"], data_dir=data_dir, download=download)
    )
    return train, test


def split_of(images: Any, labels: Any, *, num_classes: int) -> Split:
    """Makes a split from images, uint8 or floating point in [0, 1], and labels (N,)."""
    stacked = np.stack(images)
    scaled = stacked.astype(np.float32) / 255.0 if stacked.dtype == np.uint8 else stacked.astype(np.float32)
    return Split(scaled, np.eye(num_classes, dtype=np.float32)[np.asarray(labels)])


def batches_in_order(split: Split, batch_size: int = 500) -> tf.data.Dataset:
    """The split in its own order."""
    pairs = tf.data.Dataset.from_tensor_slices((split.images, split.probabilities))
    return pairs.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def training_batches(split: Split, *, epoch: tf.Variable, batch_size: int, seed: int, augment: bool) -> tf.data.Dataset:
    """The split shuffled and augmented; both depend on `seed` and the value of `epoch` alone.

    A resumed run therefore sees the same batches as an uninterrupted one. Each iteration over the data set reads
    `epoch` at its start.
    """
    number = len(split)
    images, probabilities = tf.constant(split.images), tf.constant(split.probabilities)

    def shuffled(now: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(number), tf.stack([seed, now]))

        def batch_at(first: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = order[first : first + batch_size]
            chosen = tf.gather(images, rows)
            if augment:
                chosen = shift_and_flip(chosen, tf.stack([seed, now * number + first]))
            return chosen, tf.gather(probabilities, rows)

        return tf.data.Dataset.range(0, number, batch_size, output_type=tf.int32).map(batch_at)

    batches = tf.data.Dataset.range(1).map(lambda _: epoch.read_value()).flat_map(shuffled)
    steps = -(-number // batch_size)
    return batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(tf.data.AUTOTUNE)


def shift_and_flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Shifts each image by up to 4 pixels either way, padded with zeros, and flips half of the images left to right.

    Args:
      images: (N, H, W, C).
      seed: (2,) integers.
    """
    rows, height, width, _ = tf.unstack(tf.shape(images))
    draws = tf.random.stateless_uniform([2, rows], seed, 0, 2 * _SHIFT + 1, tf.int32)
    padded = tf.pad(images, [[0, 0], [_SHIFT, _SHIFT], [_SHIFT, _SHIFT], [0, 0]])
    shifted = tf.gather(padded, draws[0][:, None] + tf.range(height), axis=1, batch_dims=1)
    shifted = tf.gather(shifted, draws[1][:, None] + tf.range(width), axis=2, batch_dims=1)
    flip = tf.random.stateless_uniform([rows, 1, 1, 1], seed + 1) < 0.5
    return tf.where(flip, tf.reverse(shifted, [2]), shifted)
