"""Half-spaces that must hold an iterate, and the multiplier that brings it into one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.solvers.stepping import column, total
from tf_strattack.typing import Pixels, Rows

_ROOT_STEPS = 3
_INFINITE = 1e30


class Multiplier(NamedTuple):
    """The result of the last iteration for a cut.

    Attributes:
      weight: lambda, the multiplier, (N,).
      slope: how fast the cut's value falls with the multiplier, (N,); 0 if unknown.
    """

    weight: Rows
    slope: Rows


class Cut(NamedTuple):
    """A half-space normal^T d + offset <= 0.

    Attributes:
      normal: (N, H, W, C).
      offset: (N,).
      direction: the move of the proximal operator's centre per unit of the multiplier, (N, H, W, C).
    """

    normal: Pixels
    offset: Rows
    direction: Pixels

    @classmethod
    def below(cls, normal: Pixels, offset: Rows, curvature: Rows) -> Cut:
        """The cut as the minimisation with a quadratic term of `curvature` (N, 1, 1, 1) sees it."""
        return cls(normal, offset, normal / curvature)

    def moved(self, weight: Rows) -> Pixels:
        """How far (N, H, W, C) a multiplier (N,) moves the centre."""
        return column(weight) * self.direction


def meet(
    prox: Callable[[Pixels], Pixels], centre: Pixels, cut: Cut, last: Multiplier, accuracy: Rows
) -> tuple[Pixels, Multiplier]:
    """Finds the least multiplier >= 0 for which d = prox(centre - multiplier direction) lies in the cut.

    The cut's value falls with the multiplier. The search takes secants within a bracket, starting from the last
    iteration's multiplier and slope. A row keeps its multiplier once it is within `accuracy`, so that no row's result
    depends on another's.

    Returns:
      d (N, H, W, C), and its multiplier.
    """
    steepest = total(cut.normal * cut.direction) + 1e-20  # the slope if nothing is shrunk or clipped
    first = tf.nn.relu(cut.offset + total(cut.normal * centre)) / steepest
    weight = tf.where(last.weight > 0.0, last.weight, first)
    slope = tf.where(last.slope > 0.0, last.slope, steepest)
    low, high = tf.zeros_like(weight) - 1e-9, tf.zeros_like(weight) + _INFINITE
    old_weight = old_excess = tf.zeros_like(weight)
    reached = tf.zeros_like(weight, tf.bool)
    for attempt in range(_ROOT_STEPS):
        point = prox(centre - cut.moved(weight))
        excess = total(cut.normal * point) + cut.offset
        reached |= (tf.abs(excess) <= accuracy) | ((weight <= 0.0) & (excess <= 0.0))
        if attempt == _ROOT_STEPS - 1:
            break
        low, high = tf.where(excess > 0.0, weight, low), tf.where(excess > 0.0, high, weight)
        if attempt:
            secant = tf.math.divide_no_nan(old_excess - excess, weight - old_weight)
            slope = tf.where(~reached & (secant > 1e-3 * steepest) & (secant < 1.5 * steepest), secant, slope)
        # At most four times as far at once: the first groups that become non-zero make the slope much steeper.
        guess = tf.minimum(weight + excess / slope, 4.0 * weight + 1e-3 * tf.abs(excess) / steepest)
        middle = tf.where(high < _INFINITE, 0.5 * (low + high), 2.0 * weight)
        guess = tf.nn.relu(tf.where((guess <= low) | (guess >= high), middle, guess))
        old_weight, old_excess = weight, excess
        weight = tf.where(reached, weight, guess)
    return point, Multiplier(weight, slope)
