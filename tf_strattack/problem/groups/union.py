"""Several sets of groups at once: rows and columns, boxes that overlap."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.checks import check_choice
from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.groups.base import GroupStructure
from tf_strattack.problem.groups.label_map import UNLABELLED
from tf_strattack.problem.groups.sliding_mask import as_structure
from tf_strattack.problem.groups.union_groups import UnionGroups


@dataclasses.dataclass(frozen=True)
class Union(GroupStructure):
    """The groups of several structures together. A pixel can be in one or more groups of each.

    Attributes:
      structures: two or more of them, or numbers for squares of that side.
      unlabelled: the treatment of pixels in no group: "free" changes them at the cost of the distortion alone, "fixed"
        never changes them. Pixels that one of the structures fixes stay fixed, too.

    Raises:
      InputError: fewer than two structures, or an unknown name.

    Example:
      >>> import tf_strattack as sa
      >>> cross = sa.groups.Union([sa.groups.rows(28, 28), sa.groups.columns(28, 28)])
      >>> cross.of(28, 28).number, cross.overlapping
      (56, True)
    """

    structures: Sequence[GroupStructure | int]
    unlabelled: str = "free"

    def __post_init__(self) -> None:
        """Checks the values."""
        check_choice("unlabelled", self.unlabelled, UNLABELLED)
        if isinstance(self.structures, str) or not isinstance(self.structures, Sequence) or len(self.structures) < 2:
            raise InputError(f"expected a sequence of at least two structures, received {self.structures!r}")
        object.__setattr__(self, "structures", tuple(as_structure(one) for one in self.structures))

    @property
    def overlapping(self) -> bool:
        """True."""
        return True

    def __getitem__(self, rows: Any) -> Union:
        """The groups of some of the images, if each image has its own."""
        return dataclasses.replace(self, structures=tuple(one[rows] for one in self._structures))

    def of(self, height: int, width: int) -> UnionGroups:
        """The groups of images of `height` x `width` pixels.

        Raises:
          InputError: structures that do not fit the image.
        """
        parts = tuple(one.of(height, width) for one in self._structures)
        whole = any(part.complete for part in parts)
        if not whole and not any(part.own for part in parts):
            held = functools.reduce(np.add, (np.asarray(part.multiplicity) for part in parts))
            whole = bool(held.all())
        return UnionGroups(height, width, parts, whole)

    def on(self, shape: Sequence[int]) -> UnionGroups:
        """The groups of an array of `shape` (N, H, W, C).

        Raises:
          InputError: structures that do not fit the array.
        """
        groups = self.of(*shape[1:3])
        return dataclasses.replace(groups, parts=tuple(one.on(shape) for one in self._structures))

    def placed(self, batch: Batch) -> Batch:
        """The `batch` with the regions of the structures, and a box of 0 for fixed pixels.

        Raises:
          InputError: structures that do not fit the images.
        """
        none, regions = batch.regions, []
        for one in self._structures:
            batch = one.placed(batch._replace(regions=none))
            if batch.regions.shape[3]:
                regions.append(batch.regions)
        batch = batch._replace(regions=tf.concat(regions, axis=3) if regions else none)
        if self.unlabelled == "free":
            return batch
        held = tf.cast(self.of(*batch.images.shape[1:3]).at(batch.regions).multiplicity > 0.0, tf.float32)
        return batch._replace(lower=batch.lower * held, upper=batch.upper * held)

    @property
    def _structures(self) -> tuple[GroupStructure, ...]:
        return tuple(as_structure(one) for one in self.structures)
