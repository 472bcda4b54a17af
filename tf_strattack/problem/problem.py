"""Problem (2) for a batch, as a solver sees it. This is the only place where evaluations of the network are counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_strattack.losses import reaches
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.objective import Objective
from tf_strattack.typing import Pixels, Rows, Scalar

# Odd factors, as in a hash, that separate the draws of iterations, repetitions and evaluations.
_ITERATION, _REPETITION, _EVALUATION = 0x1E3779B1, 0x05EBCA77, 0x42B2AE3D
# The margin, in logits, of a perturbation at which the network returns NaN or infinity: far from any success.
_UNKNOWN = 1e4


class Evaluations(NamedTuple):
    """The evaluations of the network by a graph; a gradient includes its forward pass.

    Attributes:
      gradients, forwards: the numbers of calls, int32 scalars.
      lost: (N,) whether it has returned NaN or infinity.
    """

    gradients: Scalar
    forwards: Scalar
    lost: Rows

    @classmethod
    def none(cls, rows: Scalar | int) -> Evaluations:
        """No calls yet, for a batch of this many rows."""
        return cls(tf.constant(0), tf.constant(0), tf.zeros([rows], tf.bool))


class Problem:
    """Problem (2): an objective, the box of a batch, and a goal whose methods are counted as they are called.

    Attributes:
      batch: the examples.
      objective: the objective next to the margin.
      prox: the objective's proximal operator within the box.
      spent: the evaluations so far, `Evaluations`.
    """

    def __init__(self, goal: Goal, batch: Batch, objective: Objective | None = None) -> None:
        """Joins the three; without an objective, only the network can be evaluated."""
        self._goal = goal
        self._turn: Scalar | int = 0
        self.batch = batch
        self.spent = Evaluations.none(tf.shape(batch.images)[0])
        self.pose(Objective() if objective is None else objective)

    def pose(self, objective: Objective) -> None:
        """Sets another objective."""
        self.objective = objective
        self.prox = objective.prox(self.batch.lower, self.batch.upper)

    def turn(self, k: Scalar) -> None:
        """Starts iteration `k`, a scalar int32, for which a random goal makes its draws."""
        self._turn = _ITERATION * k

    def margin(self) -> Rows:
        """The margin (N,) of the originals: one forward evaluation."""
        return self._evaluated(forwards=1).margin(self.batch)

    def margin_and_gradient(self, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta and its gradient (N, H, W, C): one gradient evaluation.

        If the network returns NaN or infinity, which would stay in every later iterate, the margin is large and the
        gradient 0.
        """
        margins, gradient = self._evaluated(gradients=1).margin_and_gradient(self.batch, delta)
        finite = tf.math.is_finite(margins)
        return tf.where(finite, margins, _UNKNOWN), self._without(finite, gradient)

    def cross_entropy_gradient(self, delta: Pixels) -> Pixels:
        """The direction (N, H, W, C) in which the cross-entropy grows at x0 + delta: one gradient evaluation."""
        gradient = self._evaluated(gradients=1).cross_entropy_gradient(self.batch, delta)
        return self._without(tf.reduce_all(tf.math.is_finite(gradient), axis=[1, 2, 3]), gradient)

    def margin_and_cross_entropy_gradient(self, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, and the direction (N, H, W, C) in which the cross-entropy grows.

        One gradient evaluation, and a forward evaluation if the goal does not have both from one pass.
        """
        one_pass = type(self._goal).margin_and_cross_entropy_gradient is not Goal.margin_and_cross_entropy_gradient
        goal = self._evaluated(gradients=1, forwards=0 if one_pass else 1)
        margins, gradient = goal.margin_and_cross_entropy_gradient(self.batch, delta)
        finite = tf.math.is_finite(margins) & tf.reduce_all(tf.math.is_finite(gradient), axis=[1, 2, 3])
        return tf.where(finite, margins, _UNKNOWN), self._without(finite, gradient)

    def is_adversarial(self, delta: Pixels, confidence: Rows) -> Rows:
        """Whether (N,) perturbations reach the goal with `confidence`, in logits: one forward evaluation."""
        margins = self._evaluated(forwards=1).valid_margin(self.batch, delta)
        self.spent = self.spent._replace(lost=self.spent.lost | ~tf.math.is_finite(margins))
        return reaches(margins, confidence)

    def repeat(self, times: Scalar, body: Callable[[Pixels], Pixels], delta: Pixels) -> Pixels:
        """Applies `body` to `delta` (N, H, W, C) `times` times; its evaluations count as often."""
        before = self._turn

        def again(k: Scalar, delta: Pixels, spent: Evaluations) -> tuple[Scalar, Pixels, Evaluations]:
            self.spent, self._turn = spent, before + _REPETITION * (k + 1)
            next_delta = body(delta)
            return k + 1, next_delta, self.spent

        start = (tf.constant(0), delta, self.spent)
        _, delta, self.spent = tf.while_loop(lambda k, *_: k < times, again, start, parallel_iterations=1)
        self._turn = before + _EVALUATION
        return delta

    def _without(self, finite: Rows, gradient: Pixels) -> Pixels:
        """The gradient (N, H, W, C) with 0 in the rows that are not `finite`, which are remembered."""
        self.spent = self.spent._replace(lost=self.spent.lost | ~finite)

        def without() -> Pixels:
            return tf.raw_ops.Select(condition=finite, x=gradient, y=tf.zeros_like(gradient))

        # Usually there is nothing to do, and a copy of every gradient would be wasted.
        return tf.cond(tf.reduce_all(finite), lambda: gradient, without)

    def _evaluated(self, gradients: int = 0, forwards: int = 0) -> Goal:
        """The goal, for one evaluation, which counts once per call of a network."""
        spent, times = self.spent, self._goal.evaluations
        self.spent = Evaluations(spent.gradients + times * gradients, spent.forwards + times * forwards, spent.lost)
        if not self._goal.drawing:
            return self._goal
        drawn = self._goal.at(tf.convert_to_tensor(self._turn))
        self._turn += _EVALUATION
        return drawn
