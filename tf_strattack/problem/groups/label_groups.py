"""The groups of a label map: sums over the pixels of each label, and one value per label at its pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import tensorflow as tf

from tf_strattack.problem.groups.base import Groups
from tf_strattack.typing import Pixels


@dataclasses.dataclass(frozen=True)
class LabelGroups(Groups):
    """The groups of a `LabelMap` in images of `height` x `width` pixels: an array (N, number, 1) has a value per group.

    Attributes:
      height, width: the image's size in pixels.
      depth: how many labels a pixel has: 1 for all its channels together, or one for each of C channels.
      most: the largest number of groups in an image; if an image has fewer, the last groups are empty.
      whole: whether every pixel is in a group.
      by_size: whether the weight of a group's norm is the root of its number of pixels.
      key: equal for equal maps.
      area: the average number of pixels, with all their channels, in a group.
      labels: (1 or N, height, width, depth) int32; None until the images are known.
    """

    height: int
    width: int
    depth: int
    most: int
    whole: bool
    by_size: bool
    key: Any
    area: float = dataclasses.field(compare=False)
    labels: Any = dataclasses.field(compare=False, repr=False)

    @property
    def number(self) -> int:
        """The number of groups, empty ones included."""
        return self.most

    @property
    def overlapping(self) -> bool:
        """False: an entry has one label."""
        return False

    @property
    def complete(self) -> bool:
        """Whether every pixel is in a group."""
        return self.whole

    @property
    def side(self) -> float:
        """The side, in pixels, of a square with the average area of a group."""
        return math.sqrt(self.area)

    @property
    def multiplicity(self) -> tf.Tensor:
        """1 at pixels with a label, else 0: (1 or N, height, width, depth)."""
        return tf.cast(self._known >= 0, tf.float32)

    @property
    def weights(self) -> float | tf.Tensor:
        """The weight of the norm of each group: 1, or (1 or N, number, 1)."""
        if not self.by_size:
            return 1.0
        return tf.sqrt(self.total(tf.ones_like(self._known, tf.float32)))

    @property
    def own(self) -> int:
        """How many layers of `Batch.regions` hold its labels: `depth` if each image has its own, else 0."""
        return self.depth if self.labels is None else 0

    def at(self, regions: tf.Tensor) -> LabelGroups:
        """The groups of the examples whose labels are `regions`."""
        return self if self.labels is not None else dataclasses.replace(self, labels=regions)

    def gather(self, image: Pixels) -> tf.Tensor:
        """The `image` (N, height, width, C) itself, 0 at pixels without a group: no entry is in two."""
        return image if self.complete else tf.where(self._known >= 0, image, tf.zeros_like(image))

    def scatter(self, copies: tf.Tensor) -> Pixels:
        """The `copies` (N, height, width, C), which are the image."""
        return self.gather(copies)

    def norms(self, copies: tf.Tensor) -> tf.Tensor:
        """Computes the l2 norm of each group: (N, height, width, C) → (N, number, 1)."""
        return tf.sqrt(self.total(tf.square(copies)))

    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """One value per group at each of its pixels: (N, number, 1) → (N, height, width, depth)."""
        return self._chosen(values)

    def total(self, image: Pixels) -> tf.Tensor:
        """Sums over each group's pixels: (N, height, width, C) → (N, number, 1)."""
        rows = tf.shape(image)[0]
        labels = tf.reshape(self._known, [-1, self._entries])
        shifted = labels + self.number * tf.range(rows)[:, None]
        places = tf.where(labels >= 0, shifted, -1)  # entries without a group are left out
        if self.depth == 1:
            image = tf.reduce_sum(image, axis=3)
        elif image.shape[3] == 1:
            image = tf.repeat(image, self.depth, axis=3)
        sums = tf.math.unsorted_segment_sum(tf.reshape(image, [-1]), tf.reshape(places, [-1]), rows * self.number)
        return tf.reshape(sums, [rows, self.number, 1])

    def expand(self, values: tf.Tensor, channels: int) -> Pixels:
        """Sums, at each entry, the value of its group: (N, number, 1) → (N, height, width, channels).

        If `channels` is 1 and a pixel has several labels, the values of all its groups are summed.
        """
        pixels = self._chosen(values)
        if channels == self.depth:
            return pixels
        if channels == 1:
            return tf.reduce_sum(pixels, axis=3, keepdims=True)
        return pixels * tf.ones([1, 1, 1, channels], pixels.dtype)

    def _chosen(self, values: tf.Tensor) -> Pixels:
        """The value of each entry's group, 0 if it has none: (N, number, 1) → (N, height, width, depth)."""
        flat = tf.reshape(self._known, [-1, self._entries])
        rows = tf.shape(values)[0]
        everywhere = tf.broadcast_to(tf.maximum(flat, 0), [rows, self._entries])
        chosen = tf.gather(values[:, :, 0], everywhere, batch_dims=1)
        pixels = tf.reshape(chosen, [rows, self.height, self.width, self.depth])
        return pixels if self.complete else tf.where(self._known >= 0, pixels, tf.zeros_like(pixels))

    @property
    def _entries(self) -> int:
        return self.height * self.width * self.depth

    @property
    def _known(self) -> tf.Tensor:
        if self.labels is None:
            raise ValueError("the maps of these groups are those of a batch: `at` or `on` gives them")
        return tf.convert_to_tensor(self.labels)
