"""Adversarial images on the 8-bit lattice that still fool the network, for perturbations of any origin."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.attacks.method import Method
from tf_strattack.checks import check_count
from tf_strattack.image_checks import check_like
from tf_strattack.images import LEVELS, from_uint8, to_uint8
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.goals.misclassify import as_goal
from tf_strattack.problem.problem import Problem
from tf_strattack.problem.work import Work
from tf_strattack.result import AttackResult
from tf_strattack.runtime.progress import Callback
from tf_strattack.solvers.best import GIVEN, Solution
from tf_strattack.typing import Images, Pixels, Rows, Scalar

# The margin required beyond the confidence, in logits, so that a fresh forward pass agrees.
_SLACK = 1e-4
# A step aims this far beyond the margin that its tangent promises, and each later step farther.
_OVERSHOOT = 0.25
# The weight of earlier tangents: the last one alone would oscillate between two kinks of the margin.
_MEMORY = 0.5
# epsilon in levels may miss a whole number by rounding.
_WHOLE = 1e-3

_Levels = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quantization(Method):
    """Rounds adversarial images to 8 bits, and repairs those that no longer fool the network.

    Every pixel is rounded to the nearest of its 256 levels. If the network is then no longer fooled with `confidence`,
    some of the pixels that the perturbation changes move by one level (no others do, so l0 does not grow). Pixels that
    lower the margin most per unit of squared l2 norm move first, as many as the tangent of the margin requires. This is
    repeated at most `max_steps` times. `epsilon` and the bounds hold.

    Attributes:
      epsilon: the largest change of a pixel, in [0, 1] scale, or None for no limit but the bounds.
      confidence: as in the attack that made the images.
      max_steps: the most steps; each costs a gradient evaluation, and one more shows whether the last was enough.

    Raises:
      InputError: a value out of range.
    """

    name: ClassVar[str] = "quantization"

    max_steps: int = 16

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        check_count("max_steps", self.max_steps)

    def __call__(
        self,
        classifier: Any,
        images: Any,
        adversarial: Any,
        labels: Any,
        targets: Any = None,
        *,
        batch_size: int | str | None = None,
        callback: Callback | None = None,
    ) -> AttackResult:
        """Quantizes `adversarial`.

        Args:
          classifier: a `Classifier`, or a Keras model of images in [0, 1].
          images: (N, H, W, C) originals within `classifier.bounds`.
          adversarial: (N, H, W, C) adversarial images from any attack, within the bounds.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the target classes; None for untargeted examples.
          batch_size, callback: as for `Attack.__call__`.

        Returns:
          A result whose images and adversarial images are on the lattice: `sa.images.to_uint8` loses nothing.
          Originals are rounded as well (8-bit ones do not change), and perturbations are the differences from these. If
          no image on the lattice was found that fools the network: the original and success False.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        goal = as_goal(classifier)
        originals = goal.prepare(images)
        given = check_like(goal.prepare(adversarial), originals, "adversarial images")
        low, high = goal.classifier.bounds
        delta = given - originals
        delta[np.abs(delta) <= CHANGED * (high - low)] = 0
        rounded = _nearest(originals, (low, high))
        start = np.clip(rounded + delta, np.float32(low), np.float32(high))
        return self.run(goal, rounded, start, labels, targets, None, batch_size, callback)

    def iterations(self) -> int:
        """The most steps of a batch; most take one or two."""
        return self.max_steps

    def perturb(self, work: Work, given: Images) -> Solution:
        """Rounds the perturbations `given` (N, H, W, C), and repairs those that no longer succeed."""
        work.tracker.enter(self.name)
        support = np.abs(given) > CHANGED
        lower = np.ceil(_counted(work.batch.lower, work) - _WHOLE).astype(np.int32) * support
        upper = np.floor(_counted(work.batch.upper, work) + _WHOLE).astype(np.int32) * support
        levels = np.clip(np.round(given * LEVELS).astype(np.int32), lower, upper)
        found, todo = np.zeros(work.rows, bool), np.flatnonzero(support.any(axis=(1, 2, 3)))
        tangent = np.zeros((len(todo), *given.shape[1:]), np.float32)
        for step in range(self.max_steps + 1):
            if not len(todo) or work.tracker.interrupted:
                break
            some = work.some(todo)
            delta = some.padded((levels[todo] / LEVELS).astype(np.float32))
            evaluated = some.evaluate("quantization", _at_step, delta, tf.constant(step))
            margins, slopes = (part.numpy()[: len(todo)] for part in evaluated)
            excess = margins + self.confidence + max(_SLACK * work.goal.unit, work.goal.resolution)
            found[todo] = excess <= 0
            if step == self.max_steps:
                break
            failing = excess > 0
            todo = todo[failing]
            tangent = tangent[failing] + (1 if step == 0 else 1 - _MEMORY) * (slopes[failing] - tangent[failing])
            wanted = excess[failing] * (1 + _OVERSHOOT * (step + 1))
            levels[todo] = _lowered(levels[todo], tangent, wanted, lower[todo], upper[todo])
        quantized = (levels / LEVELS).astype(np.float32)
        squares = np.square(quantized).sum(axis=(1, 2, 3))
        return Solution.of(quantized, np.where(found, squares, np.inf), np.zeros(work.rows, np.float32), GIVEN)

    def valid(self, goal: Goal, images: Images, delta: Images) -> Images:
        """The images of perturbations, exactly on the lattice."""
        return _nearest(super().valid(goal, images, delta), goal.classifier.bounds)

    def fallback_images(self, images: Images, given: Images) -> Images:
        """The original: the image that came in is not on the lattice."""
        return images


