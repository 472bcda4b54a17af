"""What the margin of a random draw stays below with some probability, by the margins of a few samples."""

from __future__ import annotations

import functools
import math

import scipy.stats
import tensorflow as tf

from tf_strattack.typing import Rows

# How sure the bound is, of each candidate: the best is chosen among many.
_SURE = 0.99
# Of a variance, in squared logits, so that a root has a slope.
_LEAST = 1e-6


@functools.cache
def tolerance_factor(samples: int, share: float) -> float:
    """How many standard deviations above the mean of so many samples a share of all draws stays, 99 % surely.

    The one-sided tolerance factor of a normal distribution, for the deviation with the number of samples in its
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
