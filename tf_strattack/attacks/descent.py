"""What C&W and EAD share: descent on a distortion plus c times the margin's hinge, with c searched per example."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack.attacks.attack import Attack, Found
from tf_strattack.checks import check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.runtime.progress import Tracker
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.solvers import compaction
from tf_strattack.solvers.solve import search

# Ten times in a search step the loss must have become this much better, else the step is over.
_CHECKS, _PROGRESS = 10, 0.9999


class Weights(NamedTuple):
    """Numeric parameters as tensors; `required` (N,) is the confidence asked for, the others are scalars.

    Attributes:
      required: in logits.
      learning_rate: of the first iteration.
      iterations: of a search step in all.
      beta: the weight of the l1 norm, 0 where there is none.
      by_l1, by_square: weights of ||delta||_1 and ||delta||_2^2 in what the best candidate has least of.
      check_every: iterations between two looks at progress.
      abort_early: whether there are any.
      patience: the value of `stalled` at which an example is finished.
    """

    required: tf.Tensor
    learning_rate: tf.Tensor
    iterations: tf.Tensor
    beta: tf.Tensor
    by_l1: tf.Tensor
    by_square: tf.Tensor
    check_every: tf.Tensor
    abort_early: tf.Tensor
    patience: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Descent(Attack):
    """An attack by descent; c goes from `initial_c` by factors of 10 to a bracket, and is then bisected in log c.

    Attributes:
      learning_rate: the step size.
      max_iterations: for each c.
      search_steps: how many c are tried.
      initial_c: the first.
      abort_early: whether an example leaves a search step when a tenth of its iterations has not lessened its
        loss by 0.01 %.
    """

    # Forward evaluations of an iteration, besides its gradient.
    forwards: ClassVar[int] = 0

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

    def iterations(self) -> int:
        """The most iterations that a batch takes in all."""
        return self.search_steps * self.max_iterations

    @abc.abstractmethod
    def initial_state(self, problem: Problem) -> Any:
        """A state at the original images, with the fields k, c, reference, stalled, best and objective."""

    @abc.abstractmethod
    def step(self, state: Any, problem: Problem, weights: Weights, network: Network) -> Any:
        """One iteration within a graph; everything about it that is not in the arguments is in `name`."""

    def ranking(self) -> tuple[float, float, float]:
        """Beta, and the weights of ||delta||_1 and ||delta||_2^2 by which candidates are compared."""
        return 0.0, 0.0, 1.0

    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Attacks a batch; `start` is not used, the loop begins at the originals."""
        margins = network.program("margin", network.margin, problem)(problem)
        tracker.count(len(problem.images), forwards=1)
        beta, by_l1, by_square = self.ranking()
        weights = Weights(
            network.demanded(margins, self.confidence),
            _number(self.learning_rate),
            _whole(self.max_iterations),
            _number(beta),
            _number(by_l1),
            _number(by_square),
            _whole(max(1, self.max_iterations // _CHECKS)),
            tf.constant(self.abort_early),
            _whole(1),
        )

        def loop(state: Any, problem: Problem, weights: Weights, iterations: tf.Tensor) -> Any:
            last = state.k + iterations
            return tf.while_loop(
                lambda state: state.k < last,
                lambda state: (self.step(state, problem, weights, network),),
                (state,),
                parallel_iterations=1,
            )[0]

        state = self.initial_state(problem)
        program = network.program(self.name, loop, state, problem, weights, tf.constant(0))
        best = search(
            lambda c: compaction.run(
                program,
                state._replace(c=tf.constant(pad_rows(c.astype(np.float32), len(margins)))),
                problem,
                weights,
                self.max_iterations,
                rows=rows,
                forwards=self.forwards,
                tracker=tracker,
            ),
            rows=rows,
            initial_c=self.initial_c,
            search_steps=self.search_steps,
            tracker=tracker,
        )
        # The margin of the originals is one more forward evaluation.
        return Found(best.found, best.best, best.c, best.iterations, 1 + self.forwards * best.iterations)


def _number(value: float) -> tf.Tensor:
    return tf.constant(value, tf.float32)


def _whole(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int32)


def following(
    state: Any, weights: Weights, *, candidate: tf.Tensor, fools: tf.Tensor, loss: tf.Tensor, **iterate: tf.Tensor
) -> Any:
    """The next state: the best candidate so far, and who is finished.

    Args:
      state: of this iteration.
      weights: numeric parameters.
      candidate: (N, H, W, C) perturbations, with `fools` (N,) whether they succeed.
      loss: (N,) what must become less, if anything is looked at.
      **iterate: the fields of the next state that are the method's own.
    """
    size = tf.reduce_sum(weights.by_l1 * tf.abs(candidate) + weights.by_square * tf.square(candidate), axis=[1, 2, 3])
    going = state.stalled < weights.patience
    better = fools & (size < state.objective) & going
    looks = (state.k % weights.check_every == 0) & weights.abort_early
    idle = looks & (loss > _PROGRESS * state.reference)
    return state._replace(
        k=state.k + 1,
        reference=tf.where(looks, loss, state.reference),
        stalled=tf.where(going & ~idle, 0, weights.patience),
        best=tf.where(better[:, None, None, None], candidate, state.best),
        objective=tf.where(better, size, state.objective),
        **iterate,
    )
