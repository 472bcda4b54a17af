"""Proposition 3: the least distortion within a fixed sparse pattern, for perturbations of any origin."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.attacks.hyper_parameters import refusing
from tf_strattack.attacks.method import Method
from tf_strattack.attacks.places import place_in
from tf_strattack.attacks.pruning import ROUNDS, UNITS, prune
from tf_strattack.checks import check_choice, check_number
from tf_strattack.errors import InputError
from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import CHANGED, Distortion, as_distortion
from tf_strattack.problem.groups import GroupStructure, as_structure
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.work import Work
from tf_strattack.result import AttackResult
from tf_strattack.runtime.progress import Callback
from tf_strattack.solvers import Paper, Solver, as_solver
from tf_strattack.solvers.best import GIVEN, Best, Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Images, Pixels

# The share of the changes to give up: the paper's, and ours, which docs/solver.md supports.
_PAPER_QUANTILE, _QUANTILE = 0.03, 0.41
# If no better solution is left without so many, this part of them is tried, down to the paper's share.
_LESS = 0.6


@refusing(lambda name, given: place_in(name, solver=given.get("solver"), refining=True))
@dataclasses.dataclass(frozen=True, kw_only=True)
class Refinement(Method):
    """Minimises gamma D(delta) over the pixels that a perturbation already changes (Proposition 3).

    The pixels that stay 0 are, per example, those changed by at most 1e-6 ([0, 1] scale) or less than the
    `sigma_quantile` of the changes above 1e-6. If no success of less distortion remains, 0.6 times as many are given
    up, and so on. An example keeps its image unless a better one succeeds.

    Attributes:
      gamma: weight of the distortion.
      distortion: D, as in `StrAttack`.
      solver: an object of `tf_strattack.solvers`, or its name for the defaults of a refinement: "prox_linear" for
        `ProxLinear.refining()`, "admm", or "paper" with a search of c.
      sigma_quantile: the share of the smallest changes to give up, in [0, 1]; None for 0.41, or the paper's 0.03 with
        its solver. Below 0.03 it is not reduced.
      prune: "entries" or "groups" to give up as many more of them as possible while the example succeeds, even if its
        distortion grows, in up to five more rounds; None for neither.
      groups: which pixels form a group, as in `StrAttack`, with prune="groups"; None for squares of 2 x 2 pixels, or
        those of the attack. Pixels that they leave fixed are like those outside a mask.
      epsilon, confidence: as in `StrAttack`.

    Raises:
      InputError: a value out of range, or a hyper-parameter that belongs to the solver.
    """

    name: ClassVar[str] = "refinement"

    gamma: float = 1.0
    distortion: str | Distortion = "l2"
    solver: str | Solver[Any, Any] = "prox_linear"
    sigma_quantile: float | None = None
    prune: str | None = None
    groups: GroupStructure | int | None = None

    def __post_init__(self) -> None:
        """Checks the values, and resolves names to objects."""
        super().__post_init__()
        check_number("gamma", self.gamma, 0.0, open_low=True)
        object.__setattr__(self, "distortion", as_distortion(self.distortion))
        object.__setattr__(self, "solver", as_solver(self.solver, refining=True))
        if self.sigma_quantile is not None:
            check_number("sigma_quantile", self.sigma_quantile, 0.0, 1.0)
        if self.prune is not None:
            check_choice("prune", self.prune, UNITS)
        if self.groups is not None:
            if self.prune != "groups":
                raise InputError(f"expected groups with prune=groups, received prune={self.prune}: leave groups out")
            object.__setattr__(self, "groups", as_structure(self.groups))
        self._solver.check(as_distortion(self.distortion), None)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The hyper-parameters by name, resolved, as plain values for records."""
        return {**super().hyper_parameters, "sigma_quantile": self.quantile}

    @property
    def quantile(self) -> float:
        """The share of the smallest changes to give up at first."""
        if self.sigma_quantile is not None:
            return self.sigma_quantile
        return _PAPER_QUANTILE if isinstance(self.solver, Paper) else _QUANTILE

    @property
    def _solver(self) -> Solver[Any, Any]:
        return as_solver(self.solver, refining=True)

    @property
    def _objective(self) -> Objective:
        return Objective(as_distortion(self.distortion), gamma=self.gamma)

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
          adversarial: (N, H, W, C) adversarial images from any attack, within the bounds.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the target classes; None for untargeted examples.
          mask, batch_size, callback: as for `Attack.__call__`.

        Returns:
          A result whose examples are never farther than the given ones, unless `prune` has found fewer changes: images
          that did not fool the network, or could not be improved, are returned unchanged.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        return self.run(classifier, images, adversarial, labels, targets, mask, batch_size, callback)

    def iterations(self) -> int:
        """The total number of iterations of a batch, if one round of giving up suffices."""
        return self._solver.total_iterations * (1 if self.prune is None else 1 + ROUNDS)

    def perturb(self, work: Work, given: Images) -> Solution:
        """Refines the perturbations `given` (N, H, W, C) that succeed; the others leave the batch at once."""
        if self.groups is not None:
            work = work.placed(as_structure(self.groups))
        return self.refined(work, given)

    def refined(self, work: Work, given: Images) -> Solution:
        """Refines as `perturb` does, for a batch that has its groups already, as that of an attack with them does.

        Args:
          work: the examples.
          given: their perturbations (N, H, W, C), in [0, 1] scale.

        Raises:
          InputError: `groups` that do not fit the images.
        """
        work.tracker.enter(self.name)
        start = work.padded(given)
        required = tf.fill([work.size], tf.constant(self.confidence, tf.float32))
        succeeded = work.evaluate(
            "succeeds", lambda problem, start, required: problem.is_adversarial(start, required), start, required
        )
        succeeded = succeeded.numpy()[: work.rows]
        unknown = np.where(succeeded, 0.0, np.inf).astype(np.float32)
        best = Solution.of(given.copy(), unknown, np.zeros(work.rows, np.float32), GIVEN)
        todo, quantile = np.flatnonzero(succeeded), self.quantile
        while len(todo) and not work.tracker.interrupted:
            solution = self._within_pattern(work.some(todo), work.select(todo, start), quantile)
            improved = (solution.delta != best.delta[todo]).any(axis=(1, 2, 3))
            best.put(todo, solution._replace(origin=best.origin[todo]))
            quantile *= _LESS
            todo = todo[~improved] if quantile >= _PAPER_QUANTILE else todo[:0]
        if self.prune is not None:
            prune(self._within, work, best, as_structure(self.groups or 2) if self.prune == "groups" else None)
        return best

    def _within_pattern(self, work: Work, start: Pixels, quantile: float) -> Solution:
        """The least distortion without the smallest changes of `start` (N, H, W, C), up to the `quantile`."""
        support = tf.constant(sparse_pattern(start.numpy(), quantile), tf.float32)
        objective = self._objective
        known = Best.of(start, objective.at(objective.numbers(), work.batch).cost(start))
        return self._within(work, start, support, known)

    def _within(self, work: Work, start: Pixels, support: Pixels, known: Best | None = None) -> Solution:
        """The least distortion where `support` (N, H, W, C) is 1, from `start`; `known` if none is better."""
        batch = work.batch._replace(lower=work.batch.lower * support, upper=work.batch.upper * support)
        work = dataclasses.replace(work, batch=batch)
        originals, start = self.originals(work, work.margins()), proximal.box(start, batch.lower, batch.upper)
        return minimise(self._solver, self._objective, work, originals, start=start, known=known)


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
      adversarial: (N, H, W, C) adversarial images from any attack, within the bounds.
      labels: (N,) integers, the true classes.
      targets: (N,) integers, the target classes; None for untargeted examples.
      mask, batch_size, callback: as for `Attack.__call__`.
      **hyper_parameters: those of `Refinement`, such as sigma_quantile, epsilon and confidence.

    Returns:
      A result whose examples are never farther than the given ones, unless `prune` has found fewer changes.

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
    """Which entries of each perturbation (N, H, W, C), in [0, 1] scale, may stay non-zero.

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
