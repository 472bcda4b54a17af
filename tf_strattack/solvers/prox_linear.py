"""The default solver: the margin's tangent at a sparse, feasible point, and the problem with it solved at once.

ADMM splits problem (2) because the network is not convex. With the network replaced by its tangent nothing is
left to split: for groups that do not overlap, squared l2 distortion and the box, what remains,

    argmin_d  gamma D(d) + tau sum_i ||d_i||_2 + eta_k/2 ||d - y_hat||_2^2
    subject to  margin + g^T (d - y) <= -kappa,  lower <= d <= upper,

is a root of one number per example, the weight lambda of the margin, and costs no evaluation of the network.
Every iterate y is itself the candidate: one evaluation of the network serves its test and the next tangent.

Two things stop the iterates from oscillating across the kinks of a ReLU network: y_hat is y with momentum (heavy
ball), and the tangent is a running mean of all so far, each of which a convex margin lies above.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.checks import check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.distortions import Distortion
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Candidate, Monitored, Originals
from tf_strattack.solvers.stepping import Stepping, Steps, total, track_margin
from tf_strattack.typing import Pixels, Rows, Scalar

_ROOT_STEPS = 3
# Relative to the requested margin. A looser tolerance would amplify rounding errors to differences of several per cent.
_ACCURACY = 1e-4
_MAX_KAPPA = 0.2
# Within so much of success, in units of the original's margin, kappa changes in proportion: iterates end up there,
# and a jump at success itself would make rounding errors grow.
_NEAR = 0.05
_INFINITE = 1e30


class Iterate(NamedTuple):
    """The iterate of N examples.

    Attributes:
      y, previous: this iterate and the one before, sparse and within the box, (N, H, W, C).
      normal, offset: the mean tangent, normal^T d + offset, of the margin: (N, H, W, C) and (N,).
      c: lambda, the weight of the margin in the last step, (N,).
      slope: how fast the tangent falls with lambda, (N,).
      kappa: the margin asked of the tangent, in units of `Steps.unit`, (N,).
    """

    y: Pixels
    previous: Pixels
    normal: Pixels
    offset: Rows
    c: Rows
    slope: Rows
    kappa: Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxLinear(Stepping[Iterate]):
    """The network replaced by its tangent and the rest solved at once: one gradient evaluation per iteration.

    docs/solver.md compares it with ADMM and shows what each number does.

    Attributes:
      max_iterations: the most iterations.
      patience: an example is finished, and leaves the batch, when, after its first success, its best result has not
        improved by 0.2 % for this many iterations (None: no limit).
      rho: the scale of the steps: a number, "tangent" (set per example from the tangent of the margin at the original)
        or "gamma" (the weight of the distortion).
      alpha: factor of eta_k = alpha sqrt(k), the inverse step: a number, or a multiple of rho such as "10 rho".
      momentum: of the iterates, in [0, 1).
      memory: the weight of the earlier tangents in the mean, in [0, 1).
      initial_kappa: what is asked of the margin at first, in units of the original's.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.StrAttack(solver=sa.solvers.ProxLinear(max_iterations=60)).solver.patience
      40
    """

    max_iterations: int = 110
    patience: int | None = 40
    alpha: float | str = "10 rho"
    momentum: float = 0.8
    memory: float = 0.6
    initial_kappa: float = 0.02

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        for name in ("momentum", "memory"):
            check_number(name, getattr(self, name), 0.0, 0.999)
        check_number("initial_kappa", self.initial_kappa, 0.0, open_low=True)

    @classmethod
    def refining(cls, **values: object) -> ProxLinear:
        """The solver with the defaults of a refinement, which begins at a success; `values` as for the class."""
        defaults = {"max_iterations": 38, "rho": "gamma", "alpha": "20 rho", "memory": 0.0, "initial_kappa": 0.005}
        return cls(**{**defaults, **values})  # type: ignore[arg-type]

    def check(self, distortion: Distortion, groups: GroupStructure | None) -> None:
        """Refuses a `distortion` whose minimiser jumps, as what meets the tangent is sought by secants; any `groups`.

        Raises:
          InputError: distortion "l0".
        """
        if not distortion.continuous:
            raise InputError("expected solver=admm or paper with distortion=l0, received prox_linear")

    def parameters(self, problem: Problem, originals: Originals) -> Steps:
        """The numbers of a step, momentum and memory among them."""
        extra = tf.constant(self.momentum, tf.float32), tf.constant(self.memory, tf.float32)
        return super().parameters(problem, originals)._replace(extra=extra)

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The iterate at `start` (N, H, W, C), with no tangent yet."""
        zero, rows = tf.zeros_like(start), tf.zeros_like(c)
        return Iterate(start, start, zero, rows, rows, rows, rows + self.initial_kappa)

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Steps) -> tuple[Iterate, Candidate]:
        """One iteration: tests the iterate, and moves to where the mean tangent leads."""
        momentum, memory = parameters.extra
        margins, gradient = problem.margin_and_gradient(iterate.y)
        kept = tf.where(k > 0, memory, 0.0)
        normal = kept * iterate.normal + (1.0 - kept) * gradient
        offset = kept * iterate.offset + (1.0 - kept) * (margins - total(gradient * iterate.y))
        eta_k = parameters.eta(k)
        curvature = eta_k + 2.0 * problem.objective.distortion.square * problem.objective.gamma
        centre = (iterate.y + momentum * (iterate.y - iterate.previous)) * (eta_k / curvature)
        target_margin = parameters.required + iterate.kappa * parameters.unit
        y, c, slope = _solve_multiplier(
            lambda x: problem.prox(x, curvature),
            centre,
            normal,
            normal / curvature,
            offset + target_margin,
            iterate.c,
            iterate.slope,
            accuracy=_ACCURACY * target_margin,
        )
        shortfall = tf.clip_by_value((margins + parameters.required) / (_NEAR * parameters.unit), -1.0, 1.0)
        kappa = track_margin(iterate.kappa, shortfall, _MAX_KAPPA)
        candidate = Candidate(iterate.y, problem.objective.cost(iterate.y), margins <= -parameters.required)
        return Iterate(y, iterate.y, normal, offset, c, slope, kappa), candidate

    def monitor(self, iterate: Iterate, parameters: Steps) -> Monitored:
        """The weight of the margin, the margin asked for, and the scale of the steps."""
        return Monitored(iterate.c, iterate.kappa, parameters.rho)


