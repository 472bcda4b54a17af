"""The usual goal: the classifier returns the target class, or any but the true one."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.losses import margin, soft_margin
from tf_strattack.problem.goals.base import Goal
from tf_strattack.problem.goals.one_network import OfOneNetwork
from tf_strattack.typing import Logits, Rows


@dataclasses.dataclass(frozen=True)
class Misclassify(OfOneNetwork):
    """The classifier returns the target class, or (untargeted) any but the true one.

    Attributes:
      classifier: the network to fool.
      targeted: whether to reach `Batch.classes` or to leave them; the call of an attack sets it.
    """

    classifier: Classifier
    targeted: bool = False

    def aimed(self, targeted: bool) -> Misclassify:
        """The same goal, targeted or not."""
        return dataclasses.replace(self, targeted=targeted)

    @property
    def key(self) -> Hashable:
        """Whether it is targeted."""
        return self.targeted

    def loss(self, logits: Logits, classes: Rows) -> Rows:
        """The margin of eq. (3)."""
        return margin(logits, classes, self.targeted)

    def soft_loss(self, logits: Logits, classes: Rows) -> Rows:
        """The margin with log sum exp for the greatest of the other classes."""
        return soft_margin(logits, classes, self.targeted)


def goal_of(value: Any) -> Goal:
    """`value` itself if it is a goal, or the goal to fool a classifier or a Keras model of images in [0, 1].

    Raises:
      InputError: anything else, with the call that makes a classifier of it.
    """
    return value if isinstance(value, Goal) else Misclassify(as_classifier(value))


def as_goal(value: Any) -> Goal:
    """The goal of `goal_of`, for an attack.

    Raises:
      InputError: anything else, or a network that is random from call to call outside of an `Expectation`.
    """
    goal = goal_of(value)
    if goal.unsteady:
        raise InputError(
            "expected an Expectation over a network that is random from call to call (stochastic=True), received "
            f"{goal.unsteady[0]!r} without one: attack(sa.Expectation(classifier), images, labels)"
        )
    return goal
