"""C&W: the l2 attack of Carlini & Wagner 2017 (arXiv 1608.04644)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack import compaction
from tf_strattack.attack import Attack, Found
from tf_strattack.checks import check_count, check_number
from tf_strattack.classifier import pad_rows
from tf_strattack.errors import InputError
from tf_strattack.network import Network, Problem
from tf_strattack.progress import Tracker
from tf_strattack.search import Bracket
from tf_strattack.solve import better
from tf_strattack.zstep import demanded

# Adam as TensorFlow's, which the authors' program used.
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
# Ten times in a search step the objective must have become this much better, else the step is over.
_CHECKS, _PROGRESS = 10, 0.9999
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


class Weights(NamedTuple):
    """Numeric parameters as tensors; `required` (N,) is the confidence asked for, the others are scalars."""

    required: tf.Tensor
    learning_rate: tf.Tensor
    check_every: tf.Tensor
    abort_early: tf.Tensor
    patience: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class CarliniWagnerL2(Attack):
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

    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Attacks a batch; `start` is not used, the loop begins at the originals."""
        margins = network.program("margin", network.margin, problem)(problem)
        tracker.count(len(problem.images), forwards=1)
        weights = Weights(
            demanded(margins, self.confidence), tf.constant(self.learning_rate),
            tf.constant(max(1, self.max_iterations // _CHECKS)), tf.constant(self.abort_early), tf.constant(1),
        )  # fmt: skip

        def loop(state: State, problem: Problem, weights: Weights, iterations: tf.Tensor) -> State:
            return run(state, problem, weights, iterations, network)

        bracket = Bracket(rows, self.initial_c)
        state = initial_state(problem)
        program = network.program("cw_l2", loop, state, problem, weights, tf.constant(0))
        best: compaction.Solution | None = None
        for _ in range(self.search_steps):
            c = pad_rows(bracket.c, len(margins))
            outcome = compaction.run(
                program, state._replace(c=tf.constant(c, tf.float32)), problem, weights, self.max_iterations,
                rows=rows, forwards=0, tracker=tracker,
            )  # fmt: skip
            best = outcome if best is None else better(best, outcome)
            if tracker.interrupted:
                break
            bracket.update(outcome.found)
        if best is None:
            raise ValueError("a search has at least one step")
        return Found(best.found, best.best, best.c, best.iterations, np.ones(rows, np.int32))


def initial_state(problem: Problem) -> State:
    """Starts from the original images, with no candidate."""
    middle, half = _box(problem)
    zero = tf.zeros_like(problem.images)
    rows = tf.zeros_like(problem.lower[:, 0, 0, 0])
    return State(
        k=tf.constant(0), w=tf.math.atanh(_INSIDE * tf.math.divide_no_nan(-middle, half)), mean=zero, square=zero,
        c=rows, reference=rows + float("inf"), stalled=tf.zeros_like(rows, tf.int32), best=zero,
        objective=rows + float("inf"),
    )  # fmt: skip


def run(state: State, problem: Problem, weights: Weights, iterations: tf.Tensor, network: Network) -> State:
    """Does `iterations` more steps, each of which tests its iterate first, and keeps the best."""
    middle, half = _box(problem)

    def step(state: State) -> tuple[State]:
        squashed = tf.tanh(state.w)
        delta = middle + half * squashed
        margins, slope = network.margin_and_gradient(problem, delta)
        distance = tf.reduce_sum(tf.square(delta), axis=[1, 2, 3])
        short = margins + weights.required
        going = state.stalled < weights.patience
        better = (short <= 0.0) & (distance < state.objective) & going
        # The gradient of ||delta||^2 + c [margin + required]_+ in w.
        active = tf.where(short > 0.0, state.c, 0.0)[:, None, None, None]
        gradient = (2.0 * delta + active * slope) * half * (1.0 - tf.square(squashed))
        count = tf.cast(state.k + 1, tf.float32)
        mean = _BETA1 * state.mean + (1.0 - _BETA1) * gradient
        square = _BETA2 * state.square + (1.0 - _BETA2) * tf.square(gradient)
        rate = weights.learning_rate * tf.sqrt(1.0 - tf.pow(_BETA2, count)) / (1.0 - tf.pow(_BETA1, count))
        loss = distance + state.c * tf.nn.relu(short)
        looks = (state.k % weights.check_every == 0) & weights.abort_early
        idle = looks & (loss > _PROGRESS * state.reference)
        return (
            state._replace(
                k=state.k + 1,
                w=state.w - rate * mean / (tf.sqrt(square) + _EPSILON),
                mean=mean,
                square=square,
                reference=tf.where(looks, loss, state.reference),
                stalled=tf.where(going & ~idle, 0, weights.patience),
                best=tf.where(better[:, None, None, None], delta, state.best),
                objective=tf.where(better, distance, state.objective),
            ),
        )

    last = state.k + iterations
    return tf.while_loop(lambda state: state.k < last, step, (state,), parallel_iterations=1)[0]


def _box(problem: Problem) -> tuple[tf.Tensor, tf.Tensor]:
    """Middle and half the width of the box of perturbations, each (N, H, W, C)."""
    return 0.5 * (problem.upper + problem.lower), 0.5 * (problem.upper - problem.lower)
