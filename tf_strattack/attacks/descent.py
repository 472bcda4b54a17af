"""The base of C&W and EAD: descent on a distortion plus c times the margin's hinge, with c searched per example."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.attacks.attack import SolverAttack
from tf_strattack.checks import check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Iterate, Originals, Search
from tf_strattack.typing import Rows, Scalar

# Ten times per search step the loss must have improved by this factor, or the step ends.
_CHECKS, _PROGRESS = 10, 0.9999


class Numbers(NamedTuple):
    """Numeric parameters as tensors; `required` (N,) is the requested confidence, the others are scalars.

    Attributes:
      required: in logits.
      learning_rate: of the first iteration.
      iterations: of a search step in all.
      beta: the weight of the l1 norm, 0 where there is none.
      by_l1, by_square: weights of ||delta||_1 and ||delta||_2^2 in the objective by which candidates are compared.
      check_every: iterations between two checks of progress.
      abort_early: whether there are such checks.
    """

    required: Rows
    learning_rate: Scalar
    iterations: Scalar
    beta: Scalar
    by_l1: Scalar
    by_square: Scalar
    check_every: Scalar
    abort_early: Scalar


@dataclasses.dataclass(frozen=True, kw_only=True)
class Descent(SolverAttack[Iterate, Numbers]):
    """An attack by descent; c goes from `initial_c` by factors of 10 to a bracket, and is then bisected in log c.

    Attributes:
      learning_rate: the step size.
      max_iterations: for each c.
      search_steps: how many c to try.
      initial_c: the first.
      abort_early: whether to stop a search step early once the loss has improved by less than 0.01 % over a tenth of
        the iterations.
    """

    learning_rate: float = 1e-2
    max_iterations: int = 1000
    search_steps: int = 9
    initial_c: float = 1e-3
    abort_early: bool = True

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        for name in ("learning_rate", "initial_c"):
            check_number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("max_iterations", "search_steps"):
            check_count(name, getattr(self, name))
        if not isinstance(self.abort_early, bool):
            raise InputError(f"expected abort_early to be True or False, received {self.abort_early!r}")

    @property
    def search(self) -> Search:
        """The search of c."""
        return Search(self.initial_c, self.search_steps)

    def ranking(self) -> tuple[float, float, float]:
        """Beta, and the weights of ||delta||_1 and ||delta||_2^2 by which candidates are compared."""
        return 0.0, 0.0, 1.0

    def parameters(self, problem: Problem, originals: Originals) -> Numbers:
        """The numbers of an iteration as tensors."""
        beta, by_l1, by_square = (tf.constant(value, tf.float32) for value in self.ranking())
        return Numbers(
            required=originals.required,
            learning_rate=tf.constant(self.learning_rate, tf.float32),
            iterations=tf.constant(self.max_iterations, tf.int32),
            beta=beta,
            by_l1=by_l1,
            by_square=by_square,
            check_every=tf.constant(max(1, self.max_iterations // _CHECKS), tf.int32),
            abort_early=tf.constant(self.abort_early),
        )


def size_of(delta: tf.Tensor, numbers: Numbers) -> Rows:
    """The objective by which candidates are compared, (N,)."""
    return tf.reduce_sum(numbers.by_l1 * tf.abs(delta) + numbers.by_square * tf.square(delta), axis=[1, 2, 3])


def progress_of(k: Scalar, loss: Rows, reference: Rows, numbers: Numbers) -> tuple[Rows, Rows]:
    """The loss (N,) at the last check of progress, and whether (N,) it has improved too little since the one before."""
    looks = (k % numbers.check_every == 0) & numbers.abort_early
    return tf.where(looks, loss, reference), looks & (loss > _PROGRESS * reference)
