"""The groups of several structures in an image, one structure after the other."""

from __future__ import annotations

import dataclasses
import functools
import math

import tensorflow as tf

from tf_strattack.problem.groups.base import Groups
from tf_strattack.typing import Pixels


@dataclasses.dataclass(frozen=True)
class UnionGroups(Groups):
    """The groups of a `Union` in images of `height` x `width` pixels: an array (N, number, 1) has a value per group.

    The copies of each part stand one below the other in one column, (N, copies, 1, C).

    Attributes:
      height, width: the image's size in pixels.
      parts: the groups of each structure.
      whole: whether every pixel is in a group; False also if this depends on the images.
    """

    height: int
    width: int
    parts: tuple[Groups, ...]
    whole: bool

    @property
    def number(self) -> int:
        """The number of groups of all parts."""
        return sum(self._numbers)

    @property
    def overlapping(self) -> bool:
        """True."""
        return True

    @property
    def multiplicity(self) -> tf.Tensor:
        """m_j, the number of groups that hold pixel j: shape (1 or N, height, width, 1 or C)."""
        return functools.reduce(tf.add, (tf.convert_to_tensor(part.multiplicity) for part in self.parts))

    @property
    def complete(self) -> bool:
        """Whether every pixel is in a group."""
        return self.whole

    @property
    def side(self) -> float:
        """The side, in pixels, of a square with the average area of a group."""
        return math.sqrt(sum(part.number * part.side**2 for part in self.parts) / self.number)

    @property
    def weights(self) -> float | tf.Tensor:
        """The weight of the norm of each group: 1, or (1 or N, number, 1)."""
        own = [part.weights for part in self.parts]
        if all(isinstance(one, float) for one in own):
            return 1.0
        shaped = [tf.ones([1, part.number, 1]) * one for part, one in zip(self.parts, own, strict=True)]
        rows = functools.reduce(tf.maximum, (tf.shape(one)[0] for one in shaped))
        return tf.concat([tf.broadcast_to(one, [rows, *one.shape[1:]]) for one in shaped], axis=1)

    @property
    def own(self) -> int:
        """How many layers of `Batch.regions` belong to these groups."""
        return sum(part.own for part in self.parts)

    def at(self, regions: tf.Tensor) -> UnionGroups:
        """The groups of the examples of a batch with these `regions`."""
        if not self.own:
            return self
        layers = tf.split(regions, [part.own for part in self.parts], axis=3)
        return dataclasses.replace(self, parts=tuple(p.at(layer) for p, layer in zip(self.parts, layers, strict=True)))

    def gather(self, image: Pixels) -> tf.Tensor:
        """Copies each group's pixels: (N, height, width, C) → (N, copies, 1, C)."""
        return tf.concat([_column(part.gather(image)) for part in self.parts], axis=1)

    def scatter(self, copies: tf.Tensor) -> Pixels:
        """Sums the copies of each pixel, the adjoint of `gather`: (N, copies, 1, C) → (N, height, width, C)."""
        return tf.add_n([part.scatter(of_part) for part, of_part in self._copies(copies)])

    def norms(self, copies: tf.Tensor) -> tf.Tensor:
        """Computes the l2 norm of each group: (N, copies, 1, C) → (N, number, 1)."""
        return tf.concat([_column(part.norms(of_part)) for part, of_part in self._copies(copies)], axis=1)

    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """Repeats one value per group over its copies: (N, number, 1) → (N, copies, 1, 1 or C)."""
        spread = []
        for part, of_part in self._values(values):
            height, width = self._extent(part)
            over = part.spread(of_part)
            spread.append(_column(over * tf.ones([1, height, width, 1], over.dtype)))
        depth = max(one.shape[3] for one in spread)
        return tf.concat([one * tf.ones([1, 1, 1, depth], one.dtype) for one in spread], axis=1)

    def total(self, image: Pixels) -> tf.Tensor:
        """Sums over each group's pixels: (N, height, width, C) → (N, number, 1)."""
        return tf.concat([_column(part.total(image)) for part in self.parts], axis=1)

    def expand(self, values: tf.Tensor, channels: int) -> Pixels:
        """Sums, at each pixel, a value of every group that holds it: (N, number, 1) → (N, height, width, channels)."""
        return tf.add_n([part.expand(of_part, channels) for part, of_part in self._values(values)])

    @property
    def _numbers(self) -> list[int]:
        return [part.number for part in self.parts]

    def _extent(self, part: Groups) -> tuple[int, int]:
        """The height and width of the array of a part's copies."""
        height, width = part.gather(tf.zeros([1, self.height, self.width, 1])).shape[1:3]
        return height, width

    def _copies(self, copies: tf.Tensor) -> list[tuple[Groups, tf.Tensor]]:
        extents = [self._extent(part) for part in self.parts]
        columns = tf.split(copies, [math.prod(extent) for extent in extents], axis=1)
        return [
            (part, tf.reshape(column, [-1, *extent, copies.shape[3]]))
            for part, column, extent in zip(self.parts, columns, extents, strict=True)
        ]

    def _values(self, values: tf.Tensor) -> list[tuple[Groups, tf.Tensor]]:
        columns = tf.split(values, self._numbers, axis=1)
        return [(part, tf.reshape(column, [-1, *part.shape])) for part, column in zip(self.parts, columns, strict=True)]


def _column(values: tf.Tensor) -> tf.Tensor:
    """Copies (N, A, B, C) or values (N, P, Q) with their second and third axes merged."""
    return tf.reshape(values, [-1, values.shape[1] * values.shape[2], 1, *values.shape[3:]])
