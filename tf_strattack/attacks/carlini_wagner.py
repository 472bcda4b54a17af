"""C&W: the l2 attack of Carlini & Wagner 2017 (arXiv 1608.04644)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tf_strattack.attacks.adam import BETA1, BETA2, EPSILON, moments
from tf_strattack.attacks.descent import Descent, Numbers, progress_of, size_of
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Candidate, Monitored
from tf_strattack.typing import Pixels, Rows, Scalar

# Keeps the start, the original itself, off the ends of tanh, where its slope is 0.
_INSIDE = 0.999999


class Iterate(NamedTuple):
    """The iterate of N examples.

    Attributes:
      w: the optimised variable; the perturbation is middle + half width * tanh(w) of the box, (N, H, W, C).
      mean, square: Adam's moments, (N, H, W, C).
      c: the weight of the margin, (N,).
      reference: the loss at the last check of progress, (N,).
    """

    w: Pixels
    mean: Pixels
    square: Pixels
    c: Rows
    reference: Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class CarliniWagnerL2(Descent[Iterate]):
    """The smallest l2 distortion: minimises ||delta||_2^2 + c max{margin, -confidence} by Adam in tanh space.

    c is searched per example: from `initial_c` by factors of 10 to a bracket, then by bisection of its logarithm.

    Attributes:
      learning_rate: the learning rate of Adam.
      max_iterations: the most iterations for each c.
      search_steps: how many values of c to try.
      initial_c: the first value of c.
      abort_early: whether to stop a search step early once the loss has improved by less than 0.01 % over a tenth of
        the iterations.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.CarliniWagnerL2(confidence=5.0).search_steps
      9
    """

    name: ClassVar[str] = "cw_l2"

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The original images; `start` (N, H, W, C) is 0."""
        middle, half = _box(problem.batch)
        # The last bit of atanh depends on the place in the batch; in float64 it is lost before it matters.
        inside = tf.cast(_INSIDE * tf.math.divide_no_nan(start - middle, half), tf.float64)
        w = tf.cast(tf.math.atanh(inside), start.dtype)
        return Iterate(w, tf.zeros_like(w), tf.zeros_like(w), c, tf.fill(tf.shape(c), float("inf")))

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Numbers) -> tuple[Iterate, Candidate]:
        """One step of Adam; it tests the iterate from which it starts."""
        middle, half = _box(problem.batch)
        squashed = tf.tanh(iterate.w)
        delta = middle + half * squashed
        margins, slope = problem.margin_and_gradient(delta)
        shortfall = margins + parameters.required
        # The gradient of ||delta||^2 + c [margin + required]_+ in w.
        active = tf.where(shortfall > 0.0, iterate.c, 0.0)[:, None, None, None]
        gradient = (2.0 * delta + active * slope) * half * (1.0 - tf.square(squashed))
        count = tf.cast(k + 1, tf.float32)
        mean, square = moments(iterate.mean, iterate.square, gradient)
        rate = parameters.learning_rate * tf.sqrt(1.0 - tf.pow(BETA2, count)) / (1.0 - tf.pow(BETA1, count))
        loss = tf.reduce_sum(tf.square(delta), axis=[1, 2, 3]) + iterate.c * tf.nn.relu(shortfall)
        reference, idle = progress_of(k, loss, iterate.reference, parameters)
        w = iterate.w - rate * mean / (tf.sqrt(square) + EPSILON)
        candidate = Candidate(delta, size_of(delta, parameters), shortfall <= 0.0, finished=idle)
        return Iterate(w, mean, square, iterate.c, reference), candidate

    def monitor(self, iterate: Iterate, parameters: Numbers) -> Monitored:
        """The c that is searched."""
        return Monitored(iterate.c)


def _box(batch: Batch) -> tuple[Pixels, Pixels]:
    """Middle and half the width of the box of perturbations, each (N, H, W, C)."""
    return 0.5 * (batch.upper + batch.lower), 0.5 * (batch.upper - batch.lower)
