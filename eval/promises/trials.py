"""The examples of a plan, and the trial of an attack on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.acceptance.trial import Trial
from tf_strattack.typing import Images

from ..runs.plan import Plan
from ..runs.setting import Setting
from ..runs.work import with_groups

# "images", "labels" and "image_ids", and "targets" unless the attack is untargeted.
Arrays = Mapping[str, npt.NDArray[Any]]


def examples_of(setting: Setting, plan: Plan) -> Arrays:
    """The arrays of all examples of a plan."""
    bounds = setting.model.classifier.bounds
    shards = [shard for _, shard in plan.shards(setting.data, bounds, range(plan.num_shards))]
    names = ("images", "labels", "image_ids", *(["targets"] if shards[0].targets is not None else []))
    return {name: np.concatenate([getattr(shard, name) for shard in shards]) for name in names}


def trial_of(setting: Setting, examples: Arrays, owner: Callable[[Images], Any] | None = None) -> Trial:
    """The trial of the attack of a setting; `owner` is as in `tf_strattack.acceptance.check`."""
    attack = with_groups(setting.attack, examples["images"], examples["image_ids"])
    given = examples["images"], examples["labels"], examples.get("targets")
    return Trial(setting.model.classifier, attack, *given, owner)
