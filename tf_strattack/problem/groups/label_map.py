"""Groups of any shape, from a map of integers: superpixels, objects, rows."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
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

# The treatments of pixels with a negative label.
UNLABELLED = ("free", "fixed")
# The weights of a group's norm.
WEIGHTS = ("equal", "size")

Labels = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, eq=False)
class LabelMap(GroupStructure):
    """Groups of any shape that do not overlap: the pixels with the same label.

    All channels of a pixel belong together, unless their labels differ.

    Attributes:
      labels: integers, (H, W) for all images or (N, H, W), one map for each; with a label for each channel (N, H, W,
        C), or (1, H, W, C) for all images. Pixels in no group have negative labels.
      unlabelled: "free" leaves those pixels out of every group, so that nothing makes them sparse; "fixed" never
        changes them.
      weights: the weight of a group's norm: "equal" for 1, or "size" for the root of its number of pixels, as in group
        lassos with groups of different sizes (Yuan and Lin, 2006).

    Raises:
      InputError: other shapes, values that are not integers, no label at all, or an unknown name.

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
        if given.ndim not in (2, 3, 4) or not given.size:
            raise InputError(f"expected labels of shape (H, W), (N, H, W) or (N, H, W, C), received {given.shape}")
        if not np.issubdtype(given.dtype, np.integer):
            raise InputError(f"expected labels that are integers, received {given.dtype}")
        if (given < 0).all():
            raise InputError("expected labels of at least one group, received negative ones alone")
        maps = given[None] if given.ndim == 2 else given
        numbered = np.stack([_numbered(one) for one in maps])
        object.__setattr__(self, "labels", numbered[0] if given.ndim == 2 else numbered)

    def __getitem__(self, rows: Any) -> LabelMap:
        """The maps of some of the images; one map for all is unchanged."""
        return dataclasses.replace(self, labels=self.labels[rows]) if self._each else self

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
        """The values for records: everything except the labels, which are represented by shape and checksum."""
        digest, shape, unlabelled, weights = self._key
        return {"labels": {"shape": list(shape), "sha256": digest}, "unlabelled": unlabelled, "weights": weights}

    @property
    def overlapping(self) -> bool:
        """False: an entry has one label."""
        return False

    @property
    def number(self) -> int:
        """The largest number of groups in an image."""
        return int(self.labels.max()) + 1

    @property
    def _each(self) -> bool:
        """Whether each image has its own map."""
        return self.labels.ndim == 3 or (self.labels.ndim == 4 and len(self.labels) > 1)

    @property
    def _layers(self) -> Labels:
        """The labels (1 or N, H, W, 1 or C)."""
        return {2: self.labels[None, ..., None], 3: self.labels[..., None], 4: self.labels}[self.labels.ndim]

    def of(self, height: int, width: int) -> Groups:
        """The groups of images of `height` x `width` pixels; if each image has a map, `on` or `at` add the labels.

        A map of adjacent squares becomes the equivalent mask, whose sums are faster.

        Raises:
          InputError: images of another size.
        """
        layers = self._layers
        if layers.shape[1:3] != (height, width):
            raise InputError(f"expected labels for images of {height} x {width} pixels, received {self.labels.shape}")
        if (squares := self._squares) is not None:
            return squares
        _, height, width, depth = layers.shape
        inside = layers >= 0
        area = float(inside.sum() / len(layers) / self.number)
        key = ("each image", layers.shape[1:]) if self._each else self._key[0]
        labels = None if self._each else layers
        by_size = self.weights == "size"
        return LabelGroups(height, width, depth, self.number, bool(inside.all()), by_size, key, area, labels)

    @functools.cached_property
    def _squares(self) -> Groups | None:
        """The groups of the mask that has the same squares, if there is one."""
        if self.labels.ndim != 2 or self.weights != "equal" or (self.labels < 0).any():
            return None
        height, width = self.labels.shape
        size = int(np.argmax(self.labels[0] != self.labels[0, 0])) or min(height, width)
        if size > min(height, width):
            return None
        across = -(-width // size)
        grid = np.arange(height)[:, None] // size * across + np.arange(width)[None] // size
        return SlidingMask(size).of(height, width) if np.array_equal(grid, self.labels) else None

    def on(self, shape: Sequence[int]) -> Groups:
        """The groups of an array of `shape` (N, H, W, C).

        Raises:
          InputError: images of another size, other channels, or different numbers of images and maps.
        """
        groups = self.of(*shape[1:3])
        self._check_channels(shape[3])
        if not self._each:
            return groups
        if len(self.labels) != shape[0]:
            raise InputError(f"expected labels of {shape[0]} images, received {self.labels.shape}")
        return groups.at(tf.constant(self._layers))

    def placed(self, batch: Batch) -> Batch:
        """The `batch` with the maps of its images, and a box of 0 for fixed pixels.

        Raises:
          InputError: images of another size, other channels, or fewer maps than the caller has images.
        """
        self.of(*batch.images.shape[1:3])
        self._check_channels(batch.images.shape[3])
        layers = self._layers
        if self._each:
            places = batch.positions.numpy()
            if places.max() >= len(self.labels):
                raise InputError(f"expected labels of at least {places.max() + 1} images, received {self.labels.shape}")
            layers = layers[places]
            batch = batch._replace(regions=tf.constant(layers))
        if self.unlabelled == "free":
            return batch
        kept = tf.constant((layers >= 0).astype(np.float32))
        return batch._replace(lower=batch.lower * kept, upper=batch.upper * kept)

    def _check_channels(self, channels: int) -> None:
        if self.labels.ndim == 4 and self.labels.shape[3] != channels:
            height, width = self.labels.shape[1:3]
            raise InputError(
                f"expected labels of shape (N, {height}, {width}, {channels}), received {self.labels.shape}"
            )


def _numbered(labels: npt.NDArray[Any]) -> Labels:
    """The labels of one map (H, W) or (H, W, C), renumbered from 0 in their order; -1 for negative ones."""
    present, numbers = np.unique(labels, return_inverse=True)
    return (numbers.reshape(labels.shape) - np.count_nonzero(present < 0)).clip(-1).astype(np.int32)
