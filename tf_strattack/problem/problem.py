"""Problem (2) for a batch, as a solver sees it. What is evaluated of the network is counted here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goal import Goal
from tf_strattack.problem.objective import Objective
from tf_strattack.typing import Pixels, Rows, Scalar


class Evaluations(NamedTuple):
    """How often a graph has called the network, int32 scalars; a gradient includes its forward pass."""

    gradients: Scalar
    forwards: Scalar

    @classmethod
    def none(cls) -> Evaluations:
        """No call."""
        return cls(tf.constant(0), tf.constant(0))


class Problem:
    """Problem (2): an objective, the box of a batch, and a goal whose methods are counted as they are called.

    Attributes:
      batch: the examples.
      objective: what is minimised besides the margin.
      prox: the objective's proximal operator within the box.
      spent: what has been evaluated, `Evaluations`.
    """

    def __init__(self, goal: Goal, batch: Batch, objective: Objective | None = None) -> None:
        """Joins the three; without an objective there is only the network to ask."""
        self._goal = goal
        self.batch = batch
        self.spent = Evaluations.none()
        self.pose(Objective() if objective is None else objective)

    def pose(self, objective: Objective) -> None:
        """Takes another objective."""
        self.objective = objective
        self.prox = objective.prox(self.batch.lower, self.batch.upper)

    def margin(self) -> Rows:
        """The margin (N,) of the originals: one forward evaluation."""
        self._count(forwards=1)
        return self._goal.margin(self.batch)

    def margin_and_gradient(self, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta and its gradient (N, H, W, C): one gradient evaluation."""
        self._count(gradients=1)
        return self._goal.margin_and_gradient(self.batch, delta)

    def cross_entropy_gradient(self, delta: Pixels) -> Pixels:
        """The direction (N, H, W, C) in which the cross-entropy grows at x0 + delta: one gradient evaluation."""
        self._count(gradients=1)
        return self._goal.cross_entropy_gradient(self.batch, delta)

    def is_adversarial(self, delta: Pixels, confidence: Rows) -> Rows:
        """Whether (N,) perturbations reach the goal with `confidence`, in logits: one forward evaluation."""
        self._count(forwards=1)
        return self._goal.is_adversarial(self.batch, delta, confidence)

    def repeat(self, times: Scalar, body: Callable[[Pixels], Pixels], delta: Pixels) -> Pixels:
        """Applies `body` to `delta` (N, H, W, C) `times` times; what it evaluates counts as often."""

        def again(k: Scalar, delta: Pixels, spent: Evaluations) -> tuple[Scalar, Pixels, Evaluations]:
            self.spent = spent
            following = body(delta)
            return k + 1, following, self.spent

        start = (tf.constant(0), delta, self.spent)
        _, delta, self.spent = tf.while_loop(lambda k, *_: k < times, again, start, parallel_iterations=1)
        return delta

    def _count(self, gradients: int = 0, forwards: int = 0) -> None:
        self.spent = Evaluations(self.spent.gradients + gradients, self.spent.forwards + forwards)
