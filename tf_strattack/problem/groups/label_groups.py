"""The groups of a label map: sums over the pixels of each label, and one value per label at its pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import tensorflow as tf

from tf_strattack.problem.batch import Batch
from tf_strattack.problem.groups.base import Groups
from tf_strattack.typing import Pixels


@dataclasses.dataclass(frozen=True)
class LabelGroups(Groups):
    """The groups of a `LabelMap` in images of `height` x `width` pixels: an array (N, number, 1) has a value of each.

    Attributes:
      height, width: the image's size in pixels.
      most: how many groups an image has at most; of one that has fewer the last are empty.
      whole: whether every pixel is in a group.
      by_size: whether the norm of a group counts the root of its pixels.
      key: what says whether two maps are the same.
      labels: (1 or N, height, width) int32; None as long as the images are not known.
    """

    height: int
    width: int
    most: int
    whole: bool
    by_size: bool
    key: Any
    labels: Any = dataclasses.field(compare=False, repr=False)

    @property
    def number(self) -> int:
        """The number of groups, empty ones included."""
        return self.most

    @property
    def overlapping(self) -> bool:
        """False: a pixel has one label."""
        return False

    @property
    def complete(self) -> bool:
        """Whether every pixel is in a group."""
        return self.whole

    @property
    def side(self) -> float:
        """The side, in pixels, of a square as large as a group is on average."""
        return math.sqrt(self.height * self.width / self.number)

    @property
    def multiplicity(self) -> tf.Tensor:
        """1 at pixels with a label, else 0: (1 or N, height, width, 1)."""
        return tf.cast(self._known >= 0, tf.float32)[..., None]

    @property
    def weights(self) -> float | tf.Tensor:
        """What the norm of each group counts: 1, or (1 or N, number, 1)."""
        if not self.by_size:
            return 1.0
        return tf.sqrt(self.total(tf.ones([*self._known.shape, 1])))

    def at(self, batch: Batch) -> LabelGroups:
        """The groups of the examples of a batch."""
        return self if self.labels is not None else dataclasses.replace(self, labels=batch.regions)

    def gather(self, image: Pixels) -> tf.Tensor:
        """The `image` (N, height, width, C) itself, 0 at pixels without a group: no pixel is in two."""
        return image if self.complete else tf.where(self._known[..., None] >= 0, image, tf.zeros_like(image))

    def scatter(self, copies: tf.Tensor) -> Pixels:
        """The `copies` (N, height, width, C), which are the image."""
        return self.gather(copies)

    def norms(self, copies: tf.Tensor) -> tf.Tensor:
        """Computes the l2 norm of each group: (N, height, width, C) → (N, number, 1)."""
        return tf.sqrt(self.total(tf.square(copies)))

    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """One value per group at each of its pixels: (N, number, 1) → (N, height, width, 1)."""
        return self.expand(values, 1)

    def total(self, image: Pixels) -> tf.Tensor:
        """Sums over each group's pixels: (N, height, width, C) → (N, number, 1)."""
        rows = tf.shape(image)[0]
        labels = tf.reshape(self._known, [-1, self.height * self.width])
        shifted = labels + self.number * tf.range(rows)[:, None]
        places = tf.where(labels >= 0, shifted, -1)  # what has no place is left out
        sums = tf.math.unsorted_segment_sum(
            tf.reshape(tf.reduce_sum(image, axis=3), [-1]), tf.reshape(places, [-1]), rows * self.number
        )
        return tf.reshape(sums, [rows, self.number, 1])

    def expand(self, values: tf.Tensor, channels: int) -> Pixels:
        """One value per group at each of its pixels, 0 elsewhere: (N, number, 1) → (N, height, width, channels)."""
        flat = tf.reshape(self._known, [-1, self.height * self.width])
        rows = tf.shape(values)[0]
        everywhere = tf.broadcast_to(tf.maximum(flat, 0), [rows, self.height * self.width])
        chosen = tf.gather(values[:, :, 0], everywhere, batch_dims=1)
        pixels = tf.reshape(chosen, [rows, self.height, self.width, 1])
        if not self.complete:
            pixels = tf.where(self._known[..., None] >= 0, pixels, tf.zeros_like(pixels))
        return pixels if channels == 1 else pixels * tf.ones([1, 1, 1, channels], pixels.dtype)

    @property
    def _known(self) -> tf.Tensor:
        if self.labels is None:
            raise ValueError("the maps of these groups are those of a batch: `at` or `on` gives them")
        return tf.convert_to_tensor(self.labels)
