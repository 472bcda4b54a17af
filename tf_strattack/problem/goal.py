"""What an attack is to achieve: how far an example is from it, in which direction, and whether it is there."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.losses import margin, soft_margin
from tf_strattack.problem.batch import Batch
from tf_strattack.typing import Classes, Flags, Images, Pixels, Rows


class Goal(abc.ABC):
    """What must come true of an example. All perturbations are in [0, 1] scale.

    The first methods face the caller's arrays, the others work on tensors within a graph. Solvers see only the latter,
    through `Problem`, which counts what they evaluate.
    """

    # The network whose images, bounds and classes count, and that keeps what is compiled.
    classifier: Classifier

    # Arrays.

    @abc.abstractmethod
    def aimed(self, targeted: bool) -> Goal:
        """The same goal towards `Batch.classes` if `targeted`, else away from them."""

    @abc.abstractmethod
    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) the goal is reached by valid images (N, H, W, C): the last word, asked after the attack."""

    @property
    @abc.abstractmethod
    def passes(self) -> int:
        """How often `verify` has each image classified."""

    @property
    @abc.abstractmethod
    def key(self) -> Hashable:
        """What the graphs of the goal depend on, besides the classifier."""

    # Tensors.

    @property
    @abc.abstractmethod
    def resolution(self) -> float:
        """By how much, in logits, rounding can move a margin; 0 in float32."""

    @abc.abstractmethod
    def margin(self, batch: Batch) -> Rows:
        """How far (N,) the originals are from the goal, in logits; negative where they have reached it."""

    @abc.abstractmethod
    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, which need not be a valid image, and its gradient (N, H, W, C).

        The gradient is 0 where the box leaves nothing to change, so that no iterate moves there.
        """

    @abc.abstractmethod
    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The gradient (N, H, W, C) of the cross-entropy at x0 + delta but for a positive factor of each example.

        Against it the target becomes likelier, or (untargeted) the label less likely.
        """

    @abc.abstractmethod
    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the valid image of each perturbation, as it is stored."""

    # What follows from these.

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, and the gradient (N, H, W, C) that `cross_entropy_gradient` returns.

        Of a forward pass each, unless a goal has both from one.
        """
        return self.valid_margin(batch, delta), self.cross_entropy_gradient(batch, delta)

    def required_margin(self, margins: Rows, confidence: float) -> Rows:
        """The confidence (N,), in logits, that candidates must reach, from the margins (N,) of the originals.

        A little more than `confidence`, so that a fresh forward pass, whose last bits depend on the batch, agrees; and
        more where the network rounds to less than float32.
        """
        return confidence + tf.maximum(1e-4 * tf.maximum(tf.abs(margins), 1.0), self.resolution)

    def program(self, key: Hashable, function: Callable[..., Any], *example: Any) -> Callable[..., Any]:
        """Compiles `function` once for this goal and key; see `Classifier.program`."""
        return self.classifier.program((self.key, key), function, *example)

    def valid_images(self, images: Images, delta: Images) -> Images:
        """The valid images (N, H, W, C) of perturbations, in the classifier's scale; the originals where delta is 0."""
        return self._valid(tf.constant(images), tf.constant(delta)).numpy()

    def _valid(self, images: Pixels, delta: Pixels) -> Pixels:
        return tf.clip_by_value(self._moved(images, delta), *self.classifier.bounds)

    def _moved(self, images: Pixels, delta: Pixels) -> Pixels:
        low, high = self.classifier.bounds
        return images + (high - low) * delta


def as_goal(value: Any) -> Goal:
    """The goal that `value` is, or that a classifier or a Keras model of images in [0, 1] is fooled.

    Raises:
      InputError: anything else, with the call that makes a classifier of it.
    """
    return value if isinstance(value, Goal) else Misclassify(as_classifier(value))


@dataclasses.dataclass(frozen=True)
class Misclassify(Goal):
    """The classifier gives the target class, or (untargeted) any but the true one.

    Attributes:
      classifier: the network to fool.
      targeted: whether `Batch.classes` are to be reached or to be left; a call of an attack sets it.
    """

    classifier: Classifier
    targeted: bool = False

    def aimed(self, targeted: bool) -> Misclassify:
        """The same goal, targeted or not."""
        return dataclasses.replace(self, targeted=targeted)

    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Asks what the network itself returns, called as its owner calls it; see `Classifier.fooled_by`."""
        targets = classes if self.targeted else None
        return self.classifier.fooled_by(
            images, classes, targets, confidence=confidence, positions=positions, batch_size=len(images)
        )

    @property
    def passes(self) -> int:
        """How often `verify` has each image classified."""
        return self.classifier.passes

    @property
    def key(self) -> Hashable:
        """Whether it is targeted."""
        return self.targeted

    @property
    def resolution(self) -> float:
        """By how much, in logits, the network's rounding can move a margin."""
        return self.classifier.resolution

    def margin(self, batch: Batch) -> Rows:
        """The margin (N,) of the originals, eq. (3)."""
        return margin(self.classifier.logits(batch.images, batch.positions), batch.classes, self.targeted)

    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) of eq. (3) and its gradient (N, H, W, C)."""
        return self._gradient(margin, batch, delta)[1:]

    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The gradient (N, H, W, C) of the cross-entropy, but for a positive factor of each example."""
        return self._gradient(soft_margin, batch, delta)[2]

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) of eq. (3) and the gradient (N, H, W, C) of `cross_entropy_gradient`, from one pass."""
        logits, _, gradient = self._gradient(soft_margin, batch, delta)
        return margin(logits, batch.classes, self.targeted), gradient

    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the logits of the valid images."""
        logits = self.classifier.logits(self._valid(batch.images, delta), batch.positions)
        return margin(logits, batch.classes, self.targeted)

    def _gradient(self, loss: Callable[..., Rows], batch: Batch, delta: Pixels) -> tuple[tf.Tensor, Rows, Pixels]:
        with tf.GradientTape() as tape:
            tape.watch(delta)
            logits = self.classifier.logits(self._moved(batch.images, delta), batch.positions)
            values = loss(logits, batch.classes, self.targeted)
        gradient = tape.gradient(values, delta)
        # Zeros of the same shape: without broadcasting this is several times faster.
        return logits, values, tf.where(batch.upper > batch.lower, gradient, tf.zeros_like(gradient))
