"""The z-step, the one that sees the network, shared by the attack and the refinement.

Both solve, approximately, for a scalar or per-pixel curvature L and a point z_bar that the other variables pull to,

    argmin_z' c max{margin(x0 + z'), -kappa} + 1/2 sum_j L_j (z'_j - z_bar_j)^2.

"paper" replaces the hinge by its gradient at the old z, eq. (15). "admm" replaces only the margin inside the
hinge by its tangent, and the result is still closed; it needs no search of c. The third solver, "prox_linear",
does not split the problem and has no z (see `prox_linear`); it shares the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

MarginAndGradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

SOLVERS = ("prox_linear", "admm", "paper")

# alpha/rho where the caller gives no alpha.
DEFAULT_ALPHA = {"prox_linear": 10.0, "admm": 5.0, "paper": 5.0}

_NO_LIMIT = 2**30

# Patience where the caller gives none: the paper's solver does all of its iterations.
DEFAULT_PATIENCE = {"prox_linear": 40, "admm": 40, "paper": _NO_LIMIT}


class Weights(NamedTuple):
    """The numeric parameters of the loops, as tensors: a new value does not build a new graph.

    Attributes:
      gamma, tau: weights of distortion and of group sparsity, scalars.
      beta: of the l1 norm in the elastic net, scalar.
      rho, alpha: ADMM's penalty, and the factor of eta_k = alpha sqrt(k), (N, 1, 1, 1).
      c: the weight of the margin for "paper", its upper bound for "admm", (N,).
      required: the confidence that a candidate must reach, in logits, (N,).
      unit: the scale of an example's margin, in logits, (N,).
      patience: iterations without a noticeably better candidate after which an example is finished, scalar int32.
      max_groups: the most groups that a candidate may change, scalar int32.
    """

    gamma: tf.Tensor
    tau: tf.Tensor
    beta: tf.Tensor
    rho: tf.Tensor
    alpha: tf.Tensor
    c: tf.Tensor
    required: tf.Tensor
    unit: tf.Tensor
    patience: tf.Tensor
    max_groups: tf.Tensor

    @classmethod
    def build(
        cls,
        margins: tf.Tensor,
        *,
        gamma: float,
        tau: float,
        rho: tf.Tensor,
        alpha: tf.Tensor,
        required: tf.Tensor,
        patience: int,
        beta: float = 1.0,
        max_groups: int | None = None,
    ) -> Weights:
        """Makes the weights of a batch from the margins (N,) of its originals and rho (N,).

        `required` (N,) is what `Network.demanded` asks for, `alpha` (N,) the factor of eta_k, and None for `max_groups`
        stands for no limit.
        """
        unit = _unit(margins)
        rho = tf.reshape(rho, [-1, 1, 1, 1])
        return cls(
            gamma=tf.constant(gamma, tf.float32),
            tau=tf.constant(tau, tf.float32),
            beta=tf.constant(beta, tf.float32),
            rho=rho,
            alpha=tf.reshape(alpha, [-1, 1, 1, 1]),
            c=tf.zeros_like(unit),
            required=required,
            unit=unit,
            patience=tf.constant(patience),
            max_groups=tf.constant(_NO_LIMIT if max_groups is None else max_groups),
        )


# What "admm" asks of the margin at first, in units of the margin of the original.
INITIAL_KAPPA = 0.02
_MAX_KAPPA = 4.0


def eta(k: tf.Tensor, weights: Weights) -> tf.Tensor:
    """eta_k = alpha sqrt(k) of the iteration after `k` finished ones: 1/eta_k is the decaying step."""
    return weights.alpha * tf.sqrt(tf.cast(k + 1, weights.alpha.dtype))


def z_step(
    solver: str,
    z: tf.Tensor,
    z_bar: tf.Tensor,
    curvature: tf.Tensor,
    margins: tf.Tensor,
    gradient: tf.Tensor,
    kappa: tf.Tensor,
    weights: Weights,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the new z (N, H, W, C) and the weight (N,) that the margin's gradient got in it.

    Args:
      solver: one of `SOLVERS`.
      z: the old z, where margin (N,) and gradient (N, H, W, C) were taken.
      z_bar: the minimiser without the network.
      curvature: L, broadcast against z.
      margins, gradient: of the network at x0 + z.
      kappa: what "admm" asks of the margin beyond `weights.required`, in units of `weights.unit`, (N,).
      weights: numeric parameters.
    """
    if solver == "paper":
        active = tf.cast(margins > -weights.required, margins.dtype)
        weight = weights.c * active
    else:
        predicted = margins + _sum(gradient * (z_bar - z)) + weights.required + kappa * weights.unit
        needed = tf.math.divide_no_nan(predicted, _sum(tf.square(gradient) / curvature))
        weight = tf.clip_by_value(needed, 0.0, weights.c)
    return z_bar - weight[:, None, None, None] * gradient / curvature, weight


def track_margin(kappa: tf.Tensor, short: tf.Tensor, most: float) -> tf.Tensor:
    """Adapts the margin asked of a step: what comes out lags behind, by how much depends on the example.

    `short` (N,) is 1 after a candidate that does not fool the network, for 10 % more, and -1 after one that does,
    for 10 % less. The limit `most` keeps z near the image where no candidate comes through: far out, tangents say
    nothing about valid images.
    """
    return tf.minimum(kappa * (1.0 + 0.1 * short), most)


def lagging_kappa(kappa: tf.Tensor, succeeded: tf.Tensor) -> tf.Tensor:
    """`track_margin` for ADMM, whose candidate is tested apart from z."""
    return track_margin(kappa, tf.where(succeeded, -1.0, 1.0), _MAX_KAPPA)


def _unit(margins: tf.Tensor) -> tf.Tensor:
    return tf.maximum(tf.abs(margins), 1e-6)


def _sum(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=[1, 2, 3])
