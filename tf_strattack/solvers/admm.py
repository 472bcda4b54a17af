"""ADMM with the margin's tangent inside the hinge."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import tensorflow as tf

from tf_strattack.solvers.splitting import Splitting
from tf_strattack.typing import Rows

# The upper bound of the margin's weight: above every multiplier, finite in float32.
_UNBOUNDED = 1e10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Admm(Splitting):
    """ADMM with the margin's tangent inside the hinge: the z-step has a closed form, and there is no search of c.

    Use it for distortion "l0", and for "linf" with tau = 0.

    Attributes:
      max_iterations: the most iterations.
      patience: after its first success, an example leaves the batch once its best result has not improved by 0.2 % for
        this many iterations (None: no limit).
      rho: ADMM's penalty: a number, "tangent" (set per example from the tangent of the margin at the original) or
        "gamma" (the weight of the distortion).
      alpha: factor of eta_k = alpha sqrt(k), the inverse step: a number, or a multiple of rho such as "5 rho".
      copies: "support" or (overlapping groups, Proposition 2) "paper".
      split_box: False for one block of distortion and box.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.StrAttack(solver=sa.solvers.Admm(rho=2.0)).solver.max_iterations
      200
    """

    max_iterations: int = 200
    patience: int | None = 40

    @classmethod
    def refining(cls, **values: Any) -> Self:
        """The solver with the defaults of a refinement; `values` as in the class."""
        return super().refining(**{"max_iterations": 120, **values})

    def weight(self, c: Rows, margins: Rows, required: Rows, needed: Rows) -> Rows:
        """The weight, at least 0, that brings the tangent of the margin to -kappa; `c` and `margins` are not used."""
        return tf.clip_by_value(needed, 0.0, _UNBOUNDED)
