"""The sliding mask: which pixels form a group, and each group's own copy of its pixels (section 2, eq. (1)).

A mask of size r x r x C slides over an image with stride S. If S < r, groups overlap, and every group works on a copy
of its pixels. All copies of an image lie in one array of shape (N, P r, Q r, C): block (p, q) holds the pixels of the
group in row p and column q. Everything here is separable, rows first, then columns.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_choice, check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.groups.base import Groups, GroupStructure
from tf_strattack.typing import Pixels

BORDERS = ("cover", "drop")


@dataclasses.dataclass(frozen=True)
class SlidingMask(GroupStructure):
    """Squares of pixels, at regular steps: the paper's groups. All channels of a pixel belong together.

    Attributes:
      size: the side r of the mask in pixels.
      stride: its step S in pixels, at most `size`, so that no pixel between groups is left out; below `size` groups
        overlap. None for `size`.
      border: "cover" cuts the last row and column of groups at the edge, so that every pixel is in a
        group; "drop" is the paper's rule, P = floor((height - r)/S) + 1, and leaves a border without a group if (height
        - r)/S is not whole. Such pixels are never made sparse.

    Raises:
      InputError: a size below 1, a stride outside [1, size], an unknown border.

    Example:
      >>> import tf_strattack as sa
      >>> sa.SlidingMask(3, stride=2)
      SlidingMask(size=3, stride=2, border='cover')
      >>> sa.SlidingMask(2).of(28, 28).number
      196
    """

    size: int = 2
    stride: int | None = None
    border: str = "cover"

    def __post_init__(self) -> None:
        """Checks the values."""
        check_count("group_size", self.size)
        if self.stride is None:
            object.__setattr__(self, "stride", self.size)
        check_count("stride", self.stride)
        check_number("stride", self.stride, 1, self.size)
        check_choice("border", self.border, BORDERS)

    @property
    def overlapping(self) -> bool:
        """Whether a pixel can be in several groups."""
        return self.stride != self.size

    def of(self, height: int, width: int) -> SlidingGroups:
        """The groups of images of `height` x `width` pixels.

        Raises:
          InputError: a mask larger than the image.
        """
        side = min(height, width)
        if self.size > side:
            raise InputError(f"expected group_size from 1 to the image's shorter side {side}, received {self.size}")
        return SlidingGroups(height, width, self.size, self.stride or self.size, self.border)


def as_structure(groups: Any) -> GroupStructure:
    """`groups` itself, or squares next to each other if it is a number, their side.

    Raises:
      InputError: anything else.
    """
    if isinstance(groups, GroupStructure):
        return groups
    if isinstance(groups, int | np.integer) and not isinstance(groups, bool):
        return SlidingMask(int(groups))
    raise InputError(f"expected groups to be a mask such as SlidingMask(3, stride=2), received {groups!r}")


@dataclasses.dataclass(frozen=True)
class SlidingGroups(Groups):
    """The groups of a `SlidingMask` in images of `height` x `width` pixels.

    Attributes:
      height, width: the image's size in pixels.
      size, stride, border: those of the mask.
    """

    height: int
    width: int
    size: int
    stride: int
    border: str = "cover"

    @property
    def overlapping(self) -> bool:
        """Whether a pixel can be in several groups."""
        return self.stride < self.size

    @functools.cached_property
    def shape(self) -> tuple[int, int]:
        """The numbers (P, Q) of groups along the height and the width."""
        return self._count(self.height), self._count(self.width)

    @property
    def number(self) -> int:
        """The number of groups, P Q."""
        return self.shape[0] * self.shape[1]

    @functools.cached_property
    def multiplicity(self) -> npt.NDArray[np.float32]:
        """m_j, the number of groups that hold pixel j: shape (1, height, width, 1)."""
        rows, columns = (self._axis(extent)[2] for extent in (self.height, self.width))
        return np.outer(rows, columns)[None, :, :, None].astype(np.float32)

    def gather(self, image: Pixels) -> tf.Tensor:
        """Copies each group's pixels: (N, height, width, C) → (N, P r, Q r, C), 0 beyond the edge."""
        return self._take(self._take(image, self.height, axis=1), self.width, axis=2)

    def scatter(self, copies: tf.Tensor) -> Pixels:
        """Sums the copies of each pixel, the adjoint of `gather`: (N, P r, Q r, C) → (N, height, width, C)."""
        return self._sum(self._sum(copies, self.width, axis=2), self.height, axis=1)

    def norms(self, copies: tf.Tensor) -> tf.Tensor:
        """Computes the l2 norm of each group: (N, P r, Q r, C) → (N, P, Q)."""
        (p, q), r = self.shape, self.size
        squares = tf.square(copies)
        columns = tf.reduce_sum(tf.reshape(squares, [-1, p * r, q, r * copies.shape[-1]]), axis=-1)
        return tf.sqrt(tf.reduce_sum(tf.reshape(columns, [-1, p, r, q]), axis=2))

    def spread(self, values: tf.Tensor) -> tf.Tensor:
        """Repeats one value per group over its copies: (N, P, Q) → (N, P r, Q r, 1)."""
        (p, q), r = self.shape, self.size
        blocks = tf.broadcast_to(values[:, :, None, :, None], tf.stack([tf.shape(values)[0], p, r, q, r]))
        return tf.reshape(blocks, [-1, p * r, q * r, 1])

    def total(self, image: Pixels) -> tf.Tensor:
        """Sums over each group's pixels: (N, height, width, C) → (N, P, Q), without making copies.

        It uses products with matrices of zeros and ones, which are several times faster than sums over short axes.
        """
        (p, q), channels = self.shape, image.shape[-1]
        if self._exact:
            return tf.reshape(
                tf.matmul(self._bands(image), self._of_bands(channels, image.dtype), transpose_b=True), [-1, p, q]
            )
        columns = tf.constant(np.repeat(self._members(self.width), channels, axis=1).T, image.dtype)
        sums = tf.matmul(tf.reshape(image, [-1, self.width * channels]), columns)
        return tf.matmul(self._matrix(self.height, sums.dtype), tf.reshape(sums, [-1, self.height, q]))

    def expand(self, values: tf.Tensor, channels: int) -> Pixels:
        """Sums, at each pixel, one value of every group that holds it: (N, P, Q) → (N, height, width, C).

        The adjoint of `total`.
        """
        (p, q), width = self.shape, self.width * channels
        if self._exact:
            wide = tf.matmul(tf.reshape(values, [-1, q]), self._of_bands(channels, values.dtype))
        else:
            columns = tf.constant(np.repeat(self._members(self.width), channels, axis=1), values.dtype)
            wide = tf.reshape(tf.matmul(tf.reshape(values, [-1, q]), columns), [-1, p, width])
            wide = tf.matmul(self._matrix(self.height, wide.dtype), wide, transpose_a=True)
        return tf.reshape(wide, [-1, self.height, self.width, channels])

    @property
    def _exact(self) -> bool:
        """Whether the groups are squares that fill the image."""
        return not self.overlapping and not self.height % self.size and not self.width % self.size

    def _bands(self, image: Pixels) -> tf.Tensor:
        """The rows of each row of groups in one: (N, height, width, C) → (N P, r width C)."""
        return tf.reshape(image, [-1, self.size * self.width * image.shape[-1]])

    def _of_bands(self, channels: int, dtype: tf.DType) -> tf.Tensor:
        """The entries of a band in each of its groups, as zeros and ones: (Q, r width C)."""
        return tf.constant(np.tile(np.repeat(self._members(self.width), channels, axis=1), self.size), dtype)

    def _count(self, extent: int) -> int:
        beyond = extent - self.size
        return (-(-beyond // self.stride) if self.border == "cover" else beyond // self.stride) + 1

    def _members(self, extent: int) -> npt.NDArray[np.float32]:
        """For one axis: the pixels (columns) of each group (rows), as zeros and ones."""
        starts = np.arange(self._count(extent))[:, None] * self.stride
        pixels = np.arange(extent)[None]
        return ((pixels >= starts) & (pixels < starts + self.size)).astype(np.float32)

    def _matrix(self, extent: int, dtype: tf.DType) -> tf.Tensor:
        return tf.constant(self._members(extent), dtype)[None]

    def _axis(self, extent: int) -> tuple[Any, Any, Any]:
        """For one axis: the pixel of each copy, the copies of each pixel, and how many those are.

        The first two are index tables. Entries beyond the edge, and those of pixels with fewer copies than others,
        point one past the end, where a zero is added.
        """
        count = self._count(extent)
        pixels = (np.arange(count)[:, None] * self.stride + np.arange(self.size)).reshape(-1)
        pixels = np.minimum(pixels, extent)
        members = [np.flatnonzero(pixels == pixel) for pixel in range(extent)]
        multiplicity = np.array([len(member) for member in members])
        copies = np.full((extent, max(1, multiplicity.max())), len(pixels))
        for pixel, member in enumerate(members):
            copies[pixel, : len(member)] = member
        return pixels, copies, multiplicity

    def _take(self, image: tf.Tensor, extent: int, axis: int) -> tf.Tensor:
        pixels, _, _ = self._axis(extent)
        if self.stride == self.size:  # the copies are the pixels in order: no need to gather
            return _resized(image, axis, extent, len(pixels))
        return tf.gather(_resized(image, axis, extent, extent + 1), pixels, axis=axis)

    def _sum(self, copies: tf.Tensor, extent: int, axis: int) -> tf.Tensor:
        pixels, table, _ = self._axis(extent)
        if self.stride == self.size:
            return _resized(copies, axis, len(pixels), extent)
        padded = _resized(copies, axis, len(pixels), len(pixels) + 1)
        return functools.reduce(tf.add, [tf.gather(padded, column, axis=axis) for column in table.T])


def _resized(values: tf.Tensor, axis: int, length: int, wanted: int) -> tf.Tensor:
    """Cuts or zero-pads `axis`, which has `length` entries, at its end."""
    if wanted > length:
        return tf.pad(values, [[0, wanted - length if i == axis else 0] for i in range(4)])
    return values[:, :wanted] if axis == 1 else values[:, :, :wanted]
