"""What a run leaves to read: metrics.json, and the examples as a TFDS directory."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from eval.files import write_json
from tf_strattack import AttackResult, metrics
from tf_strattack.versions import versions

# Label of `target` in examples of an untargeted attack.
UNTARGETED = -1
_SHARD_EXAMPLES = 1000


def summarise(results: Iterable[AttackResult], *, group_size: int, seed: int) -> dict[str, Any]:
    """Computes the figures of metrics.json over the results of a run, one shard in memory at a time."""
    measured: list[dict[str, np.ndarray]] = []
    for result in results:
        values = metrics.measure(result.delta, group_size=group_size)
        measured.append({
            **values, "success": result.success, "image": image_ids(result), "seconds": result.seconds,
            "gradient": result.gradient_evaluations, "forward": result.forward_evaluations,
        })  # fmt: skip
    joined = {name: np.concatenate([part[name] for part in measured]) for name in measured[0]}
    image, success = joined.pop("image"), joined.pop("success")
    costs = {name: float(joined.pop(name).mean()) for name in ("seconds", "gradient", "forward")}
    return {
        "num_images": len(np.unique(image)),
        "num_examples": len(image),
        "seconds_per_example": costs["seconds"],
        "gradient_evaluations_per_example": costs["gradient"],
        "forward_evaluations_per_example": costs["forward"],
        **metrics.best_average_worst(joined, success, image, seed=seed),
    }


def image_ids(result: AttackResult) -> np.ndarray:
    """The image's part of each example id, which names image and target."""
    if result.example_ids is None:
        raise ValueError("the result has no example ids")
    suffix = "_untargeted" if result.targets is None else "_to_"
    return np.array([name.rpartition(suffix)[0] for name in result.example_ids])


def write_metrics(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Writes `facts` with versions and time as JSON; returns what it wrote."""
    finished_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    everything = {
        **facts,
        "versions": {**versions(), "tensorflow_datasets": tfds.__version__},
        "finished_at": finished_at,
    }
    write_json(path, everything)
    return everything


def write_dataset(directory: Path, results: Iterable[AttackResult], facts: dict[str, Any]) -> None:
    """Writes the examples to `directory` in split "train", to be read by `tfds.builder_from_directory`.

    Images are float32 in the classifier's scale. The directory appears, or is replaced, once it is complete.
    """
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    writer: Any = None
    for result in results:
        writer = writer or _open_writer(partial, result.images.shape[1:], facts)
        writer.add_examples({"train": list(_rows(result))})
    writer.close_all()
    shutil.rmtree(directory, ignore_errors=True)
    partial.replace(directory)


def _open_writer(directory: Path, shape: tuple[int, ...], facts: dict[str, Any]) -> Any:
    directory.mkdir(parents=True)
    image = tfds.features.Tensor(shape=shape, dtype=tf.float32)
    features = tfds.features.FeaturesDict({
        "image": image, "original": image, "label": tf.int64, "target": tf.int64, "success": tf.bool,
        "example_id": tfds.features.Text(),
    })  # fmt: skip
    identity = tfds.core.dataset_info.DatasetIdentity(
        name="adversarial_examples", version=tfds.core.Version("1.0.0"), data_dir=str(directory), module_name=""
    )
    info = tfds.core.DatasetInfo(
        builder=identity, features=features,
        description=f"Adversarial examples; target is {UNTARGETED} where the attack was untargeted.",
        metadata=tfds.core.MetadataDict(json.loads(json.dumps(facts))),
    )  # fmt: skip
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=_SHARD_EXAMPLES)
    writer.initialize_splits(["train"])
    return writer


def _rows(result: AttackResult) -> Iterable[dict[str, Any]]:
    targets = np.full(len(result), UNTARGETED) if result.targets is None else result.targets
    for row, name in enumerate(result.example_ids if result.example_ids is not None else []):
        yield {
            "image": result.adversarial[row], "original": result.images[row], "label": result.labels[row],
            "target": targets[row], "success": result.success[row], "example_id": str(name),
        }  # fmt: skip
