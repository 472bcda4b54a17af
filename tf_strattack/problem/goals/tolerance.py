"""An upper bound of the margin of most random draws, from the margins of a few samples."""

from __future__ import annotations

import functools
import math

import scipy.stats
import tensorflow as tf

from tf_strattack.typing import Rows

# The certainty of the bound for each candidate; it is high, as the best is chosen among many.
_SURE = 0.99
# Added to a variance, in squared logits, so that its root has a slope.
_LEAST = 1e-6


@functools.cache
def tolerance_factor(samples: int, share: float) -> float:
    """The bound of a share of all draws, with 99 % certainty, in standard deviations above the mean of the samples.

    It is the one-sided tolerance factor of a normal distribution, for the deviation with the number of samples as
    denominator.
    """
    noncentrality = scipy.stats.norm.ppf(share) * math.sqrt(samples)
    return float(scipy.stats.nct.ppf(_SURE, samples - 1, noncentrality) / math.sqrt(samples - 1))


def bound(margins: tf.Tensor, factor: float) -> Rows:
    """The mean of margins (N, S) plus `factor` standard deviations: (N,)."""
    mean = tf.reduce_mean(margins, axis=1, keepdims=True)
    return (mean + factor * _spread(margins - mean))[:, 0]


def slopes_of_bound(margins: tf.Tensor, factor: float) -> tf.Tensor:
    """The derivatives of `bound` by margins (N, S), times S: a mean of gradients with these weights is its gradient."""
    deviations = margins - tf.reduce_mean(margins, axis=1, keepdims=True)
    return 1.0 + factor * deviations / _spread(deviations)


def _spread(deviations: tf.Tensor) -> tf.Tensor:
    """The standard deviation (N, 1) of deviations (N, S), above 0."""
    return tf.sqrt(tf.reduce_mean(tf.square(deviations), axis=1, keepdims=True) + _LEAST)
