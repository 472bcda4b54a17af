"""StrAttack: adversarial perturbations that are sparse in groups of pixels (arXiv 1808.01664)."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.beginning import Beginnings
from tf_strattack.attacks.connection import check_connected, connect, connecting
from tf_strattack.attacks.hyper_parameters import record_of, refusing
from tf_strattack.attacks.places import place_in
from tf_strattack.attacks.refinement import Refinement
from tf_strattack.attacks.structure import chosen_structure
from tf_strattack.checks import check_choice, check_count, check_number, check_whole
from tf_strattack.errors import InputError
from tf_strattack.problem.distortions import Distortion, as_distortion
from tf_strattack.problem.groups import GroupStructure, as_structure
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.proximal import GROUP_PENALTIES
from tf_strattack.problem.work import Work
from tf_strattack.result import AttackResult
from tf_strattack.runtime.progress import Callback
from tf_strattack.solvers import SOLVERS, Admm, ProxLinear, Solver, as_solver
from tf_strattack.solvers.best import Solution
from tf_strattack.typing import Images

# The values that the attack passes to its refinement.
_SHARED = ("gamma", "distortion", "epsilon", "confidence")


@refusing(lambda name, given: place_in(name, solver=given.get("solver")))
@dataclasses.dataclass(frozen=True, kw_only=True)
class StrAttack(Attack):
    """The structured attack (arXiv 1808.01664): it changes few groups of pixels, and only slightly.

    Minimises c f(x0 + delta) + gamma D(delta) + tau sum_i ||delta_{D_i}||_2 over valid images within epsilon, eq. (2),
    and then the distortion alone within the pattern found (Proposition 3). With tau = 0 this is the problem of the C&W
    attacks (`distortion` "l0", "l2", "linf"), of EAD ("en"), or of the smallest l1 norm.

    Attributes:
      groups: which pixels form a group, such as `SlidingMask(3, stride=2)`, or a number for squares of that side; None
        for squares of 2 x 2 pixels, or no groups if tau is 0 and there is no `max_groups`.
      group_size, stride, border: short for `groups=SlidingMask(group_size, stride, border)`.
      penalty: "l2", the paper's, or "l2_half", sum_i ||delta_{D_i}||_2^(1/2), for fewer groups at more distortion.
      distortion: D: "l2", the paper's ||delta||_2^2, "l1", ||delta||_1, "en", beta ||delta||_1 + ||delta||_2^2, "l0",
        the number of changed entries, "linf", the largest change, or an object of `tf_strattack.distortions`.
      tau, gamma: weights of group sparsity and of distortion; only their ratio matters, except to "paper".
      solver: "prox_linear", "admm" or "paper", or an object of `tf_strattack.solvers`. "prox_linear" solves the problem
        with the margin's tangent in place of the network. "admm" splits as the paper does, but takes the tangent inside
        the hinge and needs no search of c; use it for distortion "l0", and for "linf" with tau = 0. "paper" is the
        paper's. docs/solver.md compares them.
      restarts: how often an example without success begins again: with "prox_linear" first at the original with
        shorter steps, then at random points. None for 4 with "prox_linear", and 0 with the others.
      seed: the seed of the random points.
      fallback: the solver for examples that still have no perturbation: an object, a name, False or None for none, True
        for "admm" after "prox_linear" and none after the others.
      epsilon: the largest change of a pixel, in [0, 1] scale, or None for no limit but the bounds.
      confidence: how far, in logits, the target must lie above all other classes.
      max_groups: the most groups that may change, or None for no limit.
      connected: whether to gather the changes in fewer clusters of fewer groups, at a little more distortion. Groups
        next to changed ones become cheaper, others more expensive (as in GSE, arXiv 2311.17434).
      refine: whether to run Proposition 3 on the successes: True, False, or a `Refinement`, which gets distortion,
        gamma, epsilon and confidence from the attack.

    Raises:
      InputError: a value is out of range or has no effect together with the others, or a hyper-parameter belongs to the
        solver, the refinement or the distortion.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> attack = sa.StrAttack(solver=sa.solvers.ProxLinear(max_iterations=60), refine=False)
      >>> result = attack(classifier, images[:2], labels[:2])
      >>> result.success.tolist(), bool((sa.metrics.linf(result.delta) <= 0.6 + 1e-6).all())
      ([True, True], True)
    """

    name: ClassVar[str] = "strattack"

    groups: GroupStructure | int | None = None
    group_size: dataclasses.InitVar[int | None] = None
    stride: dataclasses.InitVar[int | None] = None
    border: dataclasses.InitVar[str | None] = None
    penalty: str = "l2"
    distortion: str | Distortion = "l2"
    tau: float = 0.65
    gamma: float = 1.0
    solver: str | Solver[Any, Any] = "prox_linear"
    fallback: str | Solver[Any, Any] | bool | None = True
    restarts: int | None = None
    seed: int = 0
    epsilon: float | None = 0.6
    max_groups: int | None = None
    connected: bool = False
    refine: bool | Refinement = True

    def __post_init__(self, group_size: int | None, stride: int | None, border: str | None) -> None:
        """Checks the values, and resolves short forms and names to objects."""
        super().__post_init__()
        check_number("tau", self.tau, 0.0)
        check_number("gamma", self.gamma, 0.0, open_low=True)
        if self.max_groups is not None:
            check_count("max_groups", self.max_groups)
        if self.restarts is not None:
            check_whole("restarts", self.restarts)
        check_whole("seed", self.seed)
        check_choice("penalty", self.penalty, GROUP_PENALTIES)
        short = {"group_size": group_size, "stride": stride, "border": border}
        needed = self.tau > 0.0 or self.max_groups is not None
        object.__setattr__(self, "groups", chosen_structure(self.groups, short, needed=needed))
        object.__setattr__(self, "distortion", as_distortion(self.distortion))
        object.__setattr__(self, "solver", as_solver(self.solver))
        if self.tau == 0.0 and self.penalty != "l2":
            raise InputError(f"expected penalty={self.penalty} with tau above 0, its weight, received tau=0")
        if not isinstance(self.connected, bool):
            raise InputError(f"expected connected to be True or False, received {self.connected!r}")
        if self.connected:
            check_connected(as_solver(self.solver), self.tau)
        if not isinstance(self.refine, bool | Refinement):
            raise InputError(f"expected refine to be True, False or a Refinement, received {self.refine!r}")
        _ = self.refinement  # checks the values that the two share
        if self.seed and not self._restarts:
            raise InputError(f"expected seed with restarts above 0, received seed={self.seed} without: leave seed out")
        for solver in (as_solver(self.solver), self.fallback_solver):
            if solver is not None:
                solver.check(as_distortion(self.distortion), None if self.groups is None else as_structure(self.groups))

    @property
    def refinement(self) -> Refinement | None:
        """The refinement that follows the attack, with the attack's distortion, gamma, epsilon and confidence.

        Raises:
          InputError: a `Refinement` with other values.
        """
        if self.refine is False:
            return None
        shared = {name: getattr(self, name) for name in _SHARED}
        if isinstance(self.refine, Refinement) and self.refine.prune == "groups":
            shared["groups"] = self.groups
        if self.refine is True:
            alike = next((name for name, kind in SOLVERS.items() if isinstance(self.solver, kind)), "prox_linear")
            return Refinement(solver=alike, **shared)
        own = Refinement()
        for name, value in shared.items():
            if getattr(self.refine, name) not in (getattr(own, name), value):
                raise InputError(
                    f"expected a Refinement with the attack's {name}={value}, received {getattr(self.refine, name)}: "
                    f"leave {name} out of it"
                )
        return dataclasses.replace(self.refine, **shared)

    @property
    def fallback_solver(self) -> Solver[Any, Any] | None:
        """The solver for the examples without a success by `solver`, if there is one."""
        if self.fallback is None or isinstance(self.fallback, bool):
            return Admm() if self.fallback and isinstance(self.solver, ProxLinear) else None
        return as_solver(self.fallback)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The hyper-parameters by name, resolved, as plain values for records."""
        own = {} if self.refinement is None else self.refinement.hyper_parameters
        return {
            **super().hyper_parameters,
            "restarts": self._restarts,
            "fallback": record_of(self.fallback_solver),
            "refine": {name: value for name, value in own.items() if name not in _SHARED} or False,
        }

    def __call__(
        self,
        classifier: Any,
        images: Any,
        labels: Any,
        targets: Any = None,
        *,
        mask: Any = None,
        batch_size: int | str | None = None,
        callback: Callback | None = None,
        starting_points: Any = None,
    ) -> AttackResult:
        """Attacks images as every `Attack` does, and can also start from other images.

        Args:
          classifier, images, labels, targets, mask, batch_size, callback: as in `Attack.__call__`.
          starting_points: (P, H, W, C) valid images of any classes, or (N, K, H, W, C), K for each image; None for
            none. If the attack fails from the original, it starts again from the nearest of these that is adversarial.
            With epsilon=None, no mask and no max_groups, success is certain if one is, by more than rounding.

        Returns:
          The result, as in `Attack.__call__`; `origin` says how each adversarial image was found.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        return self.run(
            classifier, images, None, labels, targets, mask, batch_size, callback, starting_points=starting_points
        )

    def iterations(self) -> int:
        """The total number of iterations of a batch, refinement included."""
        solver = as_solver(self.solver)
        first = solver.total_iterations * (2 if self._begins_convex else 1)
        first += sum(part.total_iterations for part in connecting(solver) if self.connected)
        return first + (self.refinement.iterations() if self.refinement else 0)

    @property
    def _begins_convex(self) -> bool:
        return as_solver(self.solver).begins_convex and not (self.penalty == "l2" and self.max_groups is None)

    @property
    def _restarts(self) -> int:
        return as_solver(self.solver).restarts if self.restarts is None else self.restarts

    def perturb(self, work: Work, given: Images) -> Solution:
        """Attacks a batch, starting at the originals; `given` (N, H, W, C) is 0."""
        if self.groups is not None:
            work = work.placed(as_structure(self.groups))
        margins, slopes = work.tangents()
        originals = self.originals(work, margins)._replace(slopes=slopes)
        objective = self.objective(*work.batch.images.shape[1:3])
        beginnings = Beginnings(as_solver(self.solver), self._restarts, self.seed, self.fallback_solver)
        solution = beginnings.find(objective, work, originals)
        if self.connected:
            connect(as_solver(self.solver), objective, work, originals, solution)
        if self.refinement is None or work.tracker.interrupted:
            return solution
        refined = self.refinement.refined(work, solution.delta)
        c = np.where(refined.found, refined.c, solution.c)
        return Solution(refined.delta, solution.objective, c, solution.origin)

    def objective(self, height: int, width: int) -> Objective:
        """The objective next to the margin, for images of `height` x `width` pixels.

        Raises:
          InputError: groups that do not fit the image.
        """
        return Objective(
            as_distortion(self.distortion),
            None if self.groups is None else as_structure(self.groups).of(height, width),
            self.penalty,
            self.gamma,
            self.tau,
            self.max_groups,
        )
