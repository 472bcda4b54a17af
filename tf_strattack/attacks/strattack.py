"""StrAttack: adversarial perturbations that are sparse in groups of pixels (arXiv 1808.01664)."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from tf_strattack.attacks.attack import Attack, Found
from tf_strattack.attacks.refinement import Refinement
from tf_strattack.checks import check_choice, check_count, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem.distortions import DISTORTIONS
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.problem.groups import BORDERS, Groups
from tf_strattack.problem.objective import prox_of
from tf_strattack.problem.proximal import GROUP_PENALTIES
from tf_strattack.runtime import devices
from tf_strattack.runtime.progress import Tracker
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.runtime.rows import select_rows as take
from tf_strattack.solvers import admm, prox_linear
from tf_strattack.solvers.admm import Structure
from tf_strattack.solvers.compaction import Solution
from tf_strattack.solvers.solve import solve
from tf_strattack.solvers.zstep import DEFAULT_ALPHA, DEFAULT_PATIENCE, INITIAL_KAPPA, Weights

# Iterations by solver; the paper's spends them for each c of its search.
DEFAULT_ITERATIONS = {"prox_linear": 110, "admm": 200, "paper": 1000}
COPIES = ("support", "paper")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StrAttack(Attack):
    """The structured attack (arXiv 1808.01664): few groups of pixels change, and those by little.

    Minimises c f(x0 + delta) + gamma D(delta) + tau sum_i ||delta_{D_i}||_2 over valid images within epsilon, eq. (2),
    and then the distortion alone within the pattern found (Proposition 3). With tau = 0 this is the problem of C&W's
    attacks (`distortion` "l0", "l2", "linf"), of EAD ("en"), or of a least l1 norm.

    Attributes:
      group_size: side r of the sliding mask, in pixels; all channels of a pixel belong together.
      stride: its step in pixels; below `group_size` groups overlap. None for `group_size`.
      border: "cover" cuts the last groups at the edge; "drop" leaves the pixels there without group (the paper).
      penalty: "l2" is the paper's; "l2_half", sum_i ||delta_{D_i}||_2^(1/2), finds fewer groups at more distortion.
      distortion: D: "l2" is the paper's ||delta||_2^2; "l1" is ||delta||_1, "en" beta ||delta||_1 + ||delta||_2^2, "l0"
        the number of changed entries, "linf" the largest change.
      beta: the weight of the l1 norm in "en"; the others have none.
      solver: "prox_linear" solves the problem with the margin's tangent in place of the network, one evaluation an
        iteration, and leaves examples for which it finds nothing to "admm". "admm" splits as the paper does, but
        takes the tangent inside the hinge, so that no c is searched; distortion "l0" needs it, and with tau = 0
        it is the better one for "linf" too. "paper" is the paper's. docs/solver.md compares.
      copies: for overlapping groups and ADMM, "support" is consensus over the groups that hold a pixel; "paper" is
        Proposition 2 with a copy of the image for each group, whose steps are far smaller.
      tau, gamma: weights of group sparsity and of distortion; only their ratio matters, except to "paper".
      rho: ADMM's penalty, and with alpha the scale of the steps; None sets it per example from the tangent of the
        margin at the original.
      alpha: factor of eta_k = alpha sqrt(k), the inverse step; None for 10 rho ("prox_linear") or 5 rho.
      epsilon: the largest change of a pixel, in [0, 1] scale; None for no limit but the bounds.
      confidence: how far, in logits, the target must lie above all other classes.
      max_iterations: the most iterations (for each c); None for 110 ("prox_linear"), 200 ("admm"), 1000 ("paper").
      patience: an example is finished, and leaves the batch, when its best result has not become 0.2 % better for
        so many iterations after it first succeeded; None for 40, or never with "paper".
      max_groups: the most groups that may change, the best that is found within this budget; None for no limit.
      initial_c, search_steps: of the paper's search of c; 1 step keeps c fixed, as the paper's text does.
      refine: whether to run Proposition 3 on what was found.
      sigma_quantile: the share of the smallest changes that the refinement tries to give up, in [0, 1]; None for
        0.38, or 0.03 with "paper".
      refine_iterations: its iterations (for each c); None for 38 ("prox_linear"), 120 or 200.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> result = sa.StrAttack(max_iterations=60, refine=False)(classifier, images[:2], labels[:2])
      >>> result.success.tolist(), bool((sa.metrics.linf(result.delta) <= 0.6 + 1e-6).all())
      ([True, True], True)
    """

    name: ClassVar[str] = "strattack"

    group_size: int = 2
    stride: int | None = None
    border: str = "cover"
    penalty: str = "l2"
    distortion: str = "l2"
    beta: float = 1.0
    solver: str = "prox_linear"
    copies: str = "support"
    tau: float = 0.65
    gamma: float = 1.0
    rho: float | None = None
    alpha: float | None = None
    epsilon: float | None = 0.6
    max_iterations: int | None = None
    patience: int | None = None
    max_groups: int | None = None
    initial_c: float = 1.0
    search_steps: int = 6
    refine: bool = True
    sigma_quantile: float | None = None
    refine_iterations: int | None = None

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_count("group_size", self.group_size)
        if self.stride is None:
            object.__setattr__(self, "stride", self.group_size)
        check_count("stride", self.stride)
        check_number("stride", self.stride, 1, self.group_size)
        check_choice("border", self.border, BORDERS)
        check_choice("penalty", self.penalty, GROUP_PENALTIES)
        check_choice("copies", self.copies, COPIES)
        for name in ("rho", "alpha"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0.0, open_low=True)
        check_number("tau", self.tau, 0.0)
        for name in ("max_iterations", "patience", "max_groups"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        if not isinstance(self.refine, bool):
            raise InputError(f"expected refine to be True or False, received {self.refine!r}")
        _ = self.refinement  # checks what the two share

    @property
    def refinement(self) -> Refinement:
        """The refinement that follows the attack, with the attack's parameters."""
        return Refinement(
            gamma=self.gamma,
            distortion=self.distortion,
            beta=self.beta,
            solver=self.solver,
            epsilon=self.epsilon,
            confidence=self.confidence,
            sigma_quantile=self.sigma_quantile,
            max_iterations=self.refine_iterations,
            patience=self.patience,
            initial_c=self.initial_c,
            search_steps=self.search_steps,
        )

    def iterations(self) -> int:
        """The number of iterations that a batch takes in all, refinement included."""
        return self._iterations_at_c(self.solver) * (self.search_steps if self.solver == "paper" else 1) + (
            self.refinement.iterations() if self.refine else 0
        )

    def _iterations_at_c(self, solver: str) -> int:
        return DEFAULT_ITERATIONS[solver] if self.max_iterations is None else self.max_iterations

    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Attacks a batch; `start` is not used, the loop begins at the originals."""
        margins, slopes = network.program("slope", network.margin_and_slope, problem)(problem)
        tracker.count(len(problem.images), gradients=1)
        solution = self._solve(self.solver, network, problem, margins, slopes, rows, tracker)
        forwards = np.zeros_like(solution.iterations) if self.solver == "prox_linear" else solution.iterations.copy()
        missing = np.flatnonzero(~solution.found)
        if self.solver == "prox_linear" and len(missing) and not tracker.interrupted:
            # Feasible iterates can be caught where the network is flat; those of ADMM may leave the box meanwhile.
            padded = pad_rows(missing, devices.padded(len(missing), problem.images.shape[1:]))
            parts = take(problem, padded), tf.gather(margins, padded), tf.gather(slopes, padded)
            tracker.attend(missing)
            second = self._solve("admm", network, *parts, len(missing), tracker)
            forwards[missing] = second.iterations
            solution = solution.replaced(missing, second)
            tracker.attend(np.arange(rows))
        found = Found(solution.found, solution.best, solution.c, 1 + solution.iterations, forwards)
        if not self.refine or tracker.interrupted:
            return found
        start = tf.constant(pad_rows(solution.best, len(problem.images)))
        refined = self.refinement.perturb(network, problem, start, rows, tracker)
        return Found(
            found.found,
            refined.delta,
            np.where(refined.found, refined.c, found.c),
            found.gradient_evaluations + refined.gradient_evaluations,
            found.forward_evaluations + refined.forward_evaluations,
        )

    def _solve(
        self,
        solver: str,
        network: Network,
        problem: Problem,
        margins: tf.Tensor,
        slopes: tf.Tensor,
        rows: int,
        tracker: Tracker,
    ) -> Solution:
        height, width = problem.images.shape[1:3]
        groups = Groups(height, width, self.group_size, self.stride or self.group_size, self.border)
        limited = self.max_groups is not None
        structure = Structure(
            groups, self.penalty, solver, self.copies, limited, self.distortion, limited or self.tau > 0.0
        )
        rho = self._rho(margins, slopes, structure, math.prod(problem.images.shape[1:]))
        alpha = DEFAULT_ALPHA[solver] * rho if self.alpha is None else tf.zeros_like(rho) + self.alpha
        weights = Weights.build(
            margins,
            gamma=self.gamma,
            tau=self.tau,
            beta=self.beta,
            rho=rho,
            alpha=alpha,
            required=network.demanded(margins, self.confidence),
            patience=DEFAULT_PATIENCE[solver] if self.patience is None else self.patience,
            max_groups=self.max_groups,
        )
        state: Any
        if solver == "prox_linear":
            zero = tf.zeros_like(problem.images)
            state = prox_linear.initial_state(zero, zero, tf.fill(tf.shape(margins), math.inf), INITIAL_KAPPA)
        else:
            state = admm.initial_state(problem, structure)

        def loop(state: Any, problem: Problem, weights: Weights, iterations: tf.Tensor) -> Any:
            if solver != "prox_linear":
                return admm.run(state, problem, weights, iterations, structure=structure, network=network)
            return prox_linear.run(
                state,
                problem,
                weights,
                iterations,
                network=network,
                prox=prox_of(structure, problem, weights),
                square=DISTORTIONS[structure.distortion].square,
                cost=lambda delta: admm.objective(delta, structure, weights.gamma, weights.tau, weights.beta),
            )

        return solve(
            network.program("attack", loop, state, problem, weights, tf.constant(0), key=structure),
            state,
            problem,
            weights,
            solver=solver,
            rows=rows,
            iterations=self._iterations_at_c(solver),
            initial_c=self.initial_c,
            search_steps=self.search_steps,
            tracker=tracker,
        )

    def _rho(self, margins: tf.Tensor, slopes: tf.Tensor, structure: Structure, entries: int) -> tf.Tensor:
        """Rho (N,): as given, or such that what it divides, the threshold of a shrinkage, fits what will change.

        The tangent of the margin asks for a perturbation of norm margin/slope. Spread over 15 % of the groups
        this is a norm per group, and rho puts the threshold at three times that; with the entries for groups likewise
        where the distortion shrinks them. A squared norm has a scale of its own, gamma: rho is at least a tenth of it,
        which keeps the steps those of the distortion, and without groups a third.
        """
        if self.rho is not None:
            return tf.fill(tf.shape(margins), float(self.rho))
        distortion = DISTORTIONS[self.distortion]
        length = tf.maximum((tf.abs(margins) + self.confidence) / tf.maximum(slopes, 1e-12), 1e-9)
        least = (0.1 if structure.grouped else 0.3) * self.gamma * distortion.square
        rho = tf.fill(tf.shape(margins), float(least))
        if structure.grouped:
            rho = tf.maximum(rho, self.tau / (3.0 * length / math.sqrt(0.15 * structure.groups.number)))
        if distortion.scale is None:
            return rho
        threshold = 3.0 * length / math.sqrt(0.15 * entries)
        return tf.maximum(rho, self.gamma * distortion.scale(threshold, entries, self.beta))
