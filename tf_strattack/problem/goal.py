"""The network as the loops see it: the margin of a perturbation, its gradient, and whether it succeeds."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.own_network import positions_of
from tf_strattack.losses import fools, margin, soft_margin
from tf_strattack.typing import Classes, Images


class Problem(NamedTuple):
    """What stays fixed while a batch is attacked; one row an example.

    Attributes:
      images: (N, H, W, C) originals in the classifier's scale.
      classes: (N,) int32, the targets or (untargeted) the true labels.
      lower, upper: (N, H, W, C) the box of eq. (11) that perturbations must stay in, in [0, 1] scale.
      positions: (N,) int32 places of the images in the caller's array, for networks with a further input for each.
    """

    images: tf.Tensor
    classes: tf.Tensor
    lower: tf.Tensor
    upper: tf.Tensor
    positions: tf.Tensor

    @classmethod
    def build(
        cls,
        classifier: Classifier,
        images: Images,
        classes: Classes,
        mask: Images,
        *,
        epsilon: float | None,
        positions: npt.NDArray[np.int32] | None = None,
    ) -> Problem:
        """Makes the problem of a batch; outside `mask` (1 where changes are allowed) the box is the point 0.

        `positions` (N,) None: the images are all of the caller's.
        """
        positions = positions_of(images) if positions is None else positions
        low, high = classifier.bounds
        unit = (images - np.float32(low)) / np.float32(high - low)
        cap = np.float32(1.0 if epsilon is None else epsilon)
        lower, upper = np.maximum(-unit, -cap) * mask, np.minimum(1 - unit, cap) * mask
        return cls(*(tf.constant(part) for part in (images, classes, lower, upper, positions)))


class Network:
    """A classifier together with the goal of the attack. All perturbations are in [0, 1] scale.

    Attributes:
      bounds: (lower, upper) of valid pixels, the classifier's.
    """

    def __init__(self, classifier: Classifier, targeted: bool) -> None:
        """Joins `classifier` with the goal: towards `Problem.classes` if `targeted`, else away from them."""
        self._classifier = classifier
        self._targeted = targeted
        self.bounds = classifier.bounds
        self._range = classifier.bounds[1] - classifier.bounds[0]

    def margin_and_gradient(self, problem: Problem, delta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The margin (N,) at x0 + delta, which need not be a valid image, and its gradient (N, H, W, C).

        The gradient is 0 where the box leaves nothing to change, so that no iterate moves there.
        """
        return self._gradient(margin, problem, delta)

    def cross_entropy_gradient(self, problem: Problem, delta: tf.Tensor) -> tf.Tensor:
        """The gradient (N, H, W, C) of the cross-entropy at x0 + delta but for a positive factor of each example.

        Against it the target becomes likelier, or (untargeted) the label less likely.
        """
        return self._gradient(soft_margin, problem, delta)[1]

    def program(
        self, name: str, function: Callable[..., Any], *example: Any, key: Hashable = None
    ) -> Callable[..., Any]:
        """Compiles `function` once for this classifier, goal, name and key; see `Classifier.program`."""
        return self._classifier.program((name, self._targeted, key), function, *example)

    def adversarial(self, images: Images, delta: Images) -> Images:
        """The valid images (N, H, W, C) of perturbations, in the classifier's scale; the originals where delta is 0."""
        return self._valid(tf.constant(images), tf.constant(delta)).numpy()

    def demanded(self, margins: tf.Tensor, confidence: float) -> tf.Tensor:
        """The confidence (N,), in logits, that candidates must reach, from the margins (N,) of the originals.

        A little more than `confidence`, so that a fresh forward pass, whose last bits depend on the batch, agrees; and
        more where the network rounds to less than float32.
        """
        return confidence + tf.maximum(1e-4 * tf.maximum(tf.abs(margins), 1.0), self._classifier.resolution)

    @property
    def resolution(self) -> float:
        """By how much, in logits, the network's rounding can move a margin; 0 in float32."""
        return self._classifier.resolution

    def margin_and_slope(self, problem: Problem) -> tuple[tf.Tensor, tf.Tensor]:
        """The margin (N,) of the originals and the l2 norm (N,) of its gradient."""
        margins, gradient = self.margin_and_gradient(problem, tf.zeros_like(problem.images))
        return margins, tf.sqrt(tf.reduce_sum(tf.square(gradient), [1, 2, 3]))

    def succeeds(self, problem: Problem, delta: tf.Tensor, confidence: tf.Tensor) -> tf.Tensor:
        """Tells (N,) whether the valid image of each perturbation fools the network with `confidence`."""
        logits = self._classifier.logits(self._valid(problem.images, delta), problem.positions)
        return fools(logits, problem.classes, self._targeted, confidence)

    def margin(self, problem: Problem) -> tf.Tensor:
        """The margin (N,) of the originals."""
        return margin(self._classifier.logits(problem.images, problem.positions), problem.classes, self._targeted)

    def _gradient(
        self, loss: Callable[..., tf.Tensor], problem: Problem, delta: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(delta)
            logits = self._classifier.logits(problem.images + self._range * delta, problem.positions)
            values = loss(logits, problem.classes, self._targeted)
        gradient = tape.gradient(values, delta)
        # Zeros of the same shape: without broadcasting this is several times faster.
        return values, tf.where(problem.upper > problem.lower, gradient, tf.zeros_like(gradient))

    def _valid(self, images: tf.Tensor, delta: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(images + self._range * delta, *self.bounds)
