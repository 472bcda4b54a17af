"""Success and distances by true label and target class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eval.figures import class_name
from eval.report.examples import MEASURES, Collected
from eval.table import format_value
from eval.tfds_directory import UNTARGETED

# Rows or columns at most; pairs of more classes are listed instead.
_MOST = 40
_SUCCESS = "asr"
NAMES = {
    _SUCCESS: "success", "l0": "ℓ0", "l1": "ℓ1", "l2": "ℓ2", "linf": "ℓ∞", "nonzero_groups": "groups",
}  # fmt: skip


class Classes(NamedTuple):
    """The attacks, labels and targets of M examples.

    Attributes:
      names: "attacks", "labels" and "targets" that occur, by name.
      attack, label, target: (M,) places in these.
    """

    names: dict[str, list[str]]
    attack: npt.NDArray[np.intp]
    label: npt.NDArray[np.intp]
    target: npt.NDArray[np.intp]

    @classmethod
    def of(cls, examples: Collected, class_names: Mapping[int, str]) -> Classes:
        """Finds those that occur; attacks in their order, classes in that of their numbers."""
        attacks = list(dict.fromkeys(examples.attacks.tolist()))
        labels, label = np.unique(examples.labels, return_inverse=True)
        targets, target = np.unique(examples.targets, return_inverse=True)
        names = {
            "attacks": attacks,
            "labels": [class_name(number, class_names) for number in labels],
            "targets": ["untargeted" if t == UNTARGETED else class_name(t, class_names) for t in targets],
        }
        places = {name: place for place, name in enumerate(attacks)}
        return cls(names, np.array([places[name] for name in examples.attacks.tolist()]), label, target)


def matrix_of(examples: Collected, class_names: Mapping[int, str]) -> dict[str, Any]:
    """The share of successes, and the mean of each measure over them, for each attack, label and target.

    Returns:
      JSON values: "measures" (key → name), "attacks", the names of "labels" and "targets", whether it is to be shown
      as a list ("sparse"), and the "cells" that there are: [attack, label, target, number, {measure: [value, text]}].
    """
    classes = Classes.of(examples, class_names)
    keys = np.stack([classes.attack, classes.label, classes.target])
    found, inverse = np.unique(keys, axis=1, return_inverse=True)
    inverse = inverse.reshape(-1)
    number = np.bincount(inverse, minlength=found.shape[1])
    reached = np.bincount(inverse, examples.success, minlength=found.shape[1])
    sums = {
        m: np.bincount(inverse, v * examples.success, minlength=found.shape[1]) for m, v in examples.measures.items()
    }
    cells = []
    for cell in range(found.shape[1]):
        values: dict[str, float | None] = {_SUCCESS: float(reached[cell] / number[cell])}
        for measure in MEASURES:
            values[measure] = float(sums[measure][cell] / reached[cell]) if reached[cell] else None
        texts = {m: [None if v is None else round(v, 4), format_value(m, v)] for m, v in values.items()}
        cells.append([*map(int, found[:, cell]), int(number[cell]), texts])
    return {
        "measures": NAMES,
        **classes.names,
        "sparse": max(map(len, (classes.names["labels"], classes.names["targets"]))) > _MOST,
        "cells": cells,
    }
