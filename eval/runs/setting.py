"""What the flags of a program that attacks name: attack, network, images and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tf_strattack import Attack

from ..inputs.datasets import Data
from ..inputs.examples import Selection
from ..inputs.groups import Grouping
from ..inputs.models import Model
from ..inputs.targets import Targets


class Setting(NamedTuple):
    """What is attacked, and by what.

    Attributes:
      attack, grouping, model, data: the attack, which pixels belong together, the network, and the images.
      targets: those of each image.
      selection: the images to attack.
      own_labels: whether images have the labels that the network, an untrained one, gives them.
      facts: all of it, to be recorded; JSON values.
    """

    attack: Attack
    grouping: Grouping
    model: Model
    data: Data
    targets: Targets
    selection: Selection
    own_labels: bool
    facts: dict[str, Any]

    def class_names(self) -> Mapping[int, str]:
        """The names of classes that data set and network know."""
        return {**self.data.class_names, **self.model.class_names}
