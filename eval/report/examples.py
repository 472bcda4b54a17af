"""What a report tells of examples: measures of all of them, and the images of some."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, metrics
from tf_strattack.typing import Classes, Images

from ..runs.records import image_ids
from ..runs.tfds_directory import DISTANCES, UNTARGETED
from .images import Coded, code_example

# In a gallery, of all attacks together.
MOST_SHOWN = 500
# Measures by name: those of a data set, and the groups.
MEASURES = (*DISTANCES, "nonzero_groups")


class Batch(NamedTuple):
    """Some examples of one attack: images and perturbations (N, H, W, C) in [0, 1] scale, and what they were to be.

    Targets of an untargeted attack are -1.
    """

    originals: Images
    delta: Images
    labels: Classes
    targets: Classes
    success: npt.NDArray[np.bool_]
    image_ids: npt.NDArray[np.str_]

    @classmethod
    def of(cls, result: AttackResult) -> Batch:
        """The examples of a result that has example ids."""
        low, high = result.bounds
        targets = np.full(len(result), UNTARGETED, np.int32) if result.targets is None else result.targets
        originals = (result.images - np.float32(low)) / np.float32(high - low)
        return cls(originals, result.delta, result.labels, targets, result.success, image_ids(result))


@dataclasses.dataclass(frozen=True)
class Collected:
    """The examples of a report.

    Attributes:
      attacks: (M,) the name of the attack, or of the run, of each example.
      labels, targets, success: (M,).
      measures: name → (M,).
      places: the rows among the M whose images are shown.
      coded: the images of these.
      group_size: side of the groups in pixels.
    """

    attacks: npt.NDArray[np.str_]
    labels: Classes
    targets: Classes
    success: npt.NDArray[np.bool_]
    measures: Mapping[str, npt.NDArray[np.float64]]
    places: list[int]
    coded: list[Coded]
    group_size: int


def collect(runs: Mapping[str, Iterable[Batch]], totals: Mapping[str, int], *, group_size: int) -> Collected:
    """Reads the examples of each attack once; up to `MOST_SHOWN` of them, the same of each, are kept with their images.

    Args:
      runs: attack → its examples.
      totals: attack → how many there are.
      group_size: side of the groups in pixels.
    """
    parts: dict[str, list[npt.NDArray[np.generic]]] = {}
    places, coded, start = [], [], 0
    for name, batches in runs.items():
        number = min(totals[name], MOST_SHOWN // len(runs))
        # Drawn from the number alone, so that attacks on the same examples show the same.
        drawn = np.sort(np.random.default_rng(0).choice(totals[name], number, replace=False))
        first = start
        for batch in batches:
            stop = start + len(batch.labels)
            columns = {
                "attack": np.full(len(batch.labels), name),
                "label": batch.labels,
                "target": batch.targets,
                "success": batch.success,
                **_measured(batch.delta, group_size),
            }
            for column, array in columns.items():
                parts.setdefault(column, []).append(array)
            for place in drawn[(drawn >= start - first) & (drawn < stop - first)] + first:
                row = int(place - start)
                places.append(int(place))
                coded.append(
                    code_example(batch.originals[row], batch.delta[row], str(batch.image_ids[row]), group_size)
                )
            start = stop
    joined = {column: np.concatenate(arrays) for column, arrays in parts.items()}
    return Collected(
        joined["attack"],
        joined["label"],
        joined["target"],
        joined["success"],
        {measure: joined[measure] for measure in MEASURES},
        places,
        coded,
        group_size,
    )


def _measured(delta: Images, group_size: int) -> dict[str, npt.NDArray[np.float64]]:
    distances = {name: getattr(metrics, name)(delta) for name in DISTANCES}
    return {**distances, "nonzero_groups": metrics.nonzero_groups(delta, group_size)}
