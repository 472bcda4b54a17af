"""A goal about another goal, to which it delegates everything that the two share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.problem.goals.base import Goal
from tf_strattack.typing import Classes, Images


class Wrapping(Goal):
    """A goal whose networks, classes and images are those of `goal`."""

    goal: Any

    @property
    def networks(self) -> tuple[Classifier, ...]:
        """Those of the goal."""
        networks: tuple[Classifier, ...] = self.goal.networks
        return networks

    @property
    def num_classes(self) -> int | None:
        """The goal's."""
        number: int | None = self.goal.num_classes
        return number

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C) for the goal.

        Raises:
          InputError: as for the goal.
        """
        checked: Images = self.goal.prepare(images, positions)
        return checked

    def asked(self, labels: Classes, targets: Classes | None, positions: npt.NDArray[np.int32]) -> Classes:
        """What the goal asks."""
        asked: Classes = self.goal.asked(labels, targets, positions)
        return asked

    @property
    def columns(self) -> int:
        """The goal's."""
        return int(self.goal.columns)

    @property
    def resolution(self) -> float:
        """The goal's."""
        return float(self.goal.resolution)
