"""The default solver: the margin's tangents at sparse, feasible points, and the problem with them solved at once.

ADMM splits problem (2) because the network is not convex. With the network replaced by its tangents there is nothing
left to split. For groups that do not overlap, squared l2 distortion and the box, the remaining problem,

    argmin_d  gamma D(d) + tau sum_i ||d_i||_2 + eta_k/2 ||d - y_hat||_2^2
    subject to  normal^T d + offset <= -kappa for each tangent,  lower <= d <= upper,

is to find one root per tangent, its multiplier lambda, and costs no evaluation of the network.
Every iterate y is itself the candidate: one evaluation of the network gives both its test and the next tangent.

Two things stop the iterates from oscillating across the kinks of a ReLU network: y_hat is y with momentum (heavy ball),
and the iterate must satisfy both the newest tangent and the running mean of all tangents so far (a convex margin lies
above each of them). A third keeps the first iterates from points where the first tangents say nothing, as happens with
adversarially trained networks: the box starts small and grows to its full size.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tf_strattack.checks import check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.distortions import Distortion
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Candidate, Monitored, Originals
from tf_strattack.solvers.cuts import Cut, Multiplier, meet
from tf_strattack.solvers.stepping import Stepping, Steps, times, total, track_margin
from tf_strattack.typing import Pixels, Rows, Scalar

# Relative to the requested margin. A looser tolerance would amplify rounding errors to differences of several per cent.
_ACCURACY = 1e-4
_MAX_KAPPA = 0.2
# This close to success, in units of the original's margin, kappa changes in proportion: iterates end up there, and a
# jump at success itself would amplify rounding errors.
_NEAR = 0.05
# The factor of alpha for shorter steps.
_SHORTER = 4.0
# The box grows with this power of the iterations, and has its full size after this share of them, or this many at most.
_GROWTH_POWER, _GROWTH_SHARE, _GROWTH_ITERATIONS = 1.5, 0.9, 100.0


class Iterate(NamedTuple):
    """The iterate of N examples.

    Attributes:
      y, previous: this iterate and the one before, sparse and within the box, (N, H, W, C).
      normal, offset: the mean tangent, normal^T d + offset, of the margin: (N, H, W, C) and (N,).
      of_mean, of_newest: the multipliers of the mean tangent and of the newest one in the last step.
      kappa: the margin required of the tangents, in units of `Steps.unit`, (N,).
      radius: the largest change that the first step allows, in [0, 1] scale, (N, 1, 1, 1).
    """

    y: Pixels
    previous: Pixels
    normal: Pixels
    offset: Rows
    of_mean: Multiplier
    of_newest: Multiplier
    kappa: Rows
    radius: Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxLinear(Stepping[Iterate]):
    """The network replaced by its tangents and the rest solved at once: one gradient evaluation per iteration.

    docs/solver.md compares it with ADMM and shows what each number does.

    Attributes:
      max_iterations: the most iterations.
      patience: after its first success, an example leaves the batch once its best result has not improved by 0.2 % for
        this many iterations (None: no limit).
      rho: the scale of the steps: a number, "tangent" (set per example from the tangent of the margin at the original)
        or "gamma" (the weight of the distortion).
      alpha: factor of eta_k = alpha sqrt(k), the inverse step: a number, or a multiple of rho such as "10 rho".
      momentum: the momentum of the iterates, in [0, 1).
      memory: the weight of the earlier tangents in the mean, in [0, 1).
      initial_kappa: the margin required at first, in units of the original's.
      initial_radius: the largest change of an entry at first, in [0, 1] scale, above 0; it grows with k^1.5 to the
        whole box in 90 % of `max_iterations`, or in 100 iterations if that is less. 1 gives the whole box from the
        beginning, as do all runs that do not start at the original.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.StrAttack(solver=sa.solvers.ProxLinear(max_iterations=60)).solver.patience
      40
    """

    begins_convex: ClassVar[bool] = True
    restarts: ClassVar[int] = 4

    max_iterations: int = 55
    patience: int | None = 40
    alpha: float | str = "8 rho"
    momentum: float = 0.9
    memory: float = 0.8
    initial_kappa: float = 0.03
    initial_radius: float = 0.4

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        for name in ("momentum", "memory"):
            check_number(name, getattr(self, name), 0.0, 0.999)
        check_number("initial_kappa", self.initial_kappa, 0.0, open_low=True)
        check_number("initial_radius", self.initial_radius, 0.0, 1.0, open_low=True)

    @classmethod
    def refining(cls, **values: object) -> ProxLinear:
        """The solver with the defaults of a refinement, which starts at a success; `values` as in the class."""
        defaults = {
            "max_iterations": 24,
            "rho": "gamma",
            "alpha": "20 rho",
            "momentum": 0.8,
            "initial_kappa": 0.005,
            "initial_radius": 1.0,
        }
        return cls(**{**defaults, **values})  # type: ignore[arg-type]

    @property
    def with_shorter_steps(self) -> ProxLinear:
        """The same solver with steps of a quarter of the length.

        With a small tau, rho by the tangent is small, and the first steps lead too far on a network of photographs.
        """
        return dataclasses.replace(self, alpha=times(_SHORTER, self.alpha))

    def check(self, distortion: Distortion, groups: GroupStructure | None) -> None:
        """Refuses a `distortion` whose minimiser jumps, as multipliers are found by secants; `groups` may be any.

        Raises:
          InputError: distortion "l0".
        """
        if not distortion.continuous:
            raise InputError("expected solver=admm or paper with distortion=l0, received prox_linear")

    def parameters(self, problem: Problem, originals: Originals) -> Steps:
        """The numbers of a step, with momentum, memory, the iterations of growth, and the largest room (N, 1, 1, 1)."""
        growth = min(_GROWTH_ITERATIONS, _GROWTH_SHARE * self.max_iterations)
        numbers = (tf.constant(number, tf.float32) for number in (self.momentum, self.memory, growth))
        room = tf.maximum(-problem.batch.lower, problem.batch.upper)
        reach = tf.maximum(tf.reduce_max(room, axis=[1, 2, 3], keepdims=True), 1e-6)
        return super().parameters(problem, originals)._replace(extra=(*numbers, reach))

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The iterate at `start` (N, H, W, C), with no tangent yet."""
        zero, rows = tf.zeros_like(start), tf.zeros_like(c)
        mean, newest = Multiplier(c, rows), Multiplier(rows, rows)
        begun = tf.reduce_any(start != 0.0, axis=[1, 2, 3], keepdims=True)
        radius = tf.where(begun, 1.0, self.initial_radius)
        return Iterate(start, start, zero, rows, mean, newest, rows + self.initial_kappa, radius)

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Steps) -> tuple[Iterate, Candidate]:
        """One iteration: it tests the iterate, and solves the problem with the tangents for the next one."""
        momentum, memory, growth, reach = parameters.extra
        margins, gradient = problem.margin_and_gradient(iterate.y)
        kept = tf.where(k > 0, memory, 0.0)
        tangent = margins - total(gradient * iterate.y)
        normal = kept * iterate.normal + (1.0 - kept) * gradient
        offset = kept * iterate.offset + (1.0 - kept) * tangent
        eta_k = parameters.eta(k)
        curvature = eta_k + 2.0 * problem.objective.distortion.square * problem.objective.gamma
        centre = (iterate.y + momentum * (iterate.y - iterate.previous)) * (eta_k / curvature)
        target_margin = parameters.required + iterate.kappa * parameters.unit
        accuracy = _ACCURACY * target_margin
        mean, newest = (
            Cut.below(slope, rest + target_margin, curvature) for slope, rest in ((normal, offset), (gradient, tangent))
        )

        grown = tf.minimum(tf.cast(k, tf.float32) / growth, 1.0) ** _GROWTH_POWER
        share = tf.minimum((iterate.radius + (1.0 - iterate.radius) * grown) / reach, 1.0)
        within = problem.objective.prox(share * problem.batch.lower, share * problem.batch.upper)

        def prox(x: Pixels) -> Pixels:
            return within(x, curvature)

        # One sweep: each multiplier for the other's, the mean's for that of the last iteration. Nothing needs
        # the mean's own point, and its last proximal step is pruned from the graph.
        _, of_mean = meet(prox, centre - newest.moved(iterate.of_newest.weight), mean, iterate.of_mean, accuracy)
        y, of_newest = meet(prox, centre - mean.moved(of_mean.weight), newest, iterate.of_newest, accuracy)
        shortfall = tf.clip_by_value((margins + parameters.required) / (_NEAR * parameters.unit), -1.0, 1.0)
        kappa = track_margin(iterate.kappa, shortfall, _MAX_KAPPA)
        candidate = Candidate(iterate.y, problem.objective.cost(iterate.y), margins <= -parameters.required)
        next_iterate = Iterate(y, iterate.y, normal, offset, of_mean, of_newest, kappa, iterate.radius)
        return next_iterate, candidate

    def monitor(self, iterate: Iterate, parameters: Steps) -> Monitored:
        """The sum of the multipliers, the required margin, and the scale of the steps."""
        return Monitored(iterate.of_mean.weight + iterate.of_newest.weight, iterate.kappa, parameters.rho)
