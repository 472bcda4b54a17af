"""Counts of failed examples, as a list of hundreds would be of little use."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .examples import Collected
from .matrix import Classes

# The most pairs of label and target that are listed.
_MOST = 8


class Pair(NamedTuple):
    """A label and a target by name and by index, and the number of failed examples with both."""

    label: str
    target: str
    label_place: int
    target_place: int
    number: int


class Failures(NamedTuple):
    """The number of failed examples of an attack.

    Attributes:
      attack: the name of the attack.
      place: the index of the attack.
      number, total: the numbers of failed and of all examples.
      pairs: the pairs of label and target with most failures.
      more: the number of further pairs.
    """

    attack: str
    place: int
    number: int
    total: int
    pairs: list[Pair]
    more: int


def failures_of(examples: Collected, class_names: Mapping[int, str]) -> list[Failures]:
    """The failures of each attack with failures, counted by label and target."""
    classes = Classes.of(examples, class_names)
    found = []
    for number, attack in enumerate(classes.names["attacks"]):
        mine = classes.attack == number
        failed = np.flatnonzero(mine & ~examples.success)
        pairs = collections.Counter(zip(classes.label[failed].tolist(), classes.target[failed].tolist(), strict=True))
        most = [
            Pair(classes.names["labels"][label], classes.names["targets"][target], label, target, count)
            for (label, target), count in pairs.most_common(_MOST)
        ]
        if len(failed):
            found.append(Failures(attack, number, len(failed), int(mine.sum()), most, len(pairs) - len(most)))
    return found