def _solve_multiplier(
    prox: Callable[[Pixels], Pixels],
    centre: Pixels,
    normal: Pixels,
    direction: Pixels,
    offset: Rows,
    weight: Rows,
    slope: Rows,
    accuracy: Rows,
) -> tuple[Pixels, Rows, Rows]:
    """Finds the least weight >= 0 for which d = prox(centre - weight direction) has normal^T d + offset <= 0.

    The left side falls with the weight. Secants within a bracket, from the last iteration's weight and slope;
    a row keeps its weight once it is within `accuracy`, so that no row's result depends on another's.

    Returns:
      d (N, H, W, C), its weight (N,) and the last secant's slope (N,).
    """
    steepest = total(normal * direction) + 1e-20  # the slope where nothing is shrunk or cut
    weight = tf.where(weight > 0.0, weight, tf.nn.relu(offset + total(normal * centre)) / steepest)
    slope = tf.where(slope > 0.0, slope, steepest)
    low, high = tf.zeros_like(weight) - 1e-9, tf.zeros_like(weight) + _INFINITE
    old_weight = old_excess = tf.zeros_like(weight)
    reached = tf.zeros_like(weight, tf.bool)
    for attempt in range(_ROOT_STEPS):
        point = prox(centre - weight[:, None, None, None] * direction)
        excess = total(normal * point) + offset
        reached |= (tf.abs(excess) <= accuracy) | ((weight <= 0.0) & (excess <= 0.0))
        if attempt == _ROOT_STEPS - 1:
            break
        low, high = tf.where(excess > 0.0, weight, low), tf.where(excess > 0.0, high, weight)
        if attempt:
            secant = tf.math.divide_no_nan(old_excess - excess, weight - old_weight)
            slope = tf.where(~reached & (secant > 1e-3 * steepest) & (secant < 1.5 * steepest), secant, slope)
        # No more than four times as far at once: the first groups to wake make the slope much steeper.
        guess = tf.minimum(weight + excess / slope, 4.0 * weight + 1e-3 * tf.abs(excess) / steepest)
        middle = tf.where(high < _INFINITE, 0.5 * (low + high), 2.0 * weight)
        guess = tf.nn.relu(tf.where((guess <= low) | (guess >= high), middle, guess))
        old_weight, old_excess = weight, excess
        weight = tf.where(reached, weight, guess)
    return point, weight, slope
