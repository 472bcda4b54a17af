"""PGD: projected gradient descent within a ball around the original (Madry et al. 2018, arXiv 1706.06083)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack.attacks.attack import Attack
from tf_strattack.checks import check_choice, check_count, check_number, check_whole
from tf_strattack.errors import InputError
from tf_strattack.problem import balls
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.problem.work import Work
from tf_strattack.solvers.base import Candidate, Originals, Solver
from tf_strattack.solvers.best import FIRST_RUN, RESTART, Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Images, Pixels, Rows, Scalar

LOSSES = ("cross_entropy", "margin")
# The share of entries that a step in l1 changes, as in Tramer and Boneh on MNIST and CIFAR-10.
_SPARSITY = 0.01


class Numbers(NamedTuple):
    """The values that stay fixed during a descent.

    Attributes:
      required: the margin that a perturbation must reach, in logits, (N,).
      radius, size: the radius of the ball and the size of a step, in its norm, scalars.
      sparsity: the share of entries that a step in l1 changes, scalar.
    """

    required: Rows
    radius: Scalar
    size: Scalar
    sparsity: Scalar


@dataclasses.dataclass(frozen=True)
class Descent(Solver[Pixels, Numbers]):
    """A descent from one start; an example is finished at its first success.

    Attributes:
      norm, loss: those of the attack.
      radius, size, sparsity: the numbers of the attack.
      max_iterations: its steps and one more, which tests the last iterate.
    """

    norm: str
    loss: str
    radius: float
    size: float
    sparsity: float
    max_iterations: int

    @property
    def structure(self) -> Hashable:
        """The class, the norm and the loss."""
        return type(self), self.norm, self.loss

    def parameters(self, problem: Problem, originals: Originals) -> Numbers:
        """The numbers of a step as tensors."""
        numbers = (tf.constant(value, tf.float32) for value in (self.radius, self.size, self.sparsity))
        return Numbers(originals.required, *numbers)

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Pixels:
        """The perturbations `start` (N, H, W, C), projected onto ball and box; `c` (N,) is not used."""
        return balls.BALLS[self.norm].project(start, self.radius, problem.batch.lower, problem.batch.upper)

    def step(self, k: Scalar, iterate: Pixels, problem: Problem, parameters: Numbers) -> tuple[Pixels, Candidate]:
        """One step; it tests the iterate from which it starts."""
        if self.loss == "margin":
            margins, gradient = problem.margin_and_gradient(iterate)
        else:
            margins, gradient = problem.margin_and_cross_entropy_gradient(iterate)
        succeeded = margins <= -parameters.required
        candidate = Candidate(iterate, balls.BALLS[self.norm].measure(iterate), succeeded, finished=succeeded)
        return self._moved(iterate, gradient, problem, parameters), candidate

    def _moved(self, delta: Pixels, gradient: Pixels, problem: Problem, numbers: Numbers) -> Pixels:
        lower, upper = problem.batch.lower, problem.batch.upper
        if self.norm == "linf":
            return balls.sign_step(delta, gradient, -numbers.size, *balls.linf_box(0.0, numbers.radius, lower, upper))
        if self.norm == "l2":
            return balls.project_l2(delta - numbers.size * balls.unit(gradient, "l2"), numbers.radius, lower, upper)
        # A step of few entries leaves out those that are at their bound.
        movable = ((gradient > 0.0) & (delta > lower)) | ((gradient < 0.0) & (delta < upper))
        direction = balls.sparse_sign(tf.where(movable, gradient, tf.zeros_like(gradient)), numbers.sparsity)
        return balls.project_l1(delta - numbers.size * direction, numbers.radius, lower, upper)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PGD(Attack):
    """Projected gradient descent: looks for an adversarial example within a ball around the image.

    Each step is the steepest one of the norm, followed by a projection onto the ball and the valid pixels: the sign of
    the gradient ("linf"), the gradient divided by its norm ("l2"), or the signs of its largest entries ("l1", Tramer
    and Boneh 2019, arXiv 1904.13000). An example is finished at its first success, which is returned. PGD says whether
    there is an adversarial example within the radius; its distance is usually close to the radius. An image that
    already fools the network is left unchanged.

    Attributes:
      norm: "linf", "l2" or "l1".
      epsilon: the radius of the ball, the largest norm of a perturbation, in [0, 1] scale.
      steps: how many steps from each start; one more gradient evaluation tests the last iterate.
      step_size: the length of a step in the norm, in [0, 1] scale; None for 2.5 epsilon / steps.
      restarts: how many random starts an example has at most; it takes another one only if none has succeeded. Starts
        are uniform in the ball and depend on the image and class alone. 0 starts at the image, once.
      seed: the seed of the random starts.
      loss: the loss to descend: "cross_entropy", as in Madry et al., or "margin", as in Carlini and Wagner.
      sparsity: the share of entries that a step changes, for "l1" alone; None for 0.01.

    Raises:
      InputError: a value is out of range, or has no effect together with the others.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> result = sa.PGD(norm="l2", epsilon=2.0)(classifier, images[:4], labels[:4])
      >>> bool((sa.metrics.l2(result.delta) <= 2.0 + 1e-5).all())
      True
    """

    name: ClassVar[str] = "pgd"

    norm: str = "linf"
    epsilon: float = 0.3
    steps: int = 40
    step_size: float | None = None
    restarts: int = 1
    seed: int = 0
    loss: str = "cross_entropy"
    sparsity: float | None = None

    def __post_init__(self) -> None:
        """Checks the values."""
        check_choice("norm", self.norm, balls.BALLS)
        check_number("epsilon, the radius in [0, 1] scale,", self.epsilon, 0.0, open_low=True)
        super().__post_init__()
        check_count("steps", self.steps)
        if self.step_size is not None:
            check_number("step_size", self.step_size, 0.0, open_low=True)
        check_whole("restarts", self.restarts)
        check_whole("seed", self.seed)
        if self.seed and not self.restarts:
            raise InputError(f"expected seed with restarts above 0, received seed={self.seed} without: leave seed out")
        check_choice("loss", self.loss, LOSSES)
        if self.sparsity is not None:
            check_number("sparsity", self.sparsity, 0.0, 1.0, open_low=True)
            if self.norm != "l1":
                raise InputError(f"expected sparsity with norm=l1, received it with norm={self.norm}: leave it out")

    @property
    def largest_change(self) -> float:
        """The largest change of a pixel, in [0, 1] scale: it is never above the norm."""
        return min(1.0, self.epsilon)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """The hyper-parameters by name, resolved, as plain values for records."""
        record = {**super().hyper_parameters, "step_size": float(self._descent.size)}
        return {**record, "sparsity": self._descent.sparsity} if self.norm == "l1" else record

    @property
    def _descent(self) -> Descent:
        size = balls.default_step(self.epsilon, self.steps) if self.step_size is None else self.step_size
        sparsity = _SPARSITY if self.sparsity is None else self.sparsity
        return Descent(self.norm, self.loss, self.epsilon, size, sparsity, self.steps + 1)

    def iterations(self) -> int:
        """The most iterations of a batch, over all starts."""
        return max(1, self.restarts) * self._descent.max_iterations

    def perturb(self, work: Work, given: Images) -> Solution:
        """Attacks a batch; `given` (N, H, W, C) is 0."""
        margins = work.margins()
        originals = self.originals(work, margins)
        solution = Solution.none(work.rows, work.batch.images.shape[1:])
        # Examples that succeed without a change need no step.
        solution.objective[(margins <= -originals.required).numpy()[: work.rows]] = 0.0
        for restart in range(max(1, self.restarts)):
            missing = np.flatnonzero(~solution.found)
            if not len(missing) or work.tracker.interrupted:
                break
            some, known = work.some(missing), work.select(missing, originals)
            start = self._start(some, restart) if self.restarts else None
            found = minimise(self._descent, Objective(), some, known, start=start)
            found.origin[:] = RESTART if restart else FIRST_RUN
            solution.put(missing, found)
        return solution

    def _start(self, work: Work, restart: int) -> Pixels:
        """Points of the ball (N, H, W, C); each depends on its image, class, seed and the number of the start alone."""
        images, classes = (part.numpy()[: work.rows] for part in (work.batch.images, work.batch.classes))

        def point(image: Images, number: np.int32) -> Images:
            digest = hashlib.sha256(image.tobytes() + number.tobytes()).digest()
            rng = np.random.default_rng([self.seed, restart, *np.frombuffer(digest, np.uint32).tolist()])
            return (self.epsilon * balls.BALLS[self.norm].draw(rng, image.shape)).astype(np.float32)

        return work.padded(np.stack([point(*row) for row in zip(images, classes, strict=True)]))
