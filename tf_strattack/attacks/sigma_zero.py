"""sigma-zero: few changed entries, by descent on a smooth l0 norm (Cina et al., ICLR 2025, arXiv 2402.01879)."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from tf_strattack.attacks.adam import BETA1, BETA2, EPSILON, moments
from tf_strattack.attacks.attack import SolverAttack
from tf_strattack.checks import check_count, check_number
from tf_strattack.problem import proximal
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import GroupStructure, as_structure
from tf_strattack.problem.objective import Objective
from tf_strattack.problem.problem import Problem
from tf_strattack.problem.work import Work
from tf_strattack.solvers.base import Candidate, Originals
from tf_strattack.solvers.best import Solution
from tf_strattack.solvers.minimise import minimise
from tf_strattack.typing import Images, Pixels, Rows, Scalar

# The learning rate falls along a cosine to this share of its initial value.
_LAST = 0.1


class Iterate(NamedTuple):
    """The iterate of N examples.

    Attributes:
      delta: the perturbations, (N, H, W, C).
      mean, square: Adam's moments, (N, H, W, C).
      threshold: entries, or norms of groups, below it become 0, (N,).
    """

    delta: Pixels
    mean: Pixels
    square: Pixels
    threshold: Rows


class Numbers(NamedTuple):
    """Numeric parameters as tensors; `required` (N,) is the requested confidence, the others are scalars.

    Attributes:
      required: in logits.
      learning_rate: of the first iteration.
      iterations: in all.
      sigma, threshold, threshold_rate: those of the attack.
    """

    required: Rows
    learning_rate: Scalar
    iterations: Scalar
    sigma: Scalar
    threshold: Scalar
    threshold_rate: Scalar


@dataclasses.dataclass(frozen=True, kw_only=True)
class SigmaZero(SolverAttack[Iterate, Numbers]):
    """The fewest changed entries: minimises [margin]_+ + mean_j delta_j^2 / (delta_j^2 + sigma) by Adam.

    The gradient is divided by its largest entry. After each step entries below a threshold become 0. Each example has
    its own threshold, which rises by `threshold_rate` times the learning rate if the iterate succeeded, and falls by as
    much if not. The successful iterate with the fewest changed entries is kept.

    With `groups` the attack counts groups: the second term becomes the mean over groups of
    ||delta_g||_2^2 / (||delta_g||_2^2 + sigma), and a group whose norm is below the threshold becomes 0. This form is
    ours, not the paper's.

    Attributes:
      groups: which pixels form a group, such as `SlidingMask(3, stride=2)`, or a number for squares of that side; None
        for single entries, the paper's.
      max_iterations: how many steps; each takes one gradient.
      learning_rate: the learning rate of Adam in the first iteration; it falls to a tenth along a cosine.
      sigma: how smooth the l0 norm is: an entry whose square is sigma counts half.
      threshold: the initial threshold, in [0, 1] scale.
      threshold_rate: the change of the threshold per iteration, as a multiple of the learning rate.

    Raises:
      InputError: a value out of range.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> result = sa.SigmaZero(max_iterations=100)(classifier, images[:4], labels[:4])
      >>> bool((sa.metrics.l0(result.delta) < 100).all())
      True
    """

    name: ClassVar[str] = "sigma_zero"

    groups: GroupStructure | int | None = None
    max_iterations: int = 1000
    learning_rate: float = 1.0
    sigma: float = 1e-3
    threshold: float = 0.3
    threshold_rate: float = 0.01

    def __post_init__(self) -> None:
        """Checks the values, and resolves a number to its groups."""
        super().__post_init__()
        check_count("max_iterations", self.max_iterations)
        for name in ("learning_rate", "sigma"):
            check_number(name, getattr(self, name), 0.0, open_low=True)
        check_number("threshold", self.threshold, 0.0, 1.0)
        check_number("threshold_rate", self.threshold_rate, 0.0)
        if self.groups is not None:
            object.__setattr__(self, "groups", as_structure(self.groups))

    def perturb(self, work: Work, given: Images) -> Solution:
        """Attacks a batch, starting at the originals; `given` (N, H, W, C) is 0."""
        objective = Objective()
        if self.groups is not None:
            structure = as_structure(self.groups)
            work = work.placed(structure)
            objective = Objective(groups=structure.of(*work.batch.images.shape[1:3]))
        return minimise(self, objective, work, self.originals(work, work.margins()))

    def parameters(self, problem: Problem, originals: Originals) -> Numbers:
        """The numbers of an iteration as tensors."""
        return Numbers(
            required=originals.required,
            learning_rate=tf.constant(self.learning_rate, tf.float32),
            iterations=tf.constant(self.max_iterations, tf.float32),
            sigma=tf.constant(self.sigma, tf.float32),
            threshold=tf.constant(self.threshold, tf.float32),
            threshold_rate=tf.constant(self.threshold_rate, tf.float32),
        )

    def init(self, problem: Problem, start: Pixels, c: Rows) -> Iterate:
        """The perturbations `start` (N, H, W, C), which are 0; `c` (N,) is not used."""
        return Iterate(start, tf.zeros_like(start), tf.zeros_like(start), tf.zeros_like(c) + self.threshold)

    def step(self, k: Scalar, iterate: Iterate, problem: Problem, parameters: Numbers) -> tuple[Iterate, Candidate]:
        """One step of Adam and one of the threshold; it tests the iterate from which it starts."""
        delta, threshold = iterate.delta, iterate.threshold
        margins, slope = problem.margin_and_gradient(delta)
        shortfall = margins + parameters.required
        succeeded = shortfall <= 0.0
        count, smooth = _smooth_l0(delta, problem.objective, parameters.sigma)
        gradient = tf.cast(~succeeded, delta.dtype)[:, None, None, None] * slope + smooth
        largest = tf.reduce_max(tf.abs(gradient), axis=[1, 2, 3], keepdims=True)
        gradient = tf.math.divide_no_nan(gradient, largest)
        number = tf.cast(k + 1, delta.dtype)
        mean, square = moments(iterate.mean, iterate.square, gradient)
        share = 0.5 * (1.0 + tf.cos(math.pi * tf.cast(k, delta.dtype) / parameters.iterations))
        rate = parameters.learning_rate * (_LAST + (1.0 - _LAST) * share)
        away = tf.sqrt(square / (1.0 - tf.pow(BETA2, number))) + EPSILON
        moved = delta - rate / (1.0 - tf.pow(BETA1, number)) * mean / away
        moved = proximal.box(moved, problem.batch.lower, problem.batch.upper)
        change = parameters.threshold_rate * rate
        threshold = tf.clip_by_value(threshold + tf.where(succeeded, change, -change), 0.0, 1.0)
        kept = _without_small(moved, problem.objective, threshold)
        # An original that fools the network needs no change.
        candidate = Candidate(delta, count, succeeded, finished=succeeded & (count == 0.0))
        return Iterate(kept, mean, square, threshold), candidate


def _smooth_l0(delta: Pixels, objective: Objective, sigma: Scalar) -> tuple[Rows, Pixels]:
    """How many entries or groups (N,) are changed, and the gradient (N, H, W, C) of the smooth mean of them."""
    squares, groups = tf.square(delta), objective.groups
    if groups is None:
        changed = tf.cast(tf.abs(delta) > CHANGED, delta.dtype)
        size = tf.cast(tf.reduce_prod(tf.shape(delta)[1:]), delta.dtype)
        return tf.reduce_sum(changed, axis=[1, 2, 3]), 2.0 * sigma / size * delta / tf.square(squares + sigma)
    totals = groups.total(squares)
    counts = tf.cast(objective.counts, delta.dtype)
    changed = counts * tf.cast(totals > CHANGED**2, delta.dtype)
    factors = 2.0 * sigma / groups.number * counts / tf.square(totals + sigma)
    return tf.reduce_sum(changed, axis=[1, 2]), delta * groups.expand(factors, delta.shape[-1])


def _without_small(delta: Pixels, objective: Objective, threshold: Rows) -> Pixels:
    """Perturbations (N, H, W, C) with 0 in the entries, or in the groups, below the threshold (N,)."""
    groups: Any = objective.groups
    if groups is None:
        return tf.where(tf.abs(delta) < threshold[:, None, None, None], 0.0, delta)
    small = tf.sqrt(groups.total(tf.square(delta))) < threshold[:, None, None]
    # The pixels of a group that is 0 are 0 in the groups that it overlaps, too.
    return tf.where(groups.expand(tf.cast(small, delta.dtype), delta.shape[-1]) > 0.5, 0.0, delta)
