"""Goals about the scores of one network: they differ in the margin alone."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal, movable
from tf_strattack.typing import Classes, Flags, Images, Logits, Pixels, Rows


class OfOneNetwork(Goal):
    """A goal about the scores of one network; a subclass defines their margin."""

    # Whether the sign of the margin is right for logits only: for probabilities, say, it changes at one half.
    by_logits: ClassVar[bool] = False

    @abc.abstractmethod
    def loss(self, logits: Logits, classes: Rows) -> Rows:
        """The margin (N,) of logits (N, K), for the classes from `asked`."""

    @abc.abstractmethod
    def soft_loss(self, logits: Logits, classes: Rows) -> Rows:
        """A function (N,) with the gradient of the cross-entropy up to a positive factor; arguments as in `loss`."""

    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Decides by the output of the network, called as its owner calls it; see `Classifier.fooled_by`."""
        wanted = tf.constant(classes, tf.int32)
        return self.classifier.judged(
            images,
            lambda scores: self.loss(scores, wanted),
            confidence=confidence,
            positions=positions,
            batch_size=len(images),
            by_logits=self.by_logits,
        )

    @property
    def passes(self) -> int:
        """How often `verify` classifies each image."""
        return self.classifier.passes

    @property
    def resolution(self) -> float:
        """By how much, in logits, the network's rounding can move a margin."""
        return self.classifier.resolution

    def margin(self, batch: Batch) -> Rows:
        """The margin (N,) of the originals."""
        return self.loss(self.classifier.logits(batch.images, batch.positions), batch.classes)

    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) and its gradient (N, H, W, C)."""
        return self._gradient(self.loss, batch, delta)[1:]

    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The gradient (N, H, W, C) of the cross-entropy, up to a positive factor per example."""
        return self._gradient(self.soft_loss, batch, delta)[2]

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) and the gradient (N, H, W, C) of `cross_entropy_gradient`, from one pass."""
        logits, _, gradient = self._gradient(self.soft_loss, batch, delta)
        return self.loss(logits, batch.classes), gradient

    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the logits of the valid images."""
        logits = self.classifier.logits(self._valid(batch.images, delta), batch.positions)
        return self.loss(logits, batch.classes)

    def _gradient(self, loss: Callable[..., Rows], batch: Batch, delta: Pixels) -> tuple[Logits, Rows, Pixels]:
        with tf.GradientTape() as tape:
            tape.watch(delta)
            logits = self.classifier.logits(self._moved(batch.images, delta), batch.positions)
            values = loss(logits, batch.classes)
        gradient = tape.gradient(values, delta)
        return logits, values, movable(batch, gradient)
