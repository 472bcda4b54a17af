"""Groups of any shape: superpixels, objects, rows, whatever a map of integers says."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_choice
from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.groups.base import Groups, GroupStructure
from tf_strattack.problem.groups.label_groups import LabelGroups
from tf_strattack.problem.groups.sliding_mask import SlidingMask

# What happens to pixels with a negative label.
UNLABELLED = ("free", "fixed")
# What the norm of a group counts.
WEIGHTS = ("equal", "size")

Labels = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, eq=False)
class LabelMap(GroupStructure):
    """Groups of any shape that do not overlap: the pixels of one label, all channels together.

    Attributes:
      labels: integers, (H, W) for all images or (N, H, W), one map for each; negative for pixels in no group.
      unlabelled: "free" leaves those pixels out of every group, so that nothing makes them sparse; "fixed" never
        changes them.
      weights: what the norm of a group counts: "equal", 1, or "size", the root of its number of pixels, as group lassos
        with groups of different sizes have it (Yuan and Lin, 2006).

    Raises:
      InputError: other shapes, values that are no integers, no label at all, or an unknown name.

    Example:
      >>> import numpy as np
      >>> import tf_strattack as sa
      >>> halves = sa.LabelMap(np.repeat([[0] * 14 + [1] * 14], 28, axis=0))
      >>> halves.of(28, 28).number
      2
    """

    labels: Any
    unlabelled: str = "free"
    weights: str = "equal"

    def __post_init__(self) -> None:
        """Checks the values, and numbers the labels of each map from 0."""
        check_choice("unlabelled", self.unlabelled, UNLABELLED)
        check_choice("weights", self.weights, WEIGHTS)
        given = np.asarray(self.labels)
        if given.ndim not in (2, 3) or not given.size:
            raise InputError(f"expected labels of shape (H, W) or (N, H, W), received {given.shape}")
        if not np.issubdtype(given.dtype, np.integer):
            raise InputError(f"expected labels that are integers, received {given.dtype}")
        if (given < 0).all():
            raise InputError("expected labels of at least one group, received negative ones alone")
        maps = given if given.ndim == 3 else given[None]
        numbered = np.stack([_numbered(one) for one in maps])
        object.__setattr__(self, "labels", numbered if given.ndim == 3 else numbered[0])

    def __getitem__(self, rows: Any) -> LabelMap:
        """The maps of some of the images; one map for all stays."""
        return dataclasses.replace(self, labels=self.labels[rows]) if self.labels.ndim == 3 else self

    def __eq__(self, other: object) -> bool:
        """Whether another structure is the same map with the same options."""
        return isinstance(other, LabelMap) and self._key == other._key

    def __hash__(self) -> int:
        """The hash of map and options."""
        return hash(self._key)

    def __repr__(self) -> str:
        """The shape in place of the labels."""
        return f"LabelMap({self.number} groups, {self.labels.shape}, {self.unlabelled!r}, {self.weights!r})"

    @functools.cached_property
    def _key(self) -> tuple[str, tuple[int, ...], str, str]:
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).tobytes()).hexdigest()
        return digest, self.labels.shape, self.unlabelled, self.weights

    @property
    def record(self) -> dict[str, Any]:
        """What records hold of it: everything but the labels, of which they have shape and checksum."""
        digest, shape, unlabelled, weights = self._key
        return {"labels": {"shape": list(shape), "sha256": digest}, "unlabelled": unlabelled, "weights": weights}

    @property
    def overlapping(self) -> bool:
        """False: a pixel has one label."""
        return False

    @property
    def number(self) -> int:
        """The most groups that an image has."""
        return int(self.labels.max()) + 1

    def of(self, height: int, width: int) -> Groups:
        """The groups of images of `height` x `width` pixels; those of maps for each image get them by `on` or `at`.

        A map of squares next to each other is the mask that makes them, whose sums are faster.

        Raises:
          InputError: images of another size.
        """
        if self.labels.shape[-2:] != (height, width):
            raise InputError(f"expected labels for images of {height} x {width} pixels, received {self.labels.shape}")
        if (squares := self._squares) is not None:
            return squares
        each = self.labels.ndim == 3
        key = ("each image", self.labels.shape[1:]) if each else self._key[0]
        one = None if each else self.labels[None]
        complete = bool((self.labels >= 0).all())
        return LabelGroups(height, width, self.number, complete, self.weights == "size", key, one)

    @functools.cached_property
    def _squares(self) -> Groups | None:
        """The groups of the mask that has the same squares, if there is one."""
        if self.labels.ndim == 3 or self.weights != "equal" or (self.labels < 0).any():
            return None
        height, width = self.labels.shape
        size = int(np.argmax(self.labels[0] != self.labels[0, 0])) or min(height, width)
        if size > min(height, width):
            return None
        across = -(-width // size)
        grid = np.arange(height)[:, None] // size * across + np.arange(width)[None] // size
        return SlidingMask(size).of(height, width) if np.array_equal(grid, self.labels) else None

    def on(self, images: int, height: int, width: int) -> Groups:
        """The groups of an array (N, `height`, `width`, C) of so many `images`.

        Raises:
          InputError: images of another size, or another number of them than of maps.
        """
        groups = self.of(height, width)
        if not isinstance(groups, LabelGroups) or groups.labels is not None:
            return groups
        if len(self.labels) != images:
            raise InputError(f"expected labels of {images} images, received {self.labels.shape}")
        return dataclasses.replace(groups, labels=tf.constant(self.labels))

    def placed(self, batch: Batch) -> Batch:
        """The `batch` with the maps of its images, and without changes where nothing may change.

        Raises:
          InputError: images of another size, or fewer maps than the caller has images.
        """
        self.of(*batch.images.shape[1:3])
        maps = self.labels[None]
        if self.labels.ndim == 3:
            places = batch.positions.numpy()
            if places.max() >= len(self.labels):
                raise InputError(f"expected labels of at least {places.max() + 1} images, received {self.labels.shape}")
            maps = self.labels[places]
            batch = batch._replace(regions=tf.constant(maps))
        if self.unlabelled == "free":
            return batch
        kept = tf.constant((maps >= 0).astype(np.float32)[..., None])
        return batch._replace(lower=batch.lower * kept, upper=batch.upper * kept)


def _numbered(labels: npt.NDArray[Any]) -> Labels:
    """The labels of one map (H, W), from 0 in their order; -1 for negative ones."""
    present, numbers = np.unique(labels, return_inverse=True)
    return (numbers.reshape(labels.shape) - np.count_nonzero(present < 0)).clip(-1).astype(np.int32)
