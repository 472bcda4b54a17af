"""The setting of a run as the flags describe it: attack, network, images and targets."""

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
    """The attack of a run, and what it attacks.

    Attributes:
      attack, grouping, model, data: the attack, the groups of pixels, the network, and the images.
      targets: the targets of each image.
      selection: the images to attack.
      own_labels: whether the predictions of an untrained network serve as labels.
      facts: a record of all of this; JSON values.
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
        """The class names that the data set and the network have."""
        return {**self.data.class_names, **self.model.class_names}
