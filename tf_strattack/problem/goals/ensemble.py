"""All of several goals, or any of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.several import Several
from tf_strattack.typing import Classes, Flags, Images, Pixels, Rows

# In logits. With the gradient of the worst member alone the solver jumps between members, and succeeds on only 97.8 %
# of the examples of docs/goals.md.
_SOFTNESS = 2.0


@dataclasses.dataclass(frozen=True)
class AllOf(Several):
    """All goals are reached: for instance, every network of an ensemble is fooled.

    The margin is the largest of the members'. Its gradient is the mean of the members', with weights softmax(margin/2
    logits): mostly the gradient of the member farthest from its goal, mixed with those of members within a few logits
    of it. The gradient of the cross-entropy is the sum of the members'. An evaluation counts as one evaluation per
    member. In a result, `clean_correct` says which originals all networks classify correctly.

    Attributes:
      members: a list of classifiers, Keras models of images in [0, 1], or goals; their networks take the same images
        within the same bounds.
      classifier: the classifier of the first member.

    Raises:
      InputError: no member, or networks with different images, bounds or numbers of classes.

    Example:
      >>> import tf_strattack as sa
      >>> both = sa.AllOf([sa.shipped.load_classifier("mnist_cnn"), sa.shipped.load_classifier("mnist_pgd")])
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> result = sa.StrAttack(epsilon=None)(both, images[:2], labels[:2])
      >>> [(network.classify(result.adversarial) == labels[:2]).tolist() for network in both.networks]
      [[False, False], [False, False]]
    """

    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) valid images (N, H, W, C) reach the goals of all members, each by its own final decision."""
        return np.logical_and.reduce(self._verified(images, classes, confidence=confidence, positions=positions))

    def joined(self, margins: tf.Tensor) -> Rows:
        """The largest."""
        return tf.reduce_max(margins, axis=1)

    def shares(self, margins: tf.Tensor) -> tf.Tensor:
        """The largest weight for the largest margin, and some for those within a few logits of it."""
        return tf.nn.softmax(margins / _SOFTNESS, axis=1)

    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The sum (N, H, W, C) of the members' gradients."""
        return tf.add_n([member.cross_entropy_gradient(part, delta) for member, part in self._parts(batch)])

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The largest margin (N,), and the sum (N, H, W, C) of the members' gradients."""
        margins, gradients = self._both(batch, delta)
        return self._joined(margins), tf.add_n(gradients)


@dataclasses.dataclass(frozen=True)
class AnyOf(Several):
    """One of the goals is reached, whichever is nearest.

    The margin is the least of the members', and its gradient, and that of the cross-entropy, are the nearest member's.
    An evaluation counts as one of each member.

    Attributes:
      members: as in `AllOf`.
      classifier: the classifier of the first member.

    Raises:
      InputError: as in `AllOf`.
    """

    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) valid images (N, H, W, C) reach the goal of a member, by its own final decision."""
        return np.logical_or.reduce(self._verified(images, classes, confidence=confidence, positions=positions))

    def joined(self, margins: tf.Tensor) -> Rows:
        """The least."""
        return tf.reduce_min(margins, axis=1)

    def shares(self, margins: tf.Tensor) -> tf.Tensor:
        """1 for the least margin, the first if several are equal."""
        return tf.one_hot(tf.argmin(margins, axis=1), margins.shape[1])

    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The gradient (N, H, W, C) of the nearest member."""
        return self._selected(*self._both(batch, delta))

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The least margin (N,), and the nearest member's gradient (N, H, W, C)."""
        margins, gradients = self._both(batch, delta)
        return self._joined(margins), self._selected(margins, gradients)
