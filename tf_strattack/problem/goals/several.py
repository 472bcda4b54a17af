"""Several goals at once, such as for an ensemble of networks: all of them, or any."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.goals.misclassify import goal_of
from tf_strattack.typing import Classes, Flags, Images, Pixels, Rows, Scalar

_Several = TypeVar("_Several", bound="Several")


@dataclasses.dataclass(frozen=True)
class Several(Goal):
    """Goals of the same images, whose margins are joined.

    Attributes:
      members: the goals.
      classifier: the classifier of the first.
    """

    members: Sequence[Any]
    classifier: Classifier = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Makes goals of the members, and refuses networks with different images."""
        name = type(self).__name__
        if isinstance(self.members, str) or not isinstance(self.members, Sequence):
            raise InputError(f"expected {name} of a list of classifiers or goals, received {self.members!r}")
        if not self.members:
            raise InputError(f"expected {name} of at least one classifier or goal, received none")
        members = tuple(goal_of(member) for member in self.members)
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "classifier", members[0].classifier)
        first, *others = self.networks
        for other in others:
            _check_alike(first, other)

    @abc.abstractmethod
    def joined(self, margins: tf.Tensor) -> Rows:
        """The joined margin (N,) from the margins (N, M) of the members."""

    @abc.abstractmethod
    def shares(self, margins: tf.Tensor) -> tf.Tensor:
        """By margins (N, M), the weights (N, M) of the members' gradients, which sum to 1."""

    # Arrays.

    def aimed(self: _Several, targeted: bool) -> _Several:
        """The same goal, of members towards the classes if `targeted`, else away from them."""
        return self._of(member.aimed(targeted) for member in self.members)

    @property
    def passes(self) -> int:
        """The sum of the members'."""
        return sum(member.passes for member in self.members)

    @property
    def batched(self) -> int:
        """The sum of the members'."""
        return sum(member.batched for member in self.members)

    @property
    def key(self) -> Hashable:
        """The members' classes and keys."""
        return type(self), tuple((type(member), member.key) for member in self.members)

    @property
    def networks(self) -> tuple[Classifier, ...]:
        """Those of all members."""
        return tuple(network for member in self.members for network in member.networks)

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C) for every member, and that all know the same classes.

        Raises:
          InputError: as for the members, or networks with different numbers of classes.
        """
        for member in self.members:
            images = member.prepare(images, positions)
        numbers = [member.num_classes for member in self.members]
        if len(set(numbers)) > 1:
            raise InputError(
                f"expected members of {type(self).__name__} with the same classes, received {_listed(numbers)}: join "
                "networks that were trained on the same labels"
            )
        checked: Images = images
        return checked

    def asked(self, labels: Classes, targets: Classes | None, positions: npt.NDArray[np.int32]) -> Classes:
        """The classes of the members, side by side; a single class if no member needs more."""
        parts = [member.asked(labels, targets, positions) for member in self.members]
        if not self.columns:
            return parts[0]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)

    @property
    def columns(self) -> int:
        """The total of the members, or 0 if each needs only the class of the call."""
        return sum(max(1, member.columns) for member in self.members) if self._mixed else 0

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) every member sees the labels (N,) in images (N, H, W, C)."""
        seen = [member.correct(images, labels, positions) for member in self.members]
        return np.logical_and.reduce(seen)

    def stricter(self: _Several) -> tuple[_Several, ...]:
        """The same goal with stricter members, if there are any."""
        levels = [member.stricter() for member in self.members]
        number = max(len(level) for level in levels)
        return tuple(
            self._of(
                level[min(k, len(level) - 1)] if level else m for m, level in zip(self.members, levels, strict=True)
            )
            for k in range(number)
        )

    # Tensors.

    @property
    def evaluations(self) -> int:
        """The sum of the members'."""
        return sum(member.evaluations for member in self.members)

    @property
    def width(self) -> int:
        """The largest of any member."""
        return max(member.width for member in self.members)

    @property
    def drawing(self) -> bool:
        """Whether a member is random."""
        return any(member.drawing for member in self.members)

    @property
    def unsteady(self) -> tuple[Classifier, ...]:
        """Those of all members."""
        return tuple(network for member in self.members for network in member.unsteady)

    def at(self: _Several, turn: Scalar) -> _Several:
        """The same goal of members with the draws of `turn`."""
        return self._of(member.at(turn) for member in self.members)

    @property
    def resolution(self) -> float:
        """The coarsest of the members'."""
        return max(member.resolution for member in self.members)

    def margin(self, batch: Batch) -> Rows:
        """The joined margin (N,) of the originals."""
        return self._joined([member.margin(part) for member, part in self._parts(batch)])

    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The joined margin (N,) of the valid images."""
        return self._joined([member.valid_margin(part, delta) for member, part in self._parts(batch)])

    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The joined margin (N,) and the members' gradients (N, H, W, C), by their shares."""
        found = [member.margin_and_gradient(part, delta) for member, part in self._parts(batch)]
        margins, gradients = zip(*found, strict=True)
        return self._joined(margins), self._selected(margins, gradients)

    def _both(self, batch: Batch, delta: Pixels) -> tuple[list[Rows], list[Pixels]]:
        """The margins and the gradients of the cross-entropy, by member."""
        found = [member.margin_and_cross_entropy_gradient(part, delta) for member, part in self._parts(batch)]
        return [margins for margins, _ in found], [gradient for _, gradient in found]

    def _joined(self, margins: Sequence[Rows]) -> Rows:
        stacked = tf.stack(margins, axis=1)
        # NaN in one member makes the joined margin NaN: minima and maxima of TensorFlow may ignore it.
        finite = tf.reduce_all(tf.math.is_finite(stacked), axis=1)
        return tf.where(finite, self.joined(stacked), float("nan"))

    def _selected(self, margins: Sequence[Rows], gradients: Sequence[Pixels]) -> Pixels:
        shares = self.shares(tf.stack(margins, axis=1))[:, :, None, None, None]
        # A member of weight 0 has no effect, even if it returns NaN.
        return tf.add_n([tf.math.multiply_no_nan(part, shares[:, place]) for place, part in enumerate(gradients)])

    @property
    def _mixed(self) -> bool:
        return any(member.columns for member in self.members)

    def _classes(self, classes: Any) -> list[Any]:
        """Splits the joined classes of `asked` by member: arrays or tensors."""
        if not self._mixed:
            return [classes] * len(self.members)
        parts, first = [], 0
        for member in self.members:
            width = member.columns
            parts.append(classes[:, first : first + width] if width else classes[:, first])
            first += max(1, width)
        return parts

    def _parts(self, batch: Batch) -> list[tuple[Goal, Batch]]:
        parts = self._classes(batch.classes)
        return [(m, batch._replace(classes=part)) for m, part in zip(self.members, parts, strict=True)]

    def _verified(self, images: Images, classes: Classes, **options: Any) -> list[Flags]:
        parts = self._classes(classes)
        return [m.verify(images, part, **options) for m, part in zip(self.members, parts, strict=True)]

    def _of(self: _Several, members: Any) -> _Several:
        return dataclasses.replace(self, members=tuple(members))


def _check_alike(first: Classifier, other: Classifier) -> None:
    if first.bounds != other.bounds:
        raise InputError(
            f"expected networks of images within the same bounds, received {first.bounds} and {other.bounds}: give one "
            "the bounds of the other, with preprocessing= that scales its images, as in "
            "Classifier.from_keras(model, bounds=(0, 1), preprocessing=lambda images: 255 * images)"
        )
    ours, theirs = first.image_shape, other.image_shape
    if (
        ours is not None
        and theirs is not None
        and any(a != b for a, b in zip(ours, theirs, strict=True) if None not in (a, b))
    ):
        raise InputError(
            f"expected networks of images of the same shape, received {ours} and {theirs}: resize within one, as in "
            f"Classifier.from_keras(model, preprocessing=lambda images: tf.image.resize(images, {theirs[:2]}))"
        )


def _listed(numbers: Sequence[Any]) -> str:
    return " and ".join(str(number) for number in dict.fromkeys(numbers))
