"""The figures of metrics.json, from the results of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from tf_strattack import AttackResult, metrics
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.versions import versions

from ..inputs.examples import image_ids

# Name → array (N,), one entry per example.
Measures = dict[str, npt.NDArray[Any]]


def measure(result: AttackResult, *, groups: GroupStructure) -> Measures:
    """The basis of metrics.json: an array (N,) for each measure, and for success, cost and image."""
    return {
        **metrics.measure(result.delta, groups=groups),
        "success": result.success,
        "image": image_ids(result),
        "seconds": result.seconds,
        "gradient": result.gradient_evaluations,
        "forward": result.forward_evaluations,
    }


def summarise(measured: Iterable[Measures], *, seed: int, skipped: int, own_labels: bool) -> dict[str, Any]:
    """Computes the figures of metrics.json over the shards of a run.

    Args:
      measured: the measures of each shard, from `measure`.
      seed: the seed of the average case.
      skipped: the number of images that the network misclassified.
      own_labels: whether the network's predictions serve as labels, so that its accuracy means nothing.
    """
    parts = list(measured)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    image, success = joined.pop("image"), joined.pop("success")
    costs = {name: float(joined.pop(name).mean()) for name in ("seconds", "gradient", "forward")}
    accuracies = metrics.accuracies(success, image, num_misclassified=skipped)
    return {
        "num_images": len(np.unique(image)),
        "skipped_misclassified": skipped,
        **(dict.fromkeys(accuracies) if own_labels else accuracies),
        "num_examples": len(image),
        "seconds_per_example": costs["seconds"],
        "gradient_evaluations_per_example": costs["gradient"],
        "forward_evaluations_per_example": costs["forward"],
        **metrics.best_average_worst(joined, success, image, seed=seed),
    }


def require_same_examples(results: Sequence[AttackResult]) -> None:
    """Raises ValueError unless the results, one shard of each of several runs, have the same examples."""
    ids = [np.arange(len(one)).astype(str) if one.example_ids is None else one.example_ids for one in results]
    if any(not np.array_equal(other, ids[0]) for other in ids):
        raise ValueError("the runs have different examples")


def completed(facts: dict[str, Any]) -> dict[str, Any]:
    """`facts` with the versions of libraries and the time."""
    finished_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {**facts, "versions": {**versions(), "tensorflow_datasets": tfds.__version__}, "finished_at": finished_at}
