"""The base of solvers whose steps have a scale: rho, alpha, patience, and the margin required of a step."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import tensorflow as tf

from tf_strattack.checks import check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Iterate, Originals, Solver
from tf_strattack.typing import Rows, Scalar

# Rules for rho by name; see `rho_of`.
RHO_RULES = ("tangent", "gamma")
_MULTIPLE = "rho"


class Steps(NamedTuple):
    """The numbers of a step.

    Attributes:
      rho, alpha: the scale of the steps, and the factor of eta_k = alpha sqrt(k), (N, 1, 1, 1).
      required: the margin that a candidate must reach, in logits, (N,).
      unit: the scale of an example's margin, in logits, (N,).
      extra: numbers of the solver's own, scalars or one per example.
    """

    rho: Rows
    alpha: Rows
    required: Rows
    unit: Rows
    extra: tuple[tf.Tensor, ...] = ()

    def eta(self, k: Scalar) -> Rows:
        """eta_k = alpha sqrt(k) of the iteration after `k` finished ones: 1/eta_k is the decaying step."""
        return self.alpha * tf.sqrt(tf.cast(k + 1, self.alpha.dtype))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stepping(Solver[Iterate, Steps]):
    """A solver whose steps have a scale.

    Attributes:
      max_iterations: the most iterations (for each c).
      patience: after its first success, an example leaves the batch once its best result has not improved by 0.2 % for
        this many iterations (None: no limit).
      rho: the scale of the steps (ADMM's penalty): a number, "tangent" (set per example from the tangent of the margin
        at the original) or "gamma" (the weight of the distortion).
      alpha: factor of eta_k = alpha sqrt(k), the inverse step: a number, or a multiple of rho such as "5 rho".
    """

    max_iterations: int
    patience: int | None
    rho: float | str = "tangent"
    alpha: float | str = "5 rho"

    def __post_init__(self) -> None:
        """Checks the values."""
        check_count("max_iterations", self.max_iterations)
        if self.patience is not None:
            check_count("patience", self.patience)
        if self.rho not in RHO_RULES:
            if isinstance(self.rho, str):
                rules = " or ".join(RHO_RULES)
                raise InputError(f"expected rho to be a number above 0, or {rules}, received {self.rho!r}")
            check_number("rho", self.rho, 0.0, open_low=True)
        try:
            check_number("alpha", _multiple(self.alpha), 0.0, open_low=True)
        except ValueError:
            raise InputError(
                f"expected alpha to be a number above 0, or a multiple of rho such as '10 rho', received {self.alpha!r}"
            ) from None

    def parameters(self, problem: Problem, originals: Originals) -> Steps:
        """The numbers of a step, from the tangents at the originals."""
        rho = rho_of(self.rho, problem, originals)
        alpha = _multiple(self.alpha) * rho if isinstance(self.alpha, str) else tf.zeros_like(rho) + self.alpha
        unit = tf.maximum(tf.abs(originals.margins), 1e-6)
        return Steps(column(rho), column(alpha), originals.required, unit)


def rho_of(rule: float | str, problem: Problem, originals: Originals) -> Rows:
    """Rho (N,): a number as given; "gamma", the scale of the squared norm; or "tangent".

    The latter chooses rho such that the threshold of the shrinkage, which it divides, fits the expected changes. The
    tangent of the margin requires a perturbation of norm margin/slope. Spread over 15 % of the groups, this gives a
    norm per group, and rho puts the threshold at three times that norm. If the distortion shrinks entries, the same
    holds with entries in place of groups. A squared norm has its own scale, gamma: rho is at least a tenth of it, or a
    third without groups, which keeps the steps at the scale of the distortion.
    """
    objective, margins = problem.objective, originals.margins
    if rule == "gamma":
        return tf.zeros_like(margins) + objective.gamma
    if not isinstance(rule, str):
        return tf.zeros_like(margins) + float(rule)
    if originals.slopes is None:
        raise ValueError("rho by the tangent needs the slopes at the originals")
    groups, distortion = objective.groups, objective.distortion
    entries = math.prod(problem.batch.images.shape[1:])
    length = tf.maximum((tf.abs(margins) + originals.confidence) / tf.maximum(originals.slopes, 1e-12), 1e-9)
    least = (0.3 if groups is None else 0.1) * objective.gamma * distortion.square
    rho = tf.zeros_like(margins) + float(least)
    if groups is not None:
        rho = tf.maximum(rho, objective.tau / (3.0 * length / math.sqrt(0.15 * groups.number)))
    scale = distortion.scale(3.0 * length / math.sqrt(0.15 * entries), entries)
    return rho if scale is None else tf.maximum(rho, objective.gamma * scale)


def column(values: Rows) -> Rows:
    """Values (N,) as factors of images, (N, 1, 1, 1)."""
    return tf.reshape(values, [-1, 1, 1, 1])


def total(values: tf.Tensor) -> Rows:
    """The sum (N,) over each image."""
    return tf.reduce_sum(values, axis=[1, 2, 3])


def track_margin(kappa: Rows, shortfall: Rows, most: float) -> Rows:
    """Adapts the margin required of a step: the result falls short of it, by an amount that depends on the example.

    `shortfall` (N,) is 1 after a candidate that misses the goal, for 10 % more, and -1 after one that reaches it, for
    10 % less. The limit `most` keeps z near the image while no candidate succeeds: far away, tangents say nothing about
    valid images.
    """
    return tf.minimum(kappa * (1.0 + 0.1 * shortfall), most)


def times(factor: float, alpha: float | str) -> float | str:
    """`factor` times alpha, in the same form: 4 times "8 rho" is "32 rho"."""
    product = factor * _multiple(alpha)
    return f"{product:g} {_MULTIPLE}" if isinstance(alpha, str) else product


def _multiple(alpha: Any) -> Any:
    """The number in "10 rho"; a value that is not text is returned unchanged."""
    if not isinstance(alpha, str):
        return alpha
    if not alpha.endswith(_MULTIPLE):
        raise ValueError(alpha)
    return float(alpha.removesuffix(_MULTIPLE).rstrip(" *"))
