"""Networks that give an image several labels, some of which should be on, others off."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import as_array
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.outputs import PROBABILITIES
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.goals.one_network import OfOneNetwork
from tf_strattack.typing import Classes, Flags, Images, Logits, Rows

# The values in `asked` for a label.
_ON, _OFF = 1, -1

Labels = tuple[int, ...] | npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class MultiLabel(OfOneNetwork):
    """Some labels of a multi-label network are on, and others off; labels that are not named are free.

    A label is on if its logit is above 0, or its sigmoid above one half. The margin is the largest of -logit, over the
    labels to be on, and logit, over those to be off; `confidence` is how far, in logits, all must lie on their side.
    The cross-entropy is the sum of the binary cross-entropies of the labels.

    Without `on` and `off` the classes of the call decide: `targets` should be on, or (untargeted) `labels` off. With
    them, the call has no `targets`, and its `labels` (N,), one true label per image, only decide which originals are
    `clean_correct`: those where that label is on.

    Attributes:
      classifier: the network, a `Classifier` or a Keras model of images in [0, 1], with a sigmoid or a logit for each
        label.
      on: numbers of the labels to be on, {2, 5}, for all images; or booleans (N, K), a row for each image of the call.
      off: the labels to be off, in the same form.
      targeted: without `on` and `off`, whether targets should be on, or labels off; the call of an attack sets it.

    Raises:
      InputError: labels of another kind, or that should be both on and off; when an attack is called, also labels that
        the network does not have, rows for another number of images, targets in addition, or a network whose
        probabilities sum to 1.

    Example:
      >>> import numpy as np, tensorflow as tf, tf_strattack as sa
      >>> weights = tf.constant(np.random.default_rng(0).normal(size=(16, 5)), tf.float32)
      >>> network = lambda images: tf.sigmoid(tf.reshape(images, [-1, 16]) @ weights)
      >>> tags = sa.Classifier.from_callable(network, outputs="sigmoid")
      >>> images = np.full((1, 4, 4, 1), 0.5, np.float32)
      >>> result = sa.StrAttack(epsilon=None)(sa.MultiLabel(tags, on={0, 2}, off={4}), images, labels=[0])
      >>> (tags.predict(result.adversarial) > 0)[0, [0, 2, 4]].tolist()
      [True, True, False]
    """

    by_logits: ClassVar[bool] = True

    classifier: Classifier
    on: Any = ()
    off: Any = ()
    targeted: bool = False

    def __post_init__(self) -> None:
        """Checks the labels, and makes a classifier of a Keras model."""
        object.__setattr__(self, "classifier", as_classifier(self.classifier))
        for name in ("on", "off"):
            object.__setattr__(self, name, _labels(name, getattr(self, name)))
        if isinstance(self.on, tuple) and isinstance(self.off, tuple) and (both := set(self.on) & set(self.off)):
            raise InputError(f"expected labels that are to be on or off, received {sorted(both)} in both on and off")

    def aimed(self, targeted: bool) -> MultiLabel:
        """The same goal, for a call with targets or without.

        Raises:
          InputError: targets although labels are named.
        """
        if targeted and self._named:
            raise InputError("expected no targets with a MultiLabel that names labels, received both: add them to on=")
        return dataclasses.replace(self, targeted=targeted)

    @property
    def key(self) -> Hashable:
        """The class: labels are `Batch.classes`."""
        return MultiLabel

    @property
    def columns(self) -> int:
        """One for each label."""
        return self.num_classes or 0

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C), the network, and that it has the labels.

        Raises:
          InputError: as in `Classifier.prepare`, another kind of network, or labels that it does not have.
        """
        checked = super().prepare(images, positions)
        if self.classifier.returned == PROBABILITIES and not self.classifier.single_score:
            raise InputError(
                "expected a network with a sigmoid or a logit for each label, received one whose probabilities sum to "
                "1: use TopK or Misclassify, or state outputs='sigmoid' or 'logits' if they are none"
            )
        for name in ("on", "off"):
            self._check(name, getattr(self, name), len(checked) if positions is None else None)
        return checked

    def asked(self, labels: Classes, targets: Classes | None, positions: npt.NDArray[np.int32]) -> Classes:
        """1 for labels to be on, -1 for those to be off, 0 for the others: int32 (N, K).

        Raises:
          InputError: a label that should be both, or no label at all for an image.
        """
        wanted = np.zeros((len(labels), self.columns), np.int32)
        if not self._named:
            chosen, value = (labels, _OFF) if targets is None else (targets, _ON)
            wanted[np.arange(len(labels)), chosen] = value
            return wanted
        on, off = (self._rows(part, wanted.shape, positions) for part in (self.on, self.off))
        for wrong, what in ((on & off, "that are to be on or off, received some in both"), (~(on | off).any(1), "")):
            if wrong.any():
                row = int(np.argwhere(wrong)[0][0])
                raise InputError(f"expected labels {what or 'to be on or off, received none'} for row {row}")
        return np.where(on, _ON, np.where(off, _OFF, 0)).astype(np.int32)

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) the labels (N,) are on in images (N, H, W, C)."""
        return self.classifier.judged(
            images,
            lambda logits: -tf.gather(logits, labels, batch_dims=1),
            positions=positions,
            batch_size=len(images),
            by_logits=True,
        )

    def loss(self, logits: Logits, classes: Rows) -> Rows:
        """The largest distance of a label from its side."""
        signs = tf.cast(classes, logits.dtype)
        return tf.reduce_max(tf.where(classes == 0, tf.constant(float("-inf"), logits.dtype), -signs * logits), axis=1)

    def soft_loss(self, logits: Logits, classes: Rows) -> Rows:
        """The sum of the labels' binary cross-entropies, in float64, which underflows much later."""
        signs = tf.cast(classes, tf.float64)
        return tf.cast(
            tf.reduce_sum(tf.abs(signs) * tf.nn.softplus(-signs * tf.cast(logits, tf.float64)), 1), logits.dtype
        )

    @property
    def _named(self) -> bool:
        return any(not isinstance(part, tuple) or bool(part) for part in (self.on, self.off))

    def _check(self, name: str, labels: Labels, images: int | None) -> None:
        number = self.columns
        if isinstance(labels, tuple):
            wrong = [label for label in labels if label >= number]
            if wrong:
                raise InputError(f"expected labels from 0 to {number - 1} in {name}, received {wrong}")
        elif labels.shape[1] != number or (images is not None and len(labels) != images):
            raise InputError(
                f"expected {name} of shape ({'N' if images is None else images}, {number}), a row for each image and a "
                f"column for each label, received {labels.shape}"
            )

    @staticmethod
    def _rows(labels: Labels, shape: tuple[int, ...], positions: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        if not isinstance(labels, tuple):
            return labels[positions]
        rows = np.zeros(shape, bool)
        rows[:, list(labels)] = True
        return rows


def _labels(name: str, value: Any) -> Labels:
    """Labels by their numbers, sorted, or booleans (N, K)."""
    if isinstance(value, set | frozenset):
        value = sorted(value)
    given = as_array(value, name)
    if given.ndim == 2 and (given.dtype == bool or (given.dtype.kind in "iu" and np.isin(given, (0, 1)).all())):
        return given.astype(bool)
    if given.size == 0 and given.ndim == 1:
        return ()
    if given.ndim > 1 or given.dtype.kind not in "iu" or (given < 0).any():
        raise InputError(
            f"expected {name} as numbers of labels, {{2, 5}}, or booleans (N, labels), received {value!r:.60}"
        )
    return tuple(sorted({int(label) for label in given.reshape(-1)}))
