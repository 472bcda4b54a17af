"""Adversarial examples that `eval.generate` or `eval.attack` wrote, as training data with their correct labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from tf_strattack.errors import InputError
from tf_strattack.runtime.loading import load_or_explain

from .data import Split, split_of


class AdversarialDataset(NamedTuple):
    """The successful examples of a run, with labels; `failed` counts the others, `made_by` tells what made them."""

    split: Split
    failed: int
    made_by: dict[str, Any]


def read_adversarial_dataset(
    directory: Path, *, dataset: str, image_shape: tuple[int, ...], num_classes: int
) -> AdversarialDataset:
    """Reads the `dataset/` directory of a run of eval.generate or eval.attack, or the run's directory.

    Failed examples, whose image is the original, are left out.

    Args:
      directory: where the examples are.
      dataset: the TFDS data set that is trained on, of whose training split the examples must be.
      image_shape: (H, W, C) that the network takes.
      num_classes: the number of classes.

    Raises:
      InputError: no such directory, none that succeeded, images of another shape, or made from other images.
    """
    if (directory / "dataset").is_dir():
        directory = directory / "dataset"
    what = "the dataset directory of a run of eval.generate or eval.attack that has ended"
    builder = load_or_explain(lambda: tfds.builder_from_directory(str(directory)), directory, what)
    made_by = dict(builder.info.metadata or {})
    _check_origin(made_by, dataset, directory)
    shape = builder.info.features["image"].shape
    if shape != image_shape:
        raise InputError(f"expected --adversarial_dataset of images {image_shape}, received {shape} in {directory}")
    wanted = tfds.decode.PartialDecoding({"image": True, "label": True, "success": True})  # and not the originals

    def read() -> tuple[list[dict[str, Any]], int]:
        every = tfds.as_numpy(builder.as_dataset(split="train", decoders=wanted))
        rows = [row if row["success"] else None for row in every]
        return [row for row in rows if row is not None], rows.count(None)

    rows, failed = load_or_explain(read, directory, what)
    if not rows:
        raise InputError(f"expected successful examples in --adversarial_dataset, received {failed} failed ones")
    images = np.stack([row["image"] for row in rows])
    if images.dtype != np.uint8:
        low, high = made_by["bounds"]
        images = (images - np.float32(low)) / np.float32(high - low)
    return AdversarialDataset(
        split_of(images, [row["label"] for row in rows], num_classes=num_classes), failed, made_by
    )


def _check_origin(made_by: dict[str, Any], dataset: str, directory: Path) -> None:
    """Refuses examples of images that are tested on, or of another data set: the accuracy would tell nothing."""
    origin, split = made_by.get("dataset"), str(made_by.get("split"))
    if origin != dataset or not split.startswith("train") or "test" in split:
        raise InputError(
            f"expected --adversarial_dataset made from the training split of {dataset}, received {directory} from "
            f"dataset {origin!r}, split {split!r}: run eval.generate with --dataset={dataset} --split=train"
        )
