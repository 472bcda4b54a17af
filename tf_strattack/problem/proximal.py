"""The sub-problems of ADMM with closed solutions, one pure function each.

Every docstring states the minimisation that the function solves. Symbols are the paper's
(arXiv 1808.01664): `rho` is the penalty of ADMM, `gamma` and `tau` weigh distortion and group sparsity.
"""

from __future__ import annotations

import tensorflow as tf

# Bisections of a level: enough for the precision of float32.
_LEVEL_STEPS = 24


def l1(a: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Solves argmin_d threshold ||d||_1 + 1/2 ||d - a||_2^2: soft thresholding."""
    return a - tf.clip_by_value(a, -threshold, threshold)


def l0(a: tf.Tensor, threshold: tf.Tensor, lower: tf.Tensor | float, upper: tf.Tensor | float) -> tf.Tensor:
    """Solves argmin_d threshold ||d||_0 + 1/2 ||d - a||_2^2 subject to lower <= d <= upper, which hold 0.

    Each entry is the nearest point of the box, or 0 if that point saves less than the threshold.
    """
    nearest = box(a, lower, upper)
    return tf.where(nearest * (a - 0.5 * nearest) > threshold, nearest, tf.zeros_like(a))


def linf(a: tf.Tensor, threshold: tf.Tensor, lower: tf.Tensor | float, upper: tf.Tensor | float) -> tf.Tensor:
    """Solves argmin_d threshold ||d||_inf + 1/2 ||d - a||_2^2 subject to lower <= d <= upper, which hold 0.

    The solution is `a` clipped at some level and then to the box. A slightly lower level increases the square by the
    sum of the excesses above it, over the entries that reach it; at the solution this sum equals the threshold. The sum
    jumps if an entry meets the box, so the level is found by bisection.

    Args:
      a: (N, H, W, C).
      threshold: (N, 1, 1, 1) or a scalar.
      lower, upper: broadcast against `a`.
    """
    size = tf.abs(a)
    reach = tf.abs(box(a, lower, upper))
    high = tf.reduce_max(reach, axis=[1, 2, 3], keepdims=True)
    low = tf.zeros_like(high)
    for _ in range(_LEVEL_STEPS):
        level = 0.5 * (low + high)
        above = tf.reduce_sum(tf.where(reach > level, size - level, 0.0), axis=[1, 2, 3], keepdims=True)
        low, high = tf.where(above > threshold, level, low), tf.where(above > threshold, high, level)
    # If even the whole sum is below the threshold, the level is exactly 0.
    level = tf.where(low > 0.0, high, tf.zeros_like(high))
    return box(box(a, -level, level), lower, upper)


def box(b: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
    """Solves argmin_w ||w - b||_2^2 subject to lower <= w <= upper, eq. (11)."""
    return tf.clip_by_value(b, lower, upper)


def group_l2_scale(norms: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Solves argmin_y threshold ||y||_2 + 1/2 ||y - c||_2^2 for a group c, eq. (12).

    The solution is c times the returned factor.

    Args:
      norms: ||c||_2 of each group.
      threshold: tau/rho, broadcast against `norms`.

    Returns:
      (1 - threshold/||c||)_+, of the shape of `norms`; 0 if the norm is 0 (also at threshold 0).
    """
    return tf.math.divide_no_nan(tf.nn.relu(norms - threshold), norms)


def group_l2_half_scale(norms: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Solves argmin_y threshold ||y||_2^(1/2) + 1/2 ||y - c||_2^2 for a group c.

    Half thresholding of the group's norm (Xu et al., "L1/2 regularization", 2012, with their
    lambda = 2 threshold): 0 for ||c|| <= 1.5 threshold^(2/3), else the larger stationary point. Its root s
    is the largest solution of s^3 - ||c|| s + threshold/2 = 0. Their cosine is one way to write it; Newton's
    iteration from the right is exact to rounding after six steps, and its arithmetic, unlike that of
    powers and cosines, gives the same bits at every place of a batch.

    Args and returns: as in `group_l2_scale`.
    """
    kept = norms * norms * norms > 3.375 * threshold * threshold
    norm = tf.where(kept, norms, tf.ones_like(norms))
    half = tf.where(kept, 0.5 * threshold * tf.ones_like(norms), tf.zeros_like(norms))
    root = tf.sqrt(norm)
    for _ in range(6):
        root -= ((root * root - norm) * root + half) / (3.0 * root * root - norm)
    return tf.where(kept, root * root / norm, tf.zeros_like(norms))


# `penalty=` of the attack → (factor of the group shrinkage, the term of each norm in the objective).
GROUP_PENALTIES = {"l2": (group_l2_scale, tf.identity), "l2_half": (group_l2_half_scale, tf.sqrt)}
