"""What a run leaves to read: metrics.json, and the examples as a TFDS directory."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from tf_strattack import AttackResult, metrics
from tf_strattack.programs.directories.files import partial_of, write_json
from tf_strattack.programs.directories.layouts import DATASET, DATASET_PARTIAL
from tf_strattack.programs.directories.removal import remove, replace_written
from tf_strattack.versions import versions

from .tfds_directory import FLOAT32, features_of, rows_of, shard_name, write_info, write_shard

# An array (N,) by name, one entry an example.
Measures = dict[str, npt.NDArray[Any]]

_SHARD_EXAMPLES = 1000


def measure(result: AttackResult, *, group_size: int) -> Measures:
    """What metrics.json is computed from: an array (N,) of each measure, and of success, cost and image."""
    return {
        **metrics.measure(result.delta, groups=group_size),
        "success": result.success,
        "image": image_ids(result),
        "seconds": result.seconds,
        "gradient": result.gradient_evaluations,
        "forward": result.forward_evaluations,
    }


def summarise(measured: Iterable[Measures], *, seed: int, skipped: int, own_labels: bool) -> dict[str, Any]:
    """Computes the figures of metrics.json over the shards of a run.

    Args:
      measured: of each shard, as from `measure`.
      seed: of the average case.
      skipped: how many images the network misclassified.
      own_labels: whether labels are what the network says, so that its accuracy means nothing.
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


def image_ids(result: AttackResult) -> npt.NDArray[np.str_]:
    """The image's part of each example id, which names image and target."""
    if result.example_ids is None:
        raise ValueError("the result has no example ids")
    return images_named_in(result.example_ids, untargeted=result.targets is None)


def images_named_in(example_ids: npt.NDArray[np.str_], *, untargeted: bool) -> npt.NDArray[np.str_]:
    """The image's part of example ids (N,)."""
    suffix = "_untargeted" if untargeted else "_to_"
    return np.array([name.rpartition(suffix)[0] for name in example_ids])


def require_same_examples(results: Sequence[AttackResult]) -> None:
    """Raises ValueError unless the results, shards of several runs, are of the same examples."""
    ids = [np.arange(len(one)).astype(str) if one.example_ids is None else one.example_ids for one in results]
    if any(not np.array_equal(other, ids[0]) for other in ids):
        raise ValueError("the runs are of different examples")


def write_metrics(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Writes `facts`, completed, as JSON; returns what it wrote."""
    everything = completed(facts)
    write_json(path, everything)
    return everything


def completed(facts: dict[str, Any]) -> dict[str, Any]:
    """`facts` with versions and time."""
    finished_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {**facts, "versions": {**versions(), "tensorflow_datasets": tfds.__version__}, "finished_at": finished_at}


def write_dataset(directory: Path, results: Iterable[AttackResult], facts: dict[str, Any]) -> None:
    """Writes the examples to `directory`, to be read by `tfds.builder_from_directory`; see `tfds_directory`.

    Images are float32 in the classifier's scale. The directory appears, or what an earlier call wrote to it is
    replaced, once everything is complete.
    """
    partial = partial_of(directory)
    remove(partial, DATASET_PARTIAL)
    partial.mkdir(parents=True, exist_ok=True)
    results = iter(results)
    first = next(results)
    features = features_of(first.images.shape[1:], FLOAT32)
    rows = itertools.chain.from_iterable(rows_of(result, FLOAT32) for result in itertools.chain([first], results))
    files: list[tuple[int, int]] = []
    while chunk := list(itertools.islice(rows, _SHARD_EXAMPLES)):
        path = partial / str(len(files))
        files.append((write_shard(path, features, chunk), path.stat().st_size))
    for number in range(len(files)):  # their names tell how many there are
        (partial / str(number)).rename(partial / shard_name(number, len(files)))
    write_info(partial, features, files, facts)
    replace_written(directory, partial, DATASET)