def _at_step(problem: Problem, delta: Pixels, step: Scalar) -> tuple[Rows, Pixels]:
    problem.turn(step)
    return problem.margin_and_gradient(delta)


def _counted(bound: Pixels, work: Work) -> Images:
    """A side of the box, of the rows without padding, in levels."""
    levels: Images = bound.numpy()[: work.rows] * LEVELS
    return levels


def _nearest(images: Images, bounds: tuple[float, float]) -> Images:
    return from_uint8(to_uint8(images, bounds), bounds)


def _lowered(
    levels: _Levels, slopes: Images, wanted: npt.NDArray[np.float32], lower: _Levels, upper: _Levels
) -> _Levels:
    """Moves entries by one level if that lowers the margin, the best ones first, until it falls by `wanted`.

    Args:
      levels, lower, upper: (N, H, W, C) changes in levels, and their box.
      slopes: (N, H, W, C) slopes of the margin, per unit of the [0, 1] scale.
      wanted: (N,) the required decrease of the margin along its tangent.
    """
    flat = (len(levels), math.prod(levels.shape[1:]))
    way = -np.sign(slopes).astype(np.int32)
    moved = levels + way
    gain = np.where((moved >= lower) & (moved <= upper), np.abs(slopes) / LEVELS, 0).reshape(flat)
    # The increase of the squared norm; a step back towards 0 costs nothing.
    cost = np.maximum(np.square(moved) - np.square(levels), 0).reshape(flat)
    worth = np.where(cost > 0, gain / np.maximum(cost, 1), np.where(gain > 0, np.inf, 0))
    order = np.argsort(-worth, axis=1, kind="stable")
    ranked = np.take_along_axis(gain, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    chosen = np.zeros(gain.shape, bool)
    np.put_along_axis(chosen, order, (before < wanted[:, None]) & (ranked > 0), axis=1)
    return np.where(chosen.reshape(levels.shape), moved, levels)


def quantize(
    classifier: Any,
    images: Any,
    adversarial: Any,
    labels: Any,
    targets: Any = None,
    *,
    batch_size: int | str | None = None,
    callback: Callback | None = None,
    **hyper_parameters: Any,
) -> AttackResult:
    """Puts adversarial images of any origin on the 8-bit lattice; short for `Quantization(**hyper_parameters)(...)`.

    Args:
      classifier: a `Classifier`, or a Keras model of images in [0, 1].
      images: (N, H, W, C) originals within `classifier.bounds`.
      adversarial: (N, H, W, C) adversarial images from any attack, within the bounds.
      labels: (N,) integers, the true classes.
      targets: (N,) integers, the target classes; None for untargeted examples.
      batch_size, callback: as for `Attack.__call__`.
      **hyper_parameters: those of `Quantization`: epsilon, confidence, max_steps.

    Returns:
      A result on the lattice; the original and success False if no image on it was found that fools the network.

    Raises:
      InputError: a value of the wrong kind, shape or range.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> images, labels, targets = images[:4], labels[:4], (labels[:4] + 1) % 10
      >>> result = sa.StrAttack()(classifier, images, labels, targets)
      >>> stored = sa.quantize(classifier, images, result.adversarial, labels, targets, epsilon=0.6)
      >>> levels = sa.images.to_uint8(stored.adversarial)  # (4, 28, 28, 1) uint8, to be written by write_png
      >>> bool((sa.images.from_uint8(levels) == stored.adversarial).all()), stored.success.tolist()
      (True, [True, True, True, True])
    """
    method = Quantization(**hyper_parameters)
    return method(classifier, images, adversarial, labels, targets, batch_size=batch_size, callback=callback)
