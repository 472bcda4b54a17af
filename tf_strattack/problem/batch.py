"""The examples that are attacked together, and the box of each perturbation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.runtime.rows import positions_of
from tf_strattack.typing import Classes, Images, Pixels, Rows


class Batch(NamedTuple):
    """The values that stay fixed during the attack on N examples.

    Attributes:
      images: (N, H, W, C) originals in the classifier's scale.
      classes: (N,) int32, the targets or (untargeted) the true labels.
      lower, upper: (N, H, W, C) the box of eq. (11) for the perturbations, in [0, 1] scale.
      positions: (N,) int32 places of the images in the caller's array, for networks with a further input per image.
      regions: the groups of each pixel, if the images have maps of their own, int32: (N, H, W, L), with a layer for
        each map, or for each channel of one; else (N, 1, 1, 0).
      weights: the weight of the norm of each group, (N, P, Q), or (N, 1, 1) if all are equal.
    """

    images: Pixels
    classes: Rows
    lower: Pixels
    upper: Pixels
    positions: Rows
    regions: tf.Tensor
    weights: tf.Tensor

    @classmethod
    def build(
        cls,
        bounds: tuple[float, float],
        images: Images,
        classes: Classes,
        mask: Images,
        *,
        epsilon: float | None,
        positions: npt.NDArray[np.int32] | None = None,
    ) -> Batch:
        """Makes the batch of images within `bounds`; outside `mask` (1 where changes are allowed) the box is 0.

        If `positions` (N,) is None, these are all images of the caller.
        """
        positions = positions_of(images) if positions is None else positions
        low, high = bounds
        unit = (images - np.float32(low)) / np.float32(high - low)
        cap = np.float32(1.0 if epsilon is None else epsilon)
        lower, upper = np.maximum(-unit, -cap) * mask, np.minimum(1 - unit, cap) * mask
        weights = np.ones((len(images), 1, 1), np.float32)
        regions = np.zeros((len(images), 1, 1, 0), np.int32)
        return cls(*(tf.constant(part) for part in (images, classes, lower, upper, positions, regions, weights)))
