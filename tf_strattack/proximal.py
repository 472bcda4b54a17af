"""The sub-problems of ADMM that have closed solutions, one pure function each.

Every docstring states the minimisation that the function solves. Symbols are the paper's
(arXiv 1808.01664): `rho` is the penalty of ADMM, `gamma` and `tau` weigh distortion and group sparsity.
"""

from __future__ import annotations

import math

import tensorflow as tf


def squared_l2(a: tf.Tensor, gamma: tf.Tensor, rho: tf.Tensor) -> tf.Tensor:
    """Solves argmin_d gamma ||d||_2^2 + rho/2 ||d - a||_2^2, eq. (10).

    `rho` broadcasts against `a`, and so may differ by example.
    """
    return rho / (rho + 2.0 * gamma) * a


def box(b: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
    """Solves argmin_w ||w - b||_2^2 subject to lower <= w <= upper, eq. (11)."""
    return tf.clip_by_value(b, lower, upper)


def group_l2_scale(norms: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Solves argmin_y threshold ||y||_2 + 1/2 ||y - c||_2^2 for a group c, eq. (12).

    The solution is c times the factor that is returned.

    Args:
      norms: ||c||_2 of each group.
      threshold: tau/rho, broadcast against `norms`.

    Returns:
      (1 - threshold/||c||)_+, of the shape of `norms`; 0 where the norm is 0 (also at threshold 0).
    """
    return tf.math.divide_no_nan(tf.nn.relu(norms - threshold), norms)


def group_l2_half_scale(norms: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Solves argmin_y threshold ||y||_2^(1/2) + 1/2 ||y - c||_2^2 for a group c.

    Half thresholding of the group's norm (Xu et al., "L1/2 regularization", 2012, with their
    lambda = 2 threshold): with phi = arccos(threshold/4 (||c||/3)^(-3/2)) the norm becomes
    2/3 ||c|| (1 + cos(2/3 (pi - phi))), and 0 for ||c|| <= 1.5 threshold^(2/3).

    Args and returns: as `group_l2_scale`.
    """
    kept = norms > 1.5 * tf.pow(threshold, 2.0 / 3.0)
    safe = tf.where(kept, norms, tf.ones_like(norms))
    # Rounding can carry the argument a hair above its bound of 2^(-1/2); where `kept` is False it is unused.
    argument = tf.where(kept, threshold / 4.0 * tf.pow(safe / 3.0, -1.5), tf.zeros_like(norms))
    phi = tf.acos(tf.clip_by_value(argument, 0.0, 1.0))
    scale = 2.0 / 3.0 * (1.0 + tf.cos(2.0 / 3.0 * (math.pi - phi)))
    return tf.where(kept, scale, tf.zeros_like(scale))


# `penalty=` of the attack → (factor of the group shrinkage, the norm's power in the objective).
GROUP_PENALTIES = {"l2": (group_l2_scale, 1.0), "l2_half": (group_l2_half_scale, 0.5)}
