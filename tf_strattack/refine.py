"""Proposition 3: the least distortion within a fixed sparse pattern, for perturbations of any origin."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack import proximal
from tf_strattack.attack import Found, Method
from tf_strattack.checks import Images, check_choice, check_count, check_number
from tf_strattack.classifier import Classifier, pad_rows
from tf_strattack.metrics import CHANGED
from tf_strattack.network import Network, Problem
from tf_strattack.progress import Callback, Tracker
from tf_strattack.result import AttackResult
from tf_strattack.solve import Solution, keep_best, solve
from tf_strattack.zstep import INITIAL_KAPPA, SOLVERS, MarginAndGradient, Weights, eta, z_step

# Iterations of the refinement by solver; the paper's spends them for each c of its search.
DEFAULT_ITERATIONS = {"prox_linear": 120, "paper": 200}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refinement(Method):
    """Minimises gamma ||delta||_2^2 over the pixels that a perturbation already changes (Proposition 3).

    The pixels that stay 0 are, per example, those changed by at most 1e-6 ([0, 1] scale) or less than the
    `sigma_quantile` of the changes above 1e-6. An example keeps what it came with unless something better succeeds.

    Attributes:
      gamma: weight of the distortion.
      rho: ADMM's penalty; None for gamma, the problem's own scale.
      alpha: factor of eta_k = alpha sqrt(k); None for 5 rho.
      solver: "prox_linear", or "paper" with a search of c.
      sigma_quantile: the share of the smallest changes that is given up, in [0, 1).
      max_iterations: iterations (for each c); None for 120, or 200 with "paper".
      initial_c, search_steps: of the search of c.

    Raises:
      InputError: a value out of range.
    """

    name: ClassVar[str] = "refinement"

    gamma: float = 1.0
    rho: float | None = None
    alpha: float | None = None
    solver: str = "prox_linear"
    sigma_quantile: float = 0.03
    max_iterations: int | None = None
    initial_c: float = 1.0
    search_steps: int = 6

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_choice("solver", self.solver, SOLVERS)
        check_number("gamma", self.gamma, 0.0, open_low=True)
        check_number("sigma_quantile", self.sigma_quantile, 0.0, 1.0)
        check_number("initial_c", self.initial_c, 0.0, open_low=True)
        check_count("search_steps", self.search_steps)
        for name in ("rho", "alpha"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0.0, open_low=True)
        if self.max_iterations is not None:
            check_count("max_iterations", self.max_iterations)

    def __call__(
        self,
        classifier: Classifier,
        images: Any,
        adversarial: Any,
        labels: Any,
        targets: Any = None,
        *,
        mask: Any = None,
        batch_size: int | None = None,
        callback: Callback | None = None,
    ) -> AttackResult:
        """Refines the perturbations `adversarial` - `images`; the other arguments are an attack's.

        Returns:
          A result whose examples are never worse than what came in: those that did not fool the network,
          or for which nothing better was found, are returned unchanged.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        return self.run(classifier, images, adversarial, labels, targets, mask, batch_size, callback)

    def iterations(self) -> int:
        """The number of iterations that a batch takes in all."""
        per_c = DEFAULT_ITERATIONS[self.solver] if self.max_iterations is None else self.max_iterations
        return per_c * (self.search_steps if self.solver == "paper" else 1)

    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Refines the rows whose start succeeds; the others leave the batch at once."""
        test = network.program("succeeds", network.succeeds, problem, start, tf.constant(0.0))
        succeeded = test(problem, start, tf.constant(self.confidence)).numpy()[:rows]
        number = succeeded.astype(np.int32)
        c = np.zeros(rows, np.float32)
        best, gradients = start.numpy().copy(), np.zeros(rows, np.int32)
        alive = np.flatnonzero(succeeded)
        if len(alive) and not tracker.interrupted:
            padded = pad_rows(alive)
            solution = self._solve(network, problem.take(padded), tf.gather(start, padded), tracker)
            best[alive] = solution.best.numpy()[: len(alive)]
            c[alive] = solution.c.numpy()[: len(alive)]
            gradients = number * solution.iterations
        return Found(succeeded, tf.constant(best), c, gradients, 1 + number * (gradients + 2))

    def _solve(self, network: Network, problem: Problem, start: tf.Tensor, tracker: Tracker) -> Solution:
        support = tf.constant(sparse_pattern(start.numpy(), self.sigma_quantile), tf.float32)
        restricted = problem._replace(lower=problem.lower * support, upper=problem.upper * support)
        margins = network.program("margin", network.margin, problem)(problem)
        rho = tf.fill(tf.shape(margins), self.gamma if self.rho is None else self.rho)
        weights = Weights.build(
            margins, gamma=self.gamma, tau=0.0, rho=tf.cast(rho, tf.float32), alpha=self.alpha,
            confidence=self.confidence,
        )  # fmt: skip

        def begin(problem: Problem, start: tf.Tensor, weights: Weights) -> State:
            return initial_state(problem, start, weights, network)

        def loop(state: State, problem: Problem, weights: Weights, iterations: tf.Tensor) -> State:
            return run(state, problem, weights, iterations, solver=self.solver, network=network)

        state = network.program("refine_start", begin, restricted, start, weights)(restricted, start, weights)
        return solve(
            network.program("refine", loop, state, restricted, weights, tf.constant(0), key=self.solver),
            lambda: state, restricted, weights,
            solver=self.solver, iterations=self.max_iterations or DEFAULT_ITERATIONS[self.solver],
            initial_c=self.initial_c, search_steps=self.search_steps, tracker=tracker,
        )  # fmt: skip


def refine(
    classifier: Classifier,
    images: Any,
    adversarial: Any,
    labels: Any,
    targets: Any = None,
    *,
    mask: Any = None,
    batch_size: int | None = None,
    callback: Callback | None = None,
    **hyper_parameters: Any,
) -> AttackResult:
    """Refines adversarial images of any origin; short for `Refinement(**hyper_parameters)(...)`.

    Example:
      refined = sa.refine(classifier, images, foolbox_images, labels, targets=targets, sigma_quantile=0.5)
    """
    method = Refinement(**hyper_parameters)
    return method(classifier, images, adversarial, labels, targets, mask=mask, batch_size=batch_size, callback=callback)


def sparse_pattern(delta: Images, sigma_quantile: float) -> npt.NDArray[np.bool_]:
    """Tells which entries of each perturbation (N, H, W, C), in [0, 1] scale, may stay non-zero.

    sigma is the quantile of each example's own |delta| above 1e-6. Entries below it by more than 1e-6 are
    given up, so that a perturbation of one magnitude (FGM in l_inf), rounding included, keeps its support.
    """
    magnitude = np.abs(delta).reshape(len(delta), -1)
    changed = magnitude > CHANGED
    values = np.sort(np.where(changed, magnitude, np.inf), axis=1)
    last = np.maximum(changed.sum(axis=1) - 1, 0)
    sigma = values[np.arange(len(values)), np.floor(sigma_quantile * last).astype(int)]
    kept = changed & (magnitude >= sigma[:, None] - CHANGED)
    return kept.reshape(delta.shape)


class State(NamedTuple):
    """The iterate of the refinement; fields as in `admm.State`."""

    k: tf.Tensor
    z: tf.Tensor
    u: tf.Tensor
    kappa: tf.Tensor
    c: tf.Tensor
    best: tf.Tensor
    objective: tf.Tensor


def initial_state(problem: Problem, start: tf.Tensor, weights: Weights, network: Network) -> State:
    """Starts from a successful perturbation; the best so far is it, or its restriction if that succeeds too."""
    z = proximal.box(start, problem.lower, problem.upper)
    holds = network.succeeds(problem, z, weights.required)
    best = tf.where(holds[:, None, None, None], z, start)
    rows = tf.zeros_like(weights.unit)
    cost = weights.gamma * tf.reduce_sum(tf.square(best), axis=[1, 2, 3])
    return State(tf.constant(0), z, tf.zeros_like(z), rows + INITIAL_KAPPA, rows, best, cost)


def step(
    state: State, problem: Problem, weights: Weights, solver: str, evaluate: MarginAndGradient
) -> tuple[State, tf.Tensor]:
    """One iteration, eqs. (21), (22) and the dual update; returns the next state and the candidate delta.

    The box of `problem` is the point 0 off the pattern, and the gradient is 0 there, so z stays 0 too.
    """
    rho = weights.rho
    delta = proximal.box(
        proximal.squared_l2(state.z - state.u, weights.gamma, rho), problem.lower, problem.upper
    )  # (21)
    eta_k = eta(state.k, weights)
    curvature = eta_k + rho
    z_bar = (eta_k * state.z + rho * (delta + state.u)) / curvature
    margins, gradient = evaluate(state.z)
    z, c = z_step(solver, state.z, z_bar, curvature, margins, gradient, state.kappa, weights)  # (22)
    return state._replace(k=state.k + 1, z=z, u=state.u + delta - z, c=c), delta


def run(
    state: State, problem: Problem, weights: Weights, iterations: tf.Tensor, *, solver: str, network: Network
) -> State:
    """Does `iterations` more steps, testing the candidate of each and keeping the one of least distortion."""

    def advance(state: State) -> tuple[State, tf.Tensor]:
        return step(state, problem, weights, solver, functools.partial(network.margin_and_gradient, problem))

    def cost(delta: tf.Tensor) -> tf.Tensor:
        return weights.gamma * tf.reduce_sum(tf.square(delta), axis=[1, 2, 3])

    return keep_best(state, iterations, advance, cost, lambda delta: network.succeeds(problem, delta, weights.required))
