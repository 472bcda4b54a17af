"""The penalty, the distortion and the box in one proximal operator, as the default solver needs them.

A `Prox` maps (x, L) to argmin_d tau/L sum_i ||d_i||_2 + gamma/L R(d) + 1/2 ||d - x||_2^2 within the box, for x
(N, H, W, C) and the curvature L (N, 1, 1, 1), in which the squared l2 norm is already (see `Distortion`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.problem.goal import Problem
from tf_strattack.solvers.admm import Structure
from tf_strattack.solvers.zstep import Weights

Prox = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def prox_of(structure: Structure, problem: Problem, weights: Weights) -> Prox:
    """The proximal operator of a problem: of its groups, if it has any, after that of the distortion's rest.

    The order is exact for l1 and groups that do not overlap (Yuan et al. 2011, "Efficient methods for overlapping group
    lasso", theorem 1), and an approximation otherwise.
    """
    distortion = DISTORTIONS[structure.distortion]

    def shrink(x: tf.Tensor, curvature: tf.Tensor, lower: tf.Tensor | float, upper: tf.Tensor | float) -> tf.Tensor:
        return distortion.shrink(x, weights.gamma / curvature, weights.beta, lower, upper)

    if not structure.grouped:
        return lambda x, curvature: shrink(x, curvature, problem.lower, problem.upper)
    groups = group_prox(structure, problem, weights)
    if structure.distortion == "l2":  # nothing is left to shrink
        return groups
    return lambda x, curvature: groups(shrink(x, curvature, -math.inf, math.inf), curvature)


def group_prox(structure: Structure, problem: Problem, weights: Weights) -> Prox:
    """The proximal operator of the group penalty within the box.

    Each group's factor comes from its norm over the entries that can move in the direction of x, which makes it
    exact where the box has 0 on its boundary (pixels that are black or white) and no change reaches the other
    side. Where groups overlap it is an approximation: a pixel in groups of factors s_i gets 1/(1 + sum_i (1/s_i - 1)),
    what the stationarity of a sum of norms asks for, and 0 if one is 0; a second pass takes the norms that the
    others' shrinkage leaves.
    """
    groups, channels = structure.groups, problem.images.shape[-1]
    overlap = groups.stride < groups.size
    shrink, _ = proximal.GROUP_PENALTIES[structure.penalty]
    # A side without room stays without, any other is as good as endless.
    lowest, highest = problem.lower * 1e6, problem.upper * 1e6

    def factors(norms: tf.Tensor, threshold: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scale = shrink(norms, threshold)
        if structure.limited:
            scale = groups.limit(scale, norms, weights.max_groups)
        if overlap:
            pixels = _inverse(1.0 + groups.expand(_inverse(tf.maximum(scale, 1e-12)) - 1.0, channels))
            pixels = tf.where(pixels > 1e-9, pixels, 0.0)
        else:
            pixels = groups.expand(scale, channels)
        if not groups.multiplicity.all():  # no group, no shrinkage
            pixels = tf.where(tf.constant(groups.multiplicity) > 0.0, pixels, 1.0)
        return scale, pixels

    def prox(x: tf.Tensor, curvature: tf.Tensor) -> tf.Tensor:
        threshold = weights.tau / curvature[:, :, :, 0]
        movable = tf.clip_by_value(x, lowest, highest)
        scale, pixels = factors(tf.sqrt(groups.total(tf.square(movable))), threshold)
        if overlap:
            left = tf.sqrt(groups.total(tf.square(movable * pixels)))
            _, pixels = factors(tf.math.divide_no_nan(left, scale), threshold)
        return proximal.box(x * pixels, problem.lower, problem.upper)

    return prox


def _inverse(values: tf.Tensor) -> tf.Tensor:
    """1 / values. Of a quotient TensorFlow makes a reciprocal, whose last bit depends on the place in the batch."""
    return tf.math.divide_no_nan(tf.ones_like(values), values)
