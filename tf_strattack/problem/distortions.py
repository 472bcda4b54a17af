"""D(delta) of problem (2), and its proximal operators within the box: what `distortion=` chooses.

The framework is general in D because only one step of it changes. With tau = 0 the problem is that of C&W in l0, l2 and
l_inf, and with the elastic net that of EAD.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.problem import proximal

# An entry counts as changed above this, in [0, 1] scale: the paper's threshold, the same everywhere.
CHANGED = 1e-6

Shrink = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


class Distortion(NamedTuple):
    """D(d) = `square` ||d||_2^2 + R(d).

    Attributes:
      square: 1 where D has the squared l2 norm in it, else 0.
      sparse: whether R makes entries 0.
      rest: R (N,) of (N, H, W, C), given beta.
      shrink: (a, weight, beta, lower, upper) → argmin_d weight R(d) + 1/2 ||d - a||_2^2 within the box.
      scale: (threshold, entries, beta) → 1/weight for which `shrink` lets entries through from the threshold on; None
        where nothing is shrunk.
    """

    square: float
    sparse: bool
    rest: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    shrink: Shrink
    scale: Callable[[tf.Tensor, int, float], tf.Tensor] | None

    def cost(self, delta: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        """D (N,) of perturbations (N, H, W, C) in [0, 1] scale."""
        return self.square * _sum(tf.square(delta)) + self.rest(delta, beta)

    def prox(
        self, a: tf.Tensor, weight: tf.Tensor, beta: tf.Tensor, lower: tf.Tensor | float, upper: tf.Tensor | float
    ) -> tf.Tensor:
        """Solves argmin_d weight D(d) + 1/2 ||d - a||_2^2 subject to lower <= d <= upper.

        `weight` broadcasts against `a` (N, H, W, C); the box holds 0.
        """
        whole = 1.0 + 2.0 * self.square * weight
        return self.shrink(a / whole, weight / whole, beta, lower, upper)


def _sum(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=[1, 2, 3])


def _cut(operator: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]) -> Shrink:
    """An operator that works entry by entry, and whose solution in the box is therefore the one without, cut."""
    return lambda a, weight, beta, lower, upper: proximal.box(operator(a, weight, beta), lower, upper)


DISTORTIONS = {
    "l2": Distortion(
        square=1.0,
        sparse=False,
        scale=None,
        rest=lambda d, beta: tf.zeros_like(d[:, 0, 0, 0]),
        shrink=_cut(lambda a, weight, beta: a),
    ),
    "l1": Distortion(
        square=0.0,
        sparse=True,
        scale=lambda threshold, entries, beta: 1.0 / threshold,
        rest=lambda d, beta: _sum(tf.abs(d)),
        shrink=_cut(lambda a, weight, beta: proximal.l1(a, weight)),
    ),
    "en": Distortion(
        square=1.0,
        sparse=True,
        scale=lambda threshold, entries, beta: beta / threshold,
        rest=lambda d, beta: beta * _sum(tf.abs(d)),
        shrink=_cut(lambda a, weight, beta: proximal.l1(a, beta * weight)),
    ),
    "l0": Distortion(
        square=0.0,
        sparse=True,
        scale=lambda threshold, entries, beta: 2.0 / tf.square(threshold),
        rest=lambda d, beta: _sum(tf.cast(tf.abs(d) > CHANGED, d.dtype)),
        shrink=lambda a, weight, beta, lower, upper: proximal.l0(a, weight, lower, upper),
    ),
    "linf": Distortion(
        square=0.0,
        sparse=False,
        scale=lambda threshold, entries, beta: 15.0 / (threshold * entries),
        rest=lambda d, beta: tf.reduce_max(tf.abs(d), axis=[1, 2, 3]),
        shrink=lambda a, weight, beta, lower, upper: proximal.linf(a, weight, lower, upper),
    ),
}
