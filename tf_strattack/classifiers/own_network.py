"""The decisions of a network, as its owner sees them: logits, classes, and whether images fool it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.classifiers.called_network import CalledNetwork
from tf_strattack.classifiers.outputs import as_logits, decisive
from tf_strattack.losses import margin, reaches
from tf_strattack.runtime.rows import positions_of
from tf_strattack.typing import Classes


class OwnNetwork(CalledNetwork):
    """The part of `Classifier` that predicts and judges images, whatever it was made from."""

    def predict(self, images: Any, batch_size: int | None = None) -> npt.NDArray[np.float32]:
        """Computes the logits of an array of images.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          batch_size: images at a time; None chooses by the size of an image.

        Returns:
          (N, K) float32; logarithms of probabilities if the network returns these.

        Raises:
          InputError: images of another shape or outside the bounds, or a network that fails a check.
        """
        array = self.prepare(images)
        parts = self.stream("logits", self.logits, array, positions_of(array), batch_size=batch_size)
        return np.concatenate([np.zeros((0, self.num_classes or 0), np.float32), *parts])

    def classify(
        self, images: Any, batch_size: int | None = None, *, positions: npt.NDArray[np.int32] | None = None
    ) -> Classes:
        """The classes (N,) that the network itself gives to images: the argmax of its output.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          batch_size: images at a time; None chooses by the size of an image.
          positions: (N,) as in `scores`.

        Raises:
          InputError: as `predict`.
        """
        array = self.prepare(images, positions)
        own = self._own_scores(array, positions_of(array) if positions is None else positions, batch_size)
        return np.asarray(decisive(tf.constant(own), self._kind)).argmax(axis=1).astype(np.int32)

    def fooled_by(
        self,
        images: Any,
        labels: Classes,
        targets: Classes | None = None,
        *,
        confidence: float = 0.0,
        positions: npt.NDArray[np.int32] | None = None,
        batch_size: int | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Whether (N,) each image fools the network, by its own output: the one test of success.

        The target must score strictly higher than all other classes (untargeted: another class than the label), and,
        in logits, by `confidence`. If the network computes in less than float32, this must also hold for each image
        alone, as rounding then depends on the batch; and it must hold for a `predict` of the owner's, too.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes to reach; None for untargeted examples.
          confidence: in logits.
          positions: (N,) as in `scores`.
          batch_size: images at a time; None chooses by the size of an image.

        Raises:
          InputError: as `predict`.
        """
        classes, targeted = (labels, False) if targets is None else (targets, True)
        wanted = tf.constant(classes, tf.int32)
        return self.judged(
            images,
            lambda scores: margin(scores, wanted, targeted),
            confidence=confidence,
            positions=positions,
            batch_size=batch_size,
        )

    def judged(
        self,
        images: Any,
        margin_of: Callable[[tf.Tensor], tf.Tensor],
        *,
        confidence: float = 0.0,
        positions: npt.NDArray[np.int32] | None = None,
        batch_size: int | None = None,
        by_logits: bool = False,
    ) -> npt.NDArray[np.bool_]:
        """Whether (N,) the margin of the network's own scores of each image is a success; see `fooled_by`.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          margin_of: scores (N, K) → margins (N,), negative for a success.
          confidence: how far below 0, in logits, a margin must lie.
          positions: (N,) as in `scores`.
          batch_size: images at a time; None chooses by the size of an image.
          by_logits: whether to take margins of logits rather than of the network's own output.

        Raises:
          InputError: as `predict`.
        """
        array = self.prepare(images, positions)
        places = positions_of(array) if positions is None else positions

        def holding(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
            own = tf.constant(scores)
            logits = as_logits(own, self._kind)
            decided = reaches(margin_of(logits if by_logits else decisive(own, self._kind)), 0.0)
            return np.asarray(decided & reaches(margin_of(logits), confidence))

        found = holding(self._own_scores(array, places, batch_size))
        if self.resolution > 0 and len(array):
            rows = [(tf.constant(array[i : i + 1]), tf.constant(places[i : i + 1])) for i in range(len(array))]
            found = found & holding(np.concatenate([self.scores(*row).numpy() for row in rows]))
        if self._adapted.predict is not None and len(array):
            found = found & holding(self._predicted(tf.constant(array), tf.constant(places)).numpy())
        return found

    @property
    def passes(self) -> int:
        """How often `fooled_by` classifies each image."""
        return 1 + (self.resolution > 0) + (self._adapted.predict is not None)
