"""ADMM for problem (2): every part of the objective has a copy of the perturbation, and the network sees z.

Symbols are the paper's; u, v, s are its scaled duals (u/rho, v/rho, s/rho). All tensors are in [0, 1] scale.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple, Self

import tensorflow as tf

from tf_strattack.checks import check_choice
from tf_strattack.errors import InputError
from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import Distortion
from tf_strattack.problem.groups import Groups, GroupStructure
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Candidate, Monitored
from tf_strattack.solvers.stepping import Stepping, Steps, column, total, track_margin
from tf_strattack.typing import Pixels, Rows, Scalar

COPIES = ("support", "paper")
_INITIAL_KAPPA, _MAX_KAPPA = 0.02, 4.0


class Iterate(NamedTuple):
    """The iterate of N examples.

    Attributes:
      z: the variable that the network sees, (N, H, W, C).
      u, s: scaled duals of delta and w, (N, H, W, C); s is 0 (N,) if distortion and box are one block.
      v: scaled duals of the group copies y, in the layout of `Groups.gather`; 0 (N,) without groups.
      kappa: the margin required of z, in units of `Steps.unit`, (N,).
      c: the weight of the margin, in the last step or from the search, (N,).
    """

    z: Pixels
    u: Pixels
    s: tf.Tensor
    v: tf.Tensor
    kappa: Rows
    c: Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Splitting(Stepping[Iterate]):
    """The base of `Admm` and `Paper`: eqs. (9) to (12), (15) to (18), (21) and (22).

    Attributes:
      max_iterations, patience, rho, alpha: see `Stepping`.
      copies: for overlapping groups, "support" is consensus over the groups that hold a pixel; "paper" is
        Proposition 2 with a copy of the image for each group, whose steps are far smaller.
      split_box: whether distortion and box are separate blocks, eqs. (10) and (11), or one, eq. (21).
    """

    tests_start: ClassVar[bool] = True

    copies: str = "support"
    split_box: bool = True

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_choice("copies", self.copies, COPIES)
        if not isinstance(self.split_box, bool):
            raise InputError(f"expected split_box to be True or False, received {self.split_box!r}")

    @classmethod
    def refining(cls, **values: Any) -> Self:
        """The solver with the defaults of a refinement, which starts at a success; `values` as in the class."""
        return cls(**{"rho": "gamma", "split_box": False, **values})

    @property
    def structure(self) -> Hashable:
        """The class, and the hyper-parameters that are not numbers."""
        return type(self), self.copies, self.split_box

    def check(self, distortion: Distortion, groups: GroupStructure | None) -> None:
        """Refuses copies of the whole image for `groups` that do not overlap; any `distortion`.

        Raises:
          InputError: copies "paper" for groups that do not overlap.
        """
        if self.copies == "paper" and (groups is None or not groups.overlapping):
            raise InputError("expected copies=paper with overlapping groups only (stride below group_size)")

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The iterate at `start` (N, H, W, C), with all duals 0."""
        groups, rows = problem.objective.groups, tf.zeros_like(c)
        return Iterate(
            z=start,
            u=tf.zeros_like(start),
            s=tf.zeros_like(start) if self.split_box else rows,
            v=rows if groups is None else tf.zeros_like(groups.gather(start)),
            kappa=rows + _INITIAL_KAPPA,
            c=c,
        )

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Steps) -> tuple[Iterate, Candidate]:
        """One iteration, and a test of its sparse candidate.

        The candidate is y, and 0 where delta is 0 if D is sparse; without groups it is delta.
        """
        objective, rho, batch = problem.objective, parameters.rho, problem.batch
        groups, distortion, z = objective.groups, objective.distortion, iterate.z
        box = (-math.inf, math.inf) if self.split_box else (batch.lower, batch.upper)
        delta = distortion.prox(z - iterate.u, objective.gamma / rho, *box)  # (10), (21)

        # The z-step: every variable pulls z towards the sum of itself and its dual.
        eta_k = parameters.eta(k)
        if self.split_box:
            w = proximal.box(z - iterate.s, batch.lower, batch.upper)  # (11)
            curvature = eta_k + 2.0 * rho
            pulls = eta_k * z + rho * (delta + iterate.u + w + iterate.s)
        else:
            curvature = eta_k + rho
            pulls = eta_k * z + rho * (delta + iterate.u)
        if groups is not None:
            copies = groups.gather(z) - iterate.v
            scale = objective.shrinkage(groups.norms(copies), objective.tau / rho[:, :, :, 0] * objective.counts)
            y = groups.spread(scale) * copies  # (12)
            multiplicity = tf.cast(groups.multiplicity, z.dtype)
            curvature += rho * multiplicity
            pulls += rho * groups.scatter(y + iterate.v)
            if self.copies == "paper":
                # Outside its group a copy equals z minus its dual: it pulls z to its present value (Proposition 2).
                curvature += rho * (groups.number - multiplicity)
                pulls += rho * (groups.number - multiplicity) * z
        margins, gradient = problem.margin_and_gradient(z)
        z_bar = pulls / curvature
        needed = _needed(iterate, z_bar, curvature, margins, gradient, parameters)
        weight = self.weight(iterate.c, margins, parameters.required, needed)
        new = z_bar - column(weight) * gradient / curvature  # (15), (22)

        found = proximal.box(delta, batch.lower, batch.upper)
        if groups is not None:
            sparse = _sparse(problem, groups, y, scale, z)
            found = tf.where(delta == 0.0, delta, sparse) if distortion.sparse else sparse
        succeeded = problem.is_adversarial(found, parameters.required)
        next_iterate = Iterate(  # (9)
            z=new,
            u=iterate.u + delta - new,
            s=iterate.s + w - new if self.split_box else iterate.s,
            v=iterate.v if groups is None else iterate.v + y - groups.gather(new),
            kappa=track_margin(iterate.kappa, 1.0 - 2.0 * tf.cast(succeeded, rho.dtype), _MAX_KAPPA),
            c=weight if self.search is None else iterate.c,
        )
        return next_iterate, Candidate(found, objective.cost(found), succeeded)

    @abc.abstractmethod
    def weight(self, c: Rows, margins: Rows, required: Rows, needed: Rows) -> Rows:
        """The weight (N,) of the margin's gradient in the z-step.

        It solves approximately, with the curvature L and the point z_bar to which the other variables pull,

            argmin_z' c max{margin(x0 + z'), -kappa} + 1/2 sum_j L_j (z'_j - z_bar_j)^2.

        Args:
          c: the weight from the search, (N,).
          margins: the margins at x0 + z, (N,).
          required: the margin that a candidate must reach, (N,).
          needed: the weight with which the tangent of the margin at z reaches -kappa, (N,).
        """

    def monitor(self, iterate: Iterate, parameters: Steps) -> Monitored:
        """The weight of the margin, the margin required of z if there is no search of c, and the penalty of ADMM."""
        return Monitored(iterate.c, iterate.kappa if self.search is None else None, parameters.rho)


