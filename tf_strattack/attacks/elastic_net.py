"""EAD: the elastic-net attack of Chen et al. 2018 (arXiv 1709.04114), by FISTA."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tf_strattack.attacks.descent import Descent, Numbers, progress_of, size_of
from tf_strattack.checks import check_choice, check_number
from tf_strattack.problem import proximal
from tf_strattack.problem.problem import Problem
from tf_strattack.solvers.base import Candidate, Monitored
from tf_strattack.typing import Pixels, Rows, Scalar

DECISION_RULES = ("en", "l1")


class Iterate(NamedTuple):
    """The iterate of N examples.

    Attributes:
      delta: the perturbation, sparse and within the box, (N, H, W, C).
      slack: delta with momentum, where the gradient is taken, (N, H, W, C).
      c: the weight of the margin, (N,).
      reference: the loss at the last check of progress, (N,).
    """

    delta: Pixels
    slack: Pixels
    c: Rows
    reference: Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class ElasticNet(Descent[Iterate]):
    """Few and small changes: minimises beta ||delta||_1 + ||delta||_2^2 + c max{margin, -confidence} by FISTA.

    The step size of iteration k of K is `learning_rate` sqrt(1 - k/K), as in the authors' program. A step shrinks by
    the step size times beta, which minimises this objective. Their program, and those based on it, shrink by beta
    whatever the step size: their beta is about `learning_rate` times ours.

    Attributes:
      beta: the weight of the l1 norm, in [0, 1] scale.
      decision_rule: which of the successful iterates to return: "en" the one with the smallest
        beta ||delta||_1 + ||delta||_2^2, "l1" the one with the smallest ||delta||_1.
      learning_rate: the first step size.
      max_iterations: the most iterations for each c.
      search_steps: how many values of c to try.
      initial_c: the first value of c.
      abort_early: whether to stop a search step early once the loss has improved by less than 0.01 % over a tenth of
        the iterations.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.ElasticNet(decision_rule="l1").beta
      1.0
    """

    name: ClassVar[str] = "ead"

    beta: float = 1.0
    decision_rule: str = "en"

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_number("beta", self.beta, 0.0)
        check_choice("decision_rule", self.decision_rule, DECISION_RULES)

    def ranking(self) -> tuple[float, float, float]:
        """Beta, and the norm by which the decision rule compares."""
        return (self.beta, self.beta, 1.0) if self.decision_rule == "en" else (self.beta, 1.0, 0.0)

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The perturbations `start` (N, H, W, C), without momentum."""
        return Iterate(start, start, c, tf.fill(tf.shape(c), float("inf")))

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Numbers) -> tuple[Iterate, Candidate]:
        """One step of FISTA from the slack, and a test of the iterate that it leads to."""
        slack, batch = iterate.slack, problem.batch
        margins, slope = problem.margin_and_gradient(slack)
        shortfall = margins + parameters.required
        active = tf.where(shortfall > 0.0, iterate.c, 0.0)[:, None, None, None]
        count = tf.cast(k, tf.float32)
        size = parameters.learning_rate * tf.sqrt(1.0 - count / tf.cast(parameters.iterations, tf.float32))
        moved = slack - size * (2.0 * slack + active * slope)
        delta = proximal.box(proximal.l1(moved, parameters.beta * size), batch.lower, batch.upper)
        elastic_net = tf.reduce_sum(parameters.beta * tf.abs(slack) + tf.square(slack), axis=[1, 2, 3])
        loss = elastic_net + iterate.c * tf.nn.relu(shortfall)
        reference, idle = progress_of(k, loss, iterate.reference, parameters)
        succeeded = problem.is_adversarial(delta, parameters.required)
        candidate = Candidate(delta, size_of(delta, parameters), succeeded, finished=idle)
        slack = delta + count / (count + 3.0) * (delta - iterate.delta)
        return Iterate(delta, slack, iterate.c, reference), candidate

    def monitor(self, iterate: Iterate, parameters: Numbers) -> Monitored:
        """The c that is searched."""
        return Monitored(iterate.c)
