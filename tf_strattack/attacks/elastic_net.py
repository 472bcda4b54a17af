"""EAD: the elastic-net attack of Chen et al. 2018 (arXiv 1709.04114), by FISTA."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tf_strattack.attacks.descent import Descent, Weights, following
from tf_strattack.checks import check_choice, check_number
from tf_strattack.problem import proximal
from tf_strattack.problem.goal import Network, Problem

DECISION_RULES = ("en", "l1")


class State(NamedTuple):
    """The iterate of N examples, and the best candidate so far.

    Attributes:
      k: the number of finished iterations, scalar int32.
      delta: the perturbation, sparse and within the box, (N, H, W, C).
      slack: delta with momentum, where the gradient is taken, (N, H, W, C).
      c: the weight of the margin, (N,).
      reference: the loss at the last look at progress, (N,).
      stalled: 1 where an example is finished, else 0, (N,) int32.
      best, objective: the successful candidate that the decision rule prefers, infinite where there is none.
    """

    k: tf.Tensor
    delta: tf.Tensor
    slack: tf.Tensor
    c: tf.Tensor
    reference: tf.Tensor
    stalled: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class ElasticNet(Descent):
    """Few and small changes: minimises beta ||delta||_1 + ||delta||_2^2 + c max{margin, -confidence} by FISTA.

    The step size of iteration k of K is `learning_rate` sqrt(1 - k/K), as in the authors' program. A step shrinks by
    step size times beta, which is what minimises this objective. Their program, and those that follow it, shrink by
    beta whatever the step size: their beta is about `learning_rate` times ours.

    Attributes:
      beta: the weight of the l1 norm, in [0, 1] scale.
      decision_rule: which of all successful iterates is returned: "en" the one of least
        beta ||delta||_1 + ||delta||_2^2, "l1" the one of least ||delta||_1.
      learning_rate: the first step size.
      max_iterations, search_steps, initial_c, abort_early: as in `CarliniWagnerL2`.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.ElasticNet(decision_rule="l1").beta
      1.0
    """

    name: ClassVar[str] = "ead"
    forwards: ClassVar[int] = 1

    beta: float = 1.0
    decision_rule: str = "en"

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_number("beta", self.beta, 0.0)
        check_choice("decision_rule", self.decision_rule, DECISION_RULES)

    def ranking(self) -> tuple[float, float, float]:
        """Beta, and what the decision rule prefers less of."""
        return (self.beta, self.beta, 1.0) if self.decision_rule == "en" else (self.beta, 1.0, 0.0)

    def initial_state(self, problem: Problem) -> State:
        """Starts from the original images, with no candidate."""
        zero = tf.zeros_like(problem.images)
        rows = tf.zeros_like(problem.lower[:, 0, 0, 0])
        return State(
            k=tf.constant(0),
            delta=zero,
            slack=zero,
            c=rows,
            reference=rows + float("inf"),
            stalled=tf.zeros_like(rows, tf.int32),
            best=zero,
            objective=rows + float("inf"),
        )

    def step(self, state: State, problem: Problem, weights: Weights, network: Network) -> State:
        """One step of FISTA from the slack, and a test of the iterate that it leads to."""
        margins, slope = network.margin_and_gradient(problem, state.slack)
        short = margins + weights.required
        active = tf.where(short > 0.0, state.c, 0.0)[:, None, None, None]
        k = tf.cast(state.k, tf.float32)
        size = weights.learning_rate * tf.sqrt(1.0 - k / tf.cast(weights.iterations, tf.float32))
        moved = state.slack - size * (2.0 * state.slack + active * slope)
        delta = proximal.box(proximal.l1(moved, weights.beta * size), problem.lower, problem.upper)
        elastic_net = tf.reduce_sum(weights.beta * tf.abs(state.slack) + tf.square(state.slack), axis=[1, 2, 3])
        advanced: State = following(
            state,
            weights,
            candidate=delta,
            fools=network.succeeds(problem, delta, weights.required),
            loss=elastic_net + state.c * tf.nn.relu(short),
            delta=delta,
            slack=delta + k / (k + 3.0) * (delta - state.delta),
        )
        return advanced
