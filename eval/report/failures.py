"""Failed examples, counted: a list of hundreds would say little."""

from __future__ import annotations

import collections
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .examples import Collected
from .matrix import Classes

# Pairs of label and target that are named.
_MOST = 8


class Pair(NamedTuple):
    """A label and a target by name and by place, and how many examples failed between them."""

    label: str
    target: str
    label_place: int
    target_place: int
    number: int


class Failures(NamedTuple):
    """How many examples of an attack failed.

    Attributes:
      attack: its name.
      place: of the attack, among all.
      number, total: of how many.
      pairs: those pairs of label and target with most failures.
      more: how many pairs there are besides.
    """

    attack: str
    place: int
    number: int
    total: int
    pairs: list[Pair]
    more: int


def failures_of(examples: Collected, class_names: Mapping[int, str]) -> list[Failures]:
    """The failures of each attack that has any, counted by label and target."""
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
