"""The setting of a run as the flags describe it: attack, network, images and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import Attack, AttackResult

from ..inputs.datasets import Data
from ..inputs.examples import Selection
from ..inputs.groups import Grouping
from ..inputs.models import Model
from ..inputs.targets import Targets
from ..inputs.transforms import InputTransform


class Setting(NamedTuple):
    """The attack of a run, and what it attacks.

    Attributes:
      attack, grouping, model, data: the attack, the groups of pixels, the network, and the images.
      targets: the targets of each image.
      selection: the images to attack.
      own_labels: whether the predictions of an untrained network serve as labels.
      facts: a record of all of this; JSON values.
      input_transform: a random change of images before the network.
    """

    attack: Attack
    grouping: Grouping
    model: Model
    data: Data
    targets: Targets
    selection: Selection
    own_labels: bool
    facts: dict[str, Any]
    input_transform: InputTransform

    def class_names(self) -> Mapping[int, str]:
        """The class names that the data set and the network have."""
        return {**self.data.class_names, **self.model.class_names}

    def fooled(self, result: AttackResult) -> npt.NDArray[np.bool_]:
        """Whether (N,) the examples of a shard fool the network, tested again."""
        return self.input_transform.fooled(self.model.classifier, result, self.attack.confidence)