def _needed(
    iterate: Iterate, z_bar: Pixels, curvature: tf.Tensor, margins: Rows, gradient: Pixels, parameters: Steps
) -> Rows:
    """The weight (N,) with which the tangent of the margin at z reaches -kappa."""
    predicted = margins + total(gradient * (z_bar - iterate.z)) + parameters.required + iterate.kappa * parameters.unit
    return tf.math.divide_no_nan(predicted, total(tf.square(gradient) / curvature))


def _sparse(problem: Problem, groups: Groups, y: tf.Tensor, scale: tf.Tensor, z: Pixels) -> Pixels:
    """The candidate of the group copies y, with no more groups than the objective allows."""
    if problem.objective.max_groups is not None:
        scale = groups.limit(scale, groups.norms(y), problem.objective.max_groups)
        y = groups.spread(tf.cast(scale > 0.0, y.dtype)) * y
    return candidate_of(groups, y, scale, z, problem.batch.lower, problem.batch.upper)


def candidate_of(groups: Groups, y: tf.Tensor, scale: tf.Tensor, z: Pixels, lower: Pixels, upper: Pixels) -> Pixels:
    """The image of the group copies y: their mean at each pixel, 0 if one of its groups is 0, within the box.

    Pixels that no group covers are never made sparse; they take the value of z.
    """
    multiplicity = tf.cast(groups.multiplicity, y.dtype)
    value = groups.scatter(y) / tf.maximum(multiplicity, tf.ones_like(multiplicity))
    if groups.overlapping:
        zero = groups.scatter(groups.spread(tf.cast(scale <= 0.0, y.dtype)))
        value = tf.where(zero > 0.0, tf.zeros_like(value), value)
    if not groups.complete:
        value = tf.where(multiplicity > 0.0, value, z)
    return proximal.box(value, lower, upper)
