"""Adversarial examples written by `eval.generate` or `eval.attack`, as training data with the correct labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from tf_strattack.errors import InputError
from tf_strattack.runtime.loading import load_or_explain

from .data import Split, split_of


class AdversarialDataset(NamedTuple):
    """The successful examples of a run with labels, the number of `failed` ones, and facts of the run (`made_by`)."""

    split: Split
    failed: int
    made_by: dict[str, Any]


def read_adversarial_dataset(
    directory: Path, *, dataset: str, image_shape: tuple[int, ...], num_classes: int
) -> AdversarialDataset:
    """Reads the `dataset/` directory of a run of eval.generate or eval.attack, or the run's directory.

    Failed examples are left out, as their image is the original.

    Args:
      directory: where the examples are.
      dataset: the TFDS data set to train on. The examples must come from its training split.
      image_shape: (H, W, C), the input of the network.
      num_classes: the number of classes.

    Raises:
      InputError: no such directory, no successful example, images of another shape, or examples of another data set.
    """
    if (directory / "dataset").is_dir():
        directory = directory / "dataset"
    what = "the dataset directory of a finished run of eval.generate or eval.attack"
    builder = load_or_explain(lambda: tfds.builder_from_directory(str(directory)), directory, what)
    made_by = dict(builder.info.metadata or {})
    _check_origin(made_by, dataset, directory)
    shape = builder.info.features["image"].shape
    if shape != image_shape:
        raise InputError(f"expected --adversarial_dataset of images {image_shape}, received {shape} in {directory}")
    wanted = tfds.decode.PartialDecoding({"image": True, "label": True, "success": True})  # the originals are large

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
    """Refuses examples of test images or of another data set, with which the test accuracy would mean nothing."""
    origin, split = made_by.get("dataset"), str(made_by.get("split"))
    if origin != dataset or not split.startswith("train") or "test" in split:
        raise InputError(
            f"expected --adversarial_dataset made from the training split of {dataset}, received {directory} from "
            f"dataset {origin!r}, split {split!r}: run eval.generate with --dataset={dataset} --split=train"
        )
