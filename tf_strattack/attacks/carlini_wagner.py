"""C&W: the l2 attack of Carlini & Wagner 2017 (arXiv 1608.04644)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tf_strattack.attacks.descent import Descent, Weights, following
from tf_strattack.problem.goal import Network, Problem

# Adam as TensorFlow's, which the authors' program used.
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
# Keeps the start, the original itself, off the ends of tanh, where its slope is 0.
_INSIDE = 0.999999


class State(NamedTuple):
    """The iterate of N examples, and the best candidate so far.

    Attributes:
      k: the number of finished iterations, scalar int32.
      w: what is optimised; the perturbation is the box's middle plus half its width times tanh(w), (N, H, W, C).
      mean, square: Adam's moments, (N, H, W, C).
      c: the weight of the margin, (N,).
      reference: the loss at the last look at progress, (N,).
      stalled: 1 where an example is finished, else 0, (N,) int32.
      best, objective: the successful candidate of least ||delta||_2^2, infinite where there is none.
    """

    k: tf.Tensor
    w: tf.Tensor
    mean: tf.Tensor
    square: tf.Tensor
    c: tf.Tensor
    reference: tf.Tensor
    stalled: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class CarliniWagnerL2(Descent):
    """The least l2 distortion: minimises ||delta||_2^2 + c max{margin, -confidence} by Adam in tanh space.

    c is searched per example: from `initial_c` by factors of 10 to a bracket, then by bisection of its logarithm.

    Attributes:
      learning_rate: of Adam.
      max_iterations: for each c.
      search_steps: how many c are tried.
      initial_c: the first.
      abort_early: whether an example leaves a search step when a tenth of its iterations has not lessened its
        loss by 0.01 %.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.CarliniWagnerL2(confidence=5.0).search_steps
      9
    """

    name: ClassVar[str] = "cw_l2"

    def initial_state(self, problem: Problem) -> State:
        """Starts from the original images, with no candidate."""
        middle, half = _box(problem)
        zero = tf.zeros_like(problem.images)
        rows = tf.zeros_like(problem.lower[:, 0, 0, 0])
        return State(
            k=tf.constant(0),
            w=tf.math.atanh(_INSIDE * tf.math.divide_no_nan(-middle, half)),
            mean=zero,
            square=zero,
            c=rows,
            reference=rows + float("inf"),
            stalled=tf.zeros_like(rows, tf.int32),
            best=zero,
            objective=rows + float("inf"),
        )

    def step(self, state: State, problem: Problem, weights: Weights, network: Network) -> State:
        """One step of Adam, which tests the iterate that it starts from."""
        middle, half = _box(problem)
        squashed = tf.tanh(state.w)
        delta = middle + half * squashed
        margins, slope = network.margin_and_gradient(problem, delta)
        short = margins + weights.required
        # The gradient of ||delta||^2 + c [margin + required]_+ in w.
        active = tf.where(short > 0.0, state.c, 0.0)[:, None, None, None]
        gradient = (2.0 * delta + active * slope) * half * (1.0 - tf.square(squashed))
        count = tf.cast(state.k + 1, tf.float32)
        mean = _BETA1 * state.mean + (1.0 - _BETA1) * gradient
        square = _BETA2 * state.square + (1.0 - _BETA2) * tf.square(gradient)
        rate = weights.learning_rate * tf.sqrt(1.0 - tf.pow(_BETA2, count)) / (1.0 - tf.pow(_BETA1, count))
        loss = tf.reduce_sum(tf.square(delta), axis=[1, 2, 3]) + state.c * tf.nn.relu(short)
        advanced: State = following(
            state,
            weights,
            candidate=delta,
            fools=short <= 0.0,
            loss=loss,
            w=state.w - rate * mean / (tf.sqrt(square) + _EPSILON),
            mean=mean,
            square=square,
        )
        return advanced


def _box(problem: Problem) -> tuple[tf.Tensor, tf.Tensor]:
    """Middle and half the width of the box of perturbations, each (N, H, W, C)."""
    return 0.5 * (problem.upper + problem.lower), 0.5 * (problem.upper - problem.lower)
