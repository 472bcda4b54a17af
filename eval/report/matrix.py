"""Success and distances by true label and target class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack.drawing import class_name

from ..runs.rows import UNTARGETED
from .examples import MEASURES, Collected

# The most rows or columns; with more classes, pairs are listed instead.
_MOST = 40
# The most pairs in such a list.
_LONGEST = 1000
_SUCCESS = "asr"
NAMES = {
    _SUCCESS: "success",
    "l0": "ℓ0",
    "l1": "ℓ1",
    "l2": "ℓ2",
    "linf": "ℓ∞",
    "nonzero_groups": "groups",
}


class Classes(NamedTuple):
    """The attacks, labels and targets of M examples.

    Attributes:
      names: the names of the "attacks", "labels" and "targets" that occur.
      attack, label, target: (M,) indices in these.
    """

    names: dict[str, list[str]]
    attack: npt.NDArray[np.intp]
    label: npt.NDArray[np.intp]
    target: npt.NDArray[np.intp]

    @classmethod
    def of(cls, examples: Collected, class_names: Mapping[int, str]) -> Classes:
        """Finds the attacks and classes that occur: attacks in order of appearance, classes by number."""
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
    """The success rate and the means of measures over successful examples, for each attack, label and target.

    Returns:
      JSON values: "measures" (key → name); the measure to show "first" for each attack, one that differs between cells;
      "attacks"; the names of "labels" and "targets"; "sparse", whether to show a list; "left_out", the number of pairs
      that the list leaves out; and the non-empty "cells": [attack, label, target, number, values in the order of the
      measures].
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
    sparse = max(map(len, (classes.names["labels"], classes.names["targets"]))) > _MOST
    # A long list has the pairs with most examples.
    order = np.argsort(-number, kind="stable")[:_LONGEST] if sparse else np.arange(len(number))
    cells: list[list[Any]] = []
    for cell in order:
        means = [float(sums[measure][cell] / reached[cell]) if reached[cell] else None for measure in MEASURES]
        values = [float(reached[cell] / number[cell]), *means]
        cells.append(
            [*map(int, found[:, cell]), int(number[cell]), [None if v is None else round(v, 4) for v in values]]
        )
    return {
        "measures": NAMES,
        "first": [
            _first([values for of, *_, values in cells if of == a]) for a in range(len(classes.names["attacks"]))
        ],
        **classes.names,
        "sparse": sparse,
        "left_out": len(number) - len(cells),
        "cells": cells,
    }


def _first(values: list[Any]) -> str:
    """The measure to show first: success, unless it is the same in all cells; then ℓ2 or another that differs."""
    keys = list(NAMES)
    for key in sorted(keys, key=lambda key: (key != _SUCCESS, key != "l2")):
        known = {row[keys.index(key)] for row in values} - {None}
        if len(known) > 1:
            return key
    return _SUCCESS
