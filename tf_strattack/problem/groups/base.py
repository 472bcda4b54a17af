"""The interface of groups of any shape, for solvers and measures."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.batch import Batch
from tf_strattack.typing import Pixels, Scalar


class GroupStructure(abc.ABC):
    """A rule that forms groups in images of any size, for `groups=` of attacks and measures."""

    @property
    @abc.abstractmethod
    def overlapping(self) -> bool:
        """Whether a pixel can be in several groups."""

    @abc.abstractmethod
    def of(self, height: int, width: int) -> Groups:
        """The groups of images of `height` x `width` pixels.

        Raises:
          InputError: a rule that does not fit the image.
        """

    def on(self, shape: Sequence[int]) -> Groups:
        """The groups of an array of `shape` (N, H, W, C), in which each image may have its own.

        Raises:
          InputError: a rule that does not fit the array.
        """
        return self.of(*shape[1:3])

    def __getitem__(self, rows: Any) -> GroupStructure:
        """The groups of some of the images, if each image has its own."""
        return self

    def placed(self, batch: Batch) -> Batch:
        """The `batch` with the regions of its groups, and with the box that they allow.

        Raises:
          InputError: a rule that does not fit the images.
        """
        return batch


class Groups(abc.ABC):
    """The P x Q groups of an image, mostly of pixels with all their channels.

    They are hashable, and equal if the groups are the same. If groups overlap, every group works on a copy of its
    pixels. All copies of an image lie in one array, whose layout is up to the implementation.
    """

    @property
    @abc.abstractmethod
    def number(self) -> int:
        """The number of groups, P Q."""

    @property
    def shape(self) -> tuple[int, int]:
        """P and Q; groups without an order along the image are P x 1."""
        return self.number, 1

    @property
    @abc.abstractmethod
    def overlapping(self) -> bool:
        """Whether a pixel can be in several groups."""

    @property
    @abc.abstractmethod
    def multiplicity(self) -> npt.NDArray[np.float32] | tf.Tensor:
        """m_j, the number of groups that hold pixel j: shape (1 or N, height, width, 1 or C)."""

    @property
    def complete(self) -> bool:
        """Whether every pixel is in a group."""
        return bool(np.all(self.multiplicity))

    @property
    def side(self) -> float:
        """The side, in pixels, of a square with the average area of a group."""
        return math.sqrt(np.sum(self.multiplicity) / self.number)

    @property
    def weights(self) -> float | tf.Tensor:
        """The weight of the norm of each group, 1 or broadcast to (N, P, Q)."""
        return 1.0

    @property
    def own(self) -> int:
        """How many layers of `Batch.regions` belong to these groups, if each image has its own; else 0."""
        return 0

    def at(self, regions: tf.Tensor) -> Groups:
        """The groups of the examples of a batch with these `regions`, if each image has its own."""
        return self

    @abc.abstractmethod
    def gather(self, image: Pixels) -> tf.Tensor:
        """Copies each group's pixels: (N, height, width, C) → copies, 0 beyond the edge."""

    @abc.abstractmethod
    def scatter(self, copies: tf.Tensor) -> Pixels:
        """Sums the copies of each pixel, the adjoint of `gather`: copies → (N, height, width, C)."""

    @abc.abstractmethod
    def norms(self, copies: tf.Tensor) -> tf.Tensor:
        """Computes the l2 norm of each group: copies → (N, P, Q)."""

    @abc.abstractmethod
    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """Repeats one value per group over its copies: (N, P, Q) → a shape that broadcasts to that of the copies."""

    @abc.abstractmethod
    def total(self, image: Pixels) -> tf.Tensor:
        """Sums over each group's pixels: (N, height, width, C) → (N, P, Q), without making copies."""

    @abc.abstractmethod
    def expand(self, values: tf.Tensor, channels: int) -> Pixels:
        """Sums, at each pixel, one value of every group that holds it: (N, P, Q) → (N, height, width, channels).

        The adjoint of `total`, for images with this number of `channels`.
        """

    def limit(self, scale: tf.Tensor, norms: tf.Tensor, most: Scalar | int) -> tf.Tensor:
        """Keeps the factors `scale` (N, P, Q) of the `most` groups of largest `norms`, and sets the others to 0.

        `most` is a scalar int32. If norms are equal, the first ones are kept.
        """
        flat = tf.reshape(tf.where(scale > 0.0, norms, 0.0), [-1, self.number])
        order = tf.argsort(flat, axis=1, direction="DESCENDING", stable=True)
        rank = tf.reshape(tf.argsort(order, axis=1, stable=True), tf.shape(scale))
        return tf.where(rank < most, scale, 0.0)
