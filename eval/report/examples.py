"""The examples of a report: measures of all of them, and images of some."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, Classifier, metrics
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.typing import Classes, Images

from ..inputs.examples import image_ids
from ..inputs.groups import Grouping
from ..runs.rows import DISTANCES, UNTARGETED
from .images import Coded, code_example, side_of
from .predictions import Prediction, predict

# The most examples in a gallery, over all attacks.
MOST_SHOWN = 500
# Names of measures: those of a data set, and the changed groups.
MEASURES = (*DISTANCES, "nonzero_groups")


class Batch(NamedTuple):
    """Some examples of one attack: images and perturbations (N, H, W, C) in [0, 1] scale, labels, targets and so on.

    Targets of an untargeted attack are -1.

    Attributes:
      gradients: (N,) gradient evaluations; None if unknown.
      native: the images and the adversarial images, both (N, H, W, C), in the network's scale; None for no predictions.
    """

    originals: Images
    delta: Images
    labels: Classes
    targets: Classes
    success: npt.NDArray[np.bool_]
    image_ids: npt.NDArray[np.str_]
    groups: GroupStructure
    gradients: npt.NDArray[np.int32] | None = None
    native: tuple[Images, Images] | None = None

    @classmethod
    def of(cls, result: AttackResult, grouping: Grouping) -> Batch:
        """The examples of a result with example ids, with the groups of their images."""
        low, high = result.bounds
        targets = np.full(len(result), UNTARGETED, np.int32) if result.targets is None else result.targets
        originals = (result.images - np.float32(low)) / np.float32(high - low)
        return cls(
            originals,
            result.delta,
            result.labels,
            targets,
            result.success,
            image_ids(result),
            grouping.of_result(result),
            result.gradient_evaluations,
            (result.images, result.adversarial),
        )


def batches_of(results: Iterable[AttackResult], grouping: Grouping) -> Iterator[Batch]:
    """The examples of results, one result after another."""
    return (Batch.of(result, grouping) for result in results)


@dataclasses.dataclass(frozen=True)
class Collected:
    """The examples of a report.

    Attributes:
      attacks: (M,) the name of the attack or the run of each example.
      labels, targets, success: (M,).
      measures: name → (M,).
      gradients: (M,) gradient evaluations, NaN if unknown.
      places: indices of the examples whose images are shown.
      coded: the images of these.
      predictions: the network's predictions for these; None without a network.
      side: the side in pixels of groups that are disjoint squares; else None.
    """

    attacks: npt.NDArray[np.str_]
    labels: Classes
    targets: Classes
    success: npt.NDArray[np.bool_]
    measures: Mapping[str, npt.NDArray[np.float64]]
    gradients: npt.NDArray[np.float64]
    places: list[int]
    coded: list[Coded]
    predictions: list[Prediction | None]
    side: int | None


def collect(
    runs: Mapping[str, Iterable[Batch]], totals: Mapping[str, int], networks: Mapping[str, Classifier] | None = None
) -> Collected:
    """Reads the examples of each attack once; keeps the images of up to `MOST_SHOWN` examples, the same per attack.

    Args:
      runs: attack → its examples.
      totals: attack → the number of its examples.
      networks: attack → the attacked network, which classifies the examples that are shown.
    """
    parts: dict[str, list[npt.NDArray[np.generic]]] = {}
    places: list[int] = []
    coded: list[Coded] = []
    predictions: list[Prediction | None] = []
    start, side = 0, None
    for name, batches in runs.items():
        number = min(totals[name], MOST_SHOWN // len(runs))
        # The draw depends on the number alone, so that attacks on the same examples show the same ones.
        drawn = np.sort(np.random.default_rng(0).choice(totals[name], number, replace=False))
        first = start
        for batch in batches:
            stop = start + len(batch.labels)
            for column, array in _columns(name, batch).items():
                parts.setdefault(column, []).append(array)
            chosen = drawn[(drawn >= start - first) & (drawn < stop - first)] + first
            rows = chosen - start
            places += chosen.tolist()
            predictions += _predictions((networks or {}).get(name), batch, rows)
            for row in rows:
                own = batch.groups[[row]]
                coded.append(code_example(batch.originals[row], batch.delta[row], str(batch.image_ids[row]), own))
                side = side_of(own)
            start = stop
    joined = {column: np.concatenate(arrays) for column, arrays in parts.items()}
    return Collected(
        joined["attack"],
        joined["label"],
        joined["target"],
        joined["success"],
        {measure: joined[measure] for measure in MEASURES},
        joined["gradients"],
        places,
        coded,
        predictions,
        side,
    )


def _columns(name: str, batch: Batch) -> dict[str, npt.NDArray[np.generic]]:
    number = len(batch.labels)
    return {
        "attack": np.full(number, name),
        "label": batch.labels,
        "target": batch.targets,
        "success": batch.success,
        "gradients": np.full(number, np.nan) if batch.gradients is None else batch.gradients.astype(np.float64),
        **_measured(batch.delta, batch.groups),
    }


def _predictions(network: Classifier | None, batch: Batch, rows: npt.NDArray[np.int64]) -> list[Prediction | None]:
    if network is None or batch.native is None or not len(rows):
        return [None] * len(rows)
    images, adversarial = batch.native
    return list(predict(network, images[rows], adversarial[rows]))


def _measured(delta: Images, groups: GroupStructure) -> dict[str, npt.NDArray[np.float64]]:
    distances = {name: getattr(metrics, name)(delta) for name in DISTANCES}
    return {**distances, "nonzero_groups": metrics.nonzero_groups(delta, groups)}
