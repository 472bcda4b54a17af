"""A target among the first k classes, or a label not among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_count
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.goals.one_network import OfOneNetwork
from tf_strattack.typing import Classes, Flags, Images, Logits, Rows


@dataclasses.dataclass(frozen=True)
class TopK(OfOneNetwork):
    """The target is among the k classes of the highest scores, or (untargeted) the label is not.

    The margin is the k-th highest score of the other classes minus that of the target, or the label's score minus the
    k-th highest. A tie is no success. With k = 1 this is `Misclassify`. The gradient of the cross-entropy leaves out
    the k - 1 highest of the other classes. In a result, `clean_correct` says which originals have the label among the
    first k.

    Attributes:
      classifier: the network, a `Classifier` or a Keras model of images in [0, 1].
      k: how many classes count, below their number.
      targeted: whether to reach `Batch.classes` or to leave them; the call of an attack sets it.

    Raises:
      InputError: another classifier or number, or (by an attack) a k that is not below the number of classes.

    Example:
      >>> import tf_strattack as sa
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> classifier = sa.shipped.load_classifier()
      >>> result = sa.StrAttack()(sa.TopK(classifier, 3), images[:2], labels[:2])
      >>> first = classifier.predict(result.adversarial).argsort(axis=1)[:, -3:]
      >>> result.success.tolist(), (first == labels[:2, None]).any(axis=1).tolist()
      ([True, True], [False, False])
    """

    classifier: Classifier
    k: int
    targeted: bool = False

    def __post_init__(self) -> None:
        """Checks the number, and makes a classifier of a Keras model."""
        check_count("k", self.k)
        object.__setattr__(self, "classifier", as_classifier(self.classifier))

    def aimed(self, targeted: bool) -> TopK:
        """The same goal, targeted or not."""
        return dataclasses.replace(self, targeted=targeted)

    @property
    def key(self) -> Hashable:
        """The number, and whether it is targeted."""
        return TopK, self.k, self.targeted

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C), the network, and that there are more than k classes.

        Raises:
          InputError: as in `Classifier.prepare`, or too few classes.
        """
        checked = super().prepare(images, positions)
        if self.num_classes is not None and self.k >= self.num_classes:
            raise InputError(
                f"expected k below the number of classes, {self.num_classes}, received k={self.k}: use "
                f"TopK(classifier, {self.num_classes - 1}) at most"
            )
        return checked

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) the labels (N,) are among the first k classes of images (N, H, W, C)."""
        out = self.aimed(False).verify(images, labels, confidence=0.0, positions=positions)
        return ~out

    def loss(self, logits: Logits, classes: Rows) -> Rows:
        """The distance of the target, or of the label, from the k-th highest of the others."""
        own, others = self._ranked(logits, classes)
        return self._signed(own, others[:, self.k - 1])

    def soft_loss(self, logits: Logits, classes: Rows) -> Rows:
        """The distance from log sum exp of the others from the k-th highest on; see `losses.soft_margin`."""
        own, others = self._ranked(tf.cast(logits, tf.float64), classes)
        return tf.cast(self._signed(own, tf.reduce_logsumexp(others[:, self.k - 1 :], axis=1)), logits.dtype)

    def _signed(self, own: Rows, bar: Rows) -> Rows:
        return bar - own if self.targeted else own - bar

    @staticmethod
    def _ranked(logits: Logits, classes: Rows) -> tuple[Rows, Logits]:
        """The logits (N,) of the classes, and those of the others from the highest on, (N, K - 1)."""
        chosen = tf.one_hot(classes, tf.shape(logits)[1], on_value=True, off_value=False)
        others = tf.where(chosen, tf.constant(float("-inf"), logits.dtype), logits)
        return tf.gather(logits, classes, batch_dims=1), tf.sort(others, axis=1, direction="DESCENDING")[:, :-1]
