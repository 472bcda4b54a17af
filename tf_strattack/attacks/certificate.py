"""How far an example is from the optimum, by duality: exact for linear networks, else for the linearised problem."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.checks import check_mask
from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.goals.misclassify import as_goal
from tf_strattack.problem.groups import as_structure
from tf_strattack.problem.objective import Numbers, Objective
from tf_strattack.result import AttackResult
from tf_strattack.runtime import devices
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.typing import Pixels, Rows, Scalar

# Doublings and halvings of the multiplier, and halvings of the norms of groups: all bounds are valid, more are tighter.
_DOUBLINGS, _HALVINGS, _NORM_HALVINGS = 30, 30, 40


class Certificate(NamedTuple):
    """The cost of each example, and a lower bound of what it must cost.

    Attributes:
      objective: gamma D(delta) + tau sum_i ||delta_{D_i}||_2 of each perturbation, (N,); NaN where the attack failed.
      bound: the dual value, (N,): no perturbation within the box that reaches the goal costs less, if the margin is
        linear; otherwise none that reaches it by the margin's tangent at `delta`.
    """

    objective: npt.NDArray[np.float64]
    bound: npt.NDArray[np.float64]

    @property
    def gap(self) -> npt.NDArray[np.float64]:
        """The relative duality gap, (objective - bound)/objective, (N,)."""
        return (self.objective - self.bound) / self.objective


def certificate(attack: StrAttack, classifier: Any, result: AttackResult, *, mask: Any = None) -> Certificate:
    """Bounds the optimum of eq. (2) from below, by the Lagrangian dual of the problem linearised at each perturbation.

    With the margin replaced by its tangent at delta, problem (2) is convex. The dual variables are the multiplier of
    the tangent and a subgradient of each group's norm; the rest is separable, and its minimum within the box has a
    closed form. This costs one gradient evaluation per example. A perturbation that a refinement has changed no longer
    minimises eq. (2), as Proposition 3 leaves the group penalty out: use `refine=False` to judge the solver.

    Args:
      attack: the attack that made `result`; its penalty convex, with distortion "l2" or "en", and groups that do not
        overlap.
      classifier: a `Classifier`, a goal, or a Keras model of images in [0, 1].
      result: the result of the attack on N examples.
      mask: the mask of the attack.

    Returns:
      The certificate of each example.

    Raises:
      InputError: an attack whose problem is not convex, or not separable, or a goal with an `Expectation`.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> attack = sa.StrAttack(refine=False)
      >>> result = attack(classifier, images[:2], labels[:2])
      >>> bool((sa.certificate(attack, classifier, result).gap > 0).all())
      True
    """
    objective = _checked(attack, result)
    goal = as_goal(classifier).aimed(result.targets is not None)
    if goal.drawing:
        raise InputError(
            "expected a goal whose margin is the same at each evaluation, received one with an Expectation, whose "
            "tangent is that of some samples: pass the goal within it, to bound the problem without transformations"
        )
    goal.prepare(result.images)
    allowed = check_mask(mask, result.images.shape)
    allowed = np.broadcast_to(allowed, result.images.shape[:1] + allowed.shape[1:])
    values = np.full((2, len(result)), np.nan)
    rows, size = np.flatnonzero(result.success), devices.default_batch_size(result.images.shape[1:])
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        values[:, some] = _of_batch(attack, goal, objective, result, allowed, some)
    return Certificate(*values)


def _checked(attack: StrAttack, result: AttackResult) -> Objective:
    objective = attack.objective(*result.images.shape[1:3])
    if objective.convex != objective:
        raise InputError("expected a convex problem, received penalty=l2_half or max_groups")
    if not objective.distortion.square or not objective.distortion.continuous:
        name = type(objective.distortion).__name__
        raise InputError(f"expected distortion l2 or en, whose minimum is closed, received {name}")
    if objective.groups is not None and objective.groups.overlapping:
        raise InputError("expected groups that do not overlap, received overlapping ones")
    return objective


def _of_batch(
    attack: StrAttack, goal: Goal, objective: Objective, result: AttackResult, allowed: Any, some: Any
) -> tuple[Any, Any]:
    whole = devices.padded(len(some), result.images.shape[1:])
    targets = None if result.targets is None else result.targets[some]
    classes = goal.asked(result.labels[some], targets, some.astype(np.int32))
    parts = result.images[some], classes, allowed[some], some.astype(np.int32)
    images, chosen, mask, positions = (pad_rows(part, whole) for part in parts)
    batch = Batch.build(goal.classifier.bounds, images, chosen, mask, epsilon=attack.epsilon, positions=positions)
    if attack.groups is not None:
        batch = as_structure(attack.groups).placed(batch)
    delta = tf.constant(pad_rows(result.delta[some].astype(np.float32), whole))
    confidence = tf.constant(attack.confidence, tf.float32)

    def bounded(batch: Batch, delta: Pixels, numbers: Numbers, confidence: Scalar) -> tuple[Rows, Rows]:
        tangent = goal.margin_and_gradient(batch, delta)
        parts = (*tangent, delta, batch.lower, batch.upper, confidence)
        margins, gradient, delta, lower, upper, confidence = (tf.cast(part, tf.float64) for part in parts)
        exact = objective.at(numbers, batch)
        offset = margins + confidence - _total(gradient * delta)
        return exact.cost(delta), _Dual(exact, gradient, offset, lower, upper).best()

    arguments = batch, delta, _double(objective.numbers()), confidence
    found = goal.program(("certificate", objective.structure), bounded, *arguments)(*arguments)
    cost, bound = (part.numpy()[: len(some)] for part in found)
    return cost, bound


def _double(numbers: Numbers) -> Any:
    """The numbers in double precision."""
    return tf.nest.map_structure(lambda one: tf.cast(one, tf.float64) if one.dtype.is_floating else one, numbers)


@dataclasses.dataclass(frozen=True)
class _Dual:
    """The dual of min gamma D(d) + tau sum ||d_i|| with gradient^T d + offset <= 0 and lower <= d <= upper."""

    objective: Objective
    gradient: Pixels
    offset: Rows
    lower: Pixels
    upper: Pixels

    def best(self) -> Rows:
        """The largest value that a bisection of the multiplier meets, (N,)."""

        def double(high: Rows, best: Rows) -> tuple[Rows, Rows]:
            value, excess = self._value(high)
            return tf.where(excess > 0.0, 2.0 * high, high), tf.maximum(best, value)

        def halve(low: Rows, high: Rows, best: Rows) -> tuple[Rows, Rows, Rows]:
            middle = 0.5 * (low + high)
            value, excess = self._value(middle)
            low, high = tf.where(excess > 0.0, middle, low), tf.where(excess > 0.0, high, middle)
            return low, high, tf.maximum(best, value)

        zero = tf.zeros_like(self.offset)
        high, best = _repeat(_DOUBLINGS, double, zero + 1.0, zero)
        return _repeat(_HALVINGS, halve, zero, high, best)[-1]

    def _value(self, multiplier: Rows) -> tuple[Rows, Rows]:
        """A lower bound (N,), and by how much (N,) the minimiser of the Lagrangian misses the tangent."""
        objective, gamma = self.objective, self.objective.gamma
        slope = multiplier[:, None, None, None] * self.gradient
        free = objective.distortion.shrink(-slope / (2.0 * gamma), 0.5, -np.inf, np.inf)
        minimiser, subgradient = self._grouped(free)
        pull = slope + subgradient
        least = objective.distortion.shrink(-pull / (2.0 * gamma), 0.5, self.lower, self.upper)
        value = gamma * objective.distortion.cost(least) + _total(pull * least) + multiplier * self.offset
        return value, self.offset + _total(self.gradient * minimiser)

    def _grouped(self, free: Pixels) -> tuple[Pixels, Pixels]:
        """The minimiser with groups and box, from that without either, and a subgradient of the groups' norms at it.

        A group shrinks by 2 gamma r/(2 gamma r + tau), r its norm afterwards, and stays 0 if the pull of the entries
        that can move is at most tau. The norm that this leaves, over r, falls as r grows, so that r is bisected.
        """
        objective, groups = self.objective, self.objective.groups
        inside = tf.clip_by_value(free, self.lower, self.upper)
        if groups is None:
            return inside, tf.zeros_like(free)
        curvature, channels = 2.0 * objective.gamma, free.shape[-1]
        taus = objective.tau * tf.cast(objective.counts, free.dtype)
        alone = tf.convert_to_tensor(groups.multiplicity) == 0.0

        def spread(values: tf.Tensor, elsewhere: float) -> Pixels:
            return tf.where(alone, tf.constant(elsewhere, free.dtype), groups.expand(values, channels))

        def norms(image: Pixels) -> tf.Tensor:
            return tf.sqrt(groups.total(tf.square(image)))

        def shrunk(radii: tf.Tensor) -> Pixels:
            share = tf.math.divide_no_nan(curvature * radii, curvature * radii + taus)
            return tf.clip_by_value(free * spread(share, 1.0), self.lower, self.upper)

        def halve(low: tf.Tensor, high: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            middle = 0.5 * (low + high)
            larger = norms(shrunk(middle)) > middle
            return tf.where(larger, middle, low), tf.where(larger, high, middle)

        # The subgradient of a group that stays 0 takes away the whole pull of the entries that can move.
        pull = curvature * tf.where(inside == 0.0, tf.zeros_like(free), free)
        live = norms(pull) > taus
        most = norms(inside)
        _, radii = _repeat(_NORM_HALVINGS, halve, tf.zeros_like(most), most)
        minimiser = shrunk(tf.where(live, radii, tf.zeros_like(radii)))
        of_live = spread(tf.where(live, tf.math.divide_no_nan(taus, norms(minimiser)), 0.0), 0.0)
        of_dead = spread(tf.where(live, tf.zeros_like(radii), tf.ones_like(radii)), 0.0)
        return minimiser, of_live * minimiser + of_dead * pull


def _repeat(times: int, body: Callable[..., Any], *state: tf.Tensor) -> Any:
    """The state after that many applications of `body`."""
    _, *state = tf.while_loop(lambda k, *_: k < times, lambda k, *state: (k + 1, *body(*state)), (0, *state))
    return state


def _total(values: Pixels) -> Rows:
    return tf.reduce_sum(values, axis=[1, 2, 3])
