"""`--dataset`: the shipped sample, a TFDS data set, a folder of images, or an `.npz` file, one image at a time."""

from __future__ import annotations

import csv
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack import InputError, shipped
from tf_strattack.adapters import load_or_explain
from tf_strattack.checks import Images
from training.data import load_raw

_FOLDER_LABELS = "labels.csv"


class Record(NamedTuple):
    """One image (H, W, C) in [0, 1], its label, and a name that is unique in its data set."""

    name: str
    image: Images
    label: int


def read_dataset(name: str, *, data_dir: str | None, split: str, download: bool) -> Iterator[Record]:
    """Reads the data set `name` lazily and in its own order.

    Args:
      name: "sample"; a folder with images and labels.csv (columns filename, class_index); an `.npz` file
        with arrays images (uint8, or floating point in [0, 1]) and labels; else the name of a TFDS data set.
      data_dir, download: where TFDS looks, and whether it may download.
      split: of a TFDS data set.

    Raises:
      InputError: nothing of that name, or files that cannot be read.
    """
    path = Path(name)
    if name == "sample":
        sample = shipped.load_sample()
        names = [f"mnist_test_{index}" for index in sample.indices]
        return map(Record, names, sample.images, map(int, sample.labels))
    if path.is_dir():
        return _read_folder(path)
    if path.suffix == ".npz":
        return _read_npz(path)
    if "/" in name or path.suffix:
        raise InputError(f"expected --dataset to be sample, a TFDS name, a folder or an .npz file, received {name!r}")
    (pairs,) = _load_tfds(name, split, data_dir, download)
    return (
        Record(f"{name}_{split}_{index}", _unit(image, name), int(label))
        for index, (image, label) in enumerate(pairs.as_numpy_iterator())
    )


def _load_tfds(name: str, split: str, data_dir: str | None, download: bool) -> list[tf.data.Dataset]:
    try:
        return load_raw(name, [split], data_dir=data_dir, download=download)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"expected a split of {name}, received --split={split}: {error}") from error


def _read_folder(folder: Path) -> Iterator[Record]:
    labels = folder / _FOLDER_LABELS
    if not labels.exists():
        raise InputError(f"expected {labels} with columns filename, class_index, received a folder without it")
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"filename", "class_index"} <= rows[0].keys():
        raise InputError(
            f"expected columns filename, class_index in {labels}, received {sorted(rows[0]) if rows else 'no rows'}"
        )
    for row in rows:
        path = folder / row["filename"]
        image = load_or_explain(functools.partial(_decode, path), path, "an image file")
        yield Record(row["filename"], image, _label(row["class_index"], labels))


def _decode(path: Path) -> Images:
    image = tf.io.decode_image(tf.io.read_file(str(path)), expand_animations=False)
    return _unit(image.numpy(), str(path))


def _label(text: str, source: Path) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"expected whole numbers as class_index in {source}, received {text!r}") from None


def _read_npz(path: Path) -> Iterator[Record]:
    def read() -> dict[str, np.ndarray]:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)

    arrays = load_or_explain(read, path, "an .npz file with images and labels")
    if not {"images", "labels"} <= arrays.keys():
        raise InputError(f"expected arrays images and labels in {path}, received {sorted(arrays)}")
    images, labels = arrays["images"], arrays["labels"]
    if images.ndim != 4 or labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(
            f"expected images (N, H, W, C) and integer labels (N,) in {path}, "
            f"received {images.shape} and {labels.dtype} {labels.shape}"
        )
    names = (f"{path.stem}_{index}" for index in itertools.count())
    return map(Record, names, (_unit(image, str(path)) for image in images), map(int, labels))


def _unit(image: np.ndarray, source: str) -> Images:
    """Converts pixels to [0, 1]: uint8 divided by 255, floating point as it is."""
    if image.dtype == np.uint8:
        return image.astype(np.float32) / 255.0
    if image.dtype.kind != "f" or not (image.min() >= 0 and image.max() <= 1):
        raise InputError(
            f"expected uint8 pixels or floating-point ones in [0, 1] in {source}, received {image.dtype} "
            f"from {image.min():g} to {image.max():g}"
        )
    return image.astype(np.float32)
