"""Proposition 3: the least distortion within a fixed sparse pattern, for perturbations of any origin."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.attacks.attack import Found, Method
from tf_strattack.checks import check_choice, check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import CHANGED, DISTORTIONS
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.result import AttackResult
from tf_strattack.runtime import devices
from tf_strattack.runtime.progress import Callback, Tracker
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.runtime.rows import select_rows as take
from tf_strattack.solvers import prox_linear, refine_admm
from tf_strattack.solvers.compaction import Solution
from tf_strattack.solvers.solve import solve
from tf_strattack.solvers.zstep import DEFAULT_ALPHA, DEFAULT_PATIENCE, SOLVERS, Weights
from tf_strattack.typing import Images

# Iterations of the refinement by solver; the paper's spends them for each c of its search.
DEFAULT_ITERATIONS = {"prox_linear": 38, "admm": 120, "paper": 200}

# The share of the changes to give up: the paper's, and what docs/solver.md supports.
_PAPER_QUANTILE, _QUANTILE = 0.03, 0.38
# Where nothing better is left without so many, this part of them is tried, down to the paper's share.
_LESS = 0.6

# alpha/rho where the caller gives no alpha, and what is asked of the margin at first: the start succeeds already.
_ALPHA = {**DEFAULT_ALPHA, "prox_linear": 20.0}
_INITIAL_KAPPA = 0.005


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refinement(Method):
    """Minimises gamma D(delta) over the pixels that a perturbation already changes (Proposition 3).

    The pixels that stay 0 are, per example, those changed by at most 1e-6 ([0, 1] scale) or less than the
    `sigma_quantile` of the changes above 1e-6. Where this leaves nothing of less distortion, 0.6 times as many are
    given up, and so on. An example keeps what it came with unless something better succeeds.

    Attributes:
      gamma: weight of the distortion.
      distortion, beta: D, as in `StrAttack`.
      rho: ADMM's penalty; None for gamma, the problem's own scale.
      alpha: factor of eta_k = alpha sqrt(k), the inverse step; None for 20 rho, or 5 rho with ADMM.
      solver: "prox_linear", "admm", or "paper" with a search of c.
      sigma_quantile: the share of the smallest changes to give up, in [0, 1]; None for 0.38, or the paper's 0.03 with
        its solver. Below 0.03 it is not lessened.
      max_iterations: the most iterations of a round (for each c); None for 38 ("prox_linear"), 120 or 200 ("paper").
      patience: an example is finished when its best result has not become 0.2 % better for so many iterations;
        None for 40, or never with "paper".
      initial_c, search_steps: of the search of c.

    Raises:
      InputError: a value out of range.
    """

    name: ClassVar[str] = "refinement"

    gamma: float = 1.0
    distortion: str = "l2"
    beta: float = 1.0
    rho: float | None = None
    alpha: float | None = None
    solver: str = "prox_linear"
    sigma_quantile: float | None = None
    max_iterations: int | None = None
    patience: int | None = None
    initial_c: float = 1.0
    search_steps: int = 6

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_choice("solver", self.solver, SOLVERS)
        check_number("gamma", self.gamma, 0.0, open_low=True)
        check_choice("distortion", self.distortion, DISTORTIONS)
        if self.distortion == "l0" and self.solver == "prox_linear":
            # What meets the tangent is sought by secants, and here it jumps.
            raise InputError("expected solver=admm or paper with distortion=l0, received prox_linear")
        check_number("beta", self.beta, 0.0)
        if self.sigma_quantile is not None:
            check_number("sigma_quantile", self.sigma_quantile, 0.0, 1.0)
        check_number("initial_c", self.initial_c, 0.0, open_low=True)
        check_count("search_steps", self.search_steps)
        for name in ("rho", "alpha"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("max_iterations", "patience"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))

    def __call__(
        self,
        classifier: Any,
        images: Any,
        adversarial: Any,
        labels: Any,
        targets: Any = None,
        *,
        mask: Any = None,
        batch_size: int | str | None = None,
        callback: Callback | None = None,
    ) -> AttackResult:
        """Refines the perturbations `adversarial` - `images`.

        Args:
          classifier: a `Classifier`, or a Keras model of images in [0, 1].
          images: (N, H, W, C) originals within `classifier.bounds`.
          adversarial: (N, H, W, C) what an attack of any kind made of them, within the bounds.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes that are reached; None for untargeted examples.
          mask, batch_size, callback: as of `Attack.__call__`.

        Returns:
          A result whose examples are never worse than what came in: those that did not fool the network,
          or for which nothing better was found, are returned unchanged.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        return self.run(classifier, images, adversarial, labels, targets, mask, batch_size, callback)

    def _quantile(self) -> float:
        if self.sigma_quantile is not None:
            return self.sigma_quantile
        return _PAPER_QUANTILE if self.solver == "paper" else _QUANTILE

    def iterations(self) -> int:
        """The number of iterations that a batch takes in all, where one round of giving up suffices."""
        per_c = DEFAULT_ITERATIONS[self.solver] if self.max_iterations is None else self.max_iterations
        return per_c * (self.search_steps if self.solver == "paper" else 1)

    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Refines the rows whose start succeeds; the others leave the batch at once."""
        tracker.enter(self.name)
        test = network.program("succeeds", network.succeeds, problem, start, tf.constant(0.0))
        succeeded = test(problem, start, tf.constant(self.confidence, tf.float32)).numpy()[:rows]
        tracker.count(len(start), forwards=1)
        c, gradients = np.zeros(rows, np.float32), np.zeros(rows, np.int32)
        forwards = np.ones(rows, np.int32)
        best = start.numpy()[:rows].copy()
        todo, quantile = np.flatnonzero(succeeded), self._quantile()
        while len(todo) and not tracker.interrupted:
            tracker.attend(todo)
            padded = pad_rows(todo, devices.padded(len(todo), problem.images.shape[1:]))
            given = tf.gather(start, padded)
            pattern = sparse_pattern(given.numpy(), quantile)
            solution = self._solve(network, take(problem, padded), given, pattern, len(todo), tracker)
            improved = (solution.best != best[todo]).any(axis=(1, 2, 3))
            best[todo], c[todo] = solution.best, solution.c
            gradients[todo] += solution.iterations
            # The margin of the originals; ADMM also tests its start and the candidate of each iteration.
            forwards[todo] += 1 if self.solver == "prox_linear" else 2 + solution.iterations
            quantile *= _LESS
            todo = todo[~improved] if quantile >= _PAPER_QUANTILE else todo[:0]
        return Found(succeeded, best, c, gradients, forwards)

    def _solve(
        self,
        network: Network,
        problem: Problem,
        start: tf.Tensor,
        pattern: npt.NDArray[np.bool_],
        rows: int,
        tracker: Tracker,
    ) -> Solution:
        support = tf.constant(pattern, tf.float32)
        restricted = problem._replace(lower=problem.lower * support, upper=problem.upper * support)
        margins = network.program("margin", network.margin, problem)(problem)
        tracker.count(len(start), forwards=1)
        rho = tf.zeros_like(margins) + (self.gamma if self.rho is None else self.rho)
        alpha = _ALPHA[self.solver] * rho if self.alpha is None else tf.zeros_like(rho) + self.alpha
        weights = Weights.build(
            margins,
            gamma=self.gamma,
            tau=0.0,
            beta=self.beta,
            rho=rho,
            alpha=alpha,
            required=network.demanded(margins, self.confidence),
            patience=DEFAULT_PATIENCE[self.solver] if self.patience is None else self.patience,
        )

        distortion = DISTORTIONS[self.distortion]

        def cost(delta: tf.Tensor, weights: Weights) -> tf.Tensor:
            return weights.gamma * distortion.cost(delta, weights.beta)

        key = (self.solver, self.distortion)
        if self.solver == "prox_linear":
            on_pattern = proximal.box(start, restricted.lower, restricted.upper)
            state = prox_linear.initial_state(on_pattern, start, cost(start, weights), _INITIAL_KAPPA)

            def loop(state: Any, problem: Problem, weights: Weights, iterations: tf.Tensor) -> Any:
                def prox(x: tf.Tensor, curvature: tf.Tensor) -> tf.Tensor:
                    return distortion.shrink(x, weights.gamma / curvature, weights.beta, problem.lower, problem.upper)

                return prox_linear.run(
                    state,
                    problem,
                    weights,
                    iterations,
                    prox=prox,
                    cost=lambda delta: cost(delta, weights),
                    network=network,
                    memory=0.0,
                    square=distortion.square,
                )

        else:

            def begin(problem: Problem, start: tf.Tensor, weights: Weights) -> refine_admm.State:
                return refine_admm.initial_state(problem, start, weights, distortion, network)

            state = network.program("refine_start", begin, restricted, start, weights, key=key)(
                restricted, start, weights
            )
            tracker.count(len(start), forwards=1)

            def loop(state: Any, problem: Problem, weights: Weights, iterations: tf.Tensor) -> Any:
                return refine_admm.run(
                    state, problem, weights, iterations, solver=self.solver, distortion=distortion, network=network
                )

        return solve(
            network.program("refine", loop, state, restricted, weights, tf.constant(0), key=key),
            state,
            restricted,
            weights,
            solver=self.solver,
            rows=rows,
            iterations=self.max_iterations or DEFAULT_ITERATIONS[self.solver],
            initial_c=self.initial_c,
            search_steps=self.search_steps,
            tracker=tracker,
        )


def refine(
    classifier: Any,
    images: Any,
    adversarial: Any,
    labels: Any,
    targets: Any = None,
    *,
    mask: Any = None,
    batch_size: int | str | None = None,
    callback: Callback | None = None,
    **hyper_parameters: Any,
) -> AttackResult:
    """Refines adversarial images of any origin (Proposition 3); short for `Refinement(**hyper_parameters)(...)`.

    Args:
      classifier: a `Classifier`, or a Keras model of images in [0, 1].
      images: (N, H, W, C) originals within `classifier.bounds`.
      adversarial: (N, H, W, C) what an attack of any kind made of them, within the bounds.
      labels: (N,) integers, the true classes.
      targets: (N,) integers, the classes that are reached; None for untargeted examples.
      mask, batch_size, callback: as of `Attack.__call__`.
      **hyper_parameters: those of `Refinement`, such as sigma_quantile, epsilon and confidence.

    Returns:
      A result whose examples are never worse than what came in.

    Raises:
      InputError: a value of the wrong kind, shape or range.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> images, labels = images[:2], labels[:2]
      >>> rough = sa.FGM(norm="l2")(classifier, images, labels)
      >>> refined = sa.refine(classifier, images, rough.adversarial, labels)
      >>> bool((sa.metrics.l2(refined.delta) <= sa.metrics.l2(rough.delta) + 1e-6).all())
      True
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
