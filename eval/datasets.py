"""`--dataset`: the shipped sample, a TFDS data set, a folder of images, or an `.npz` file, one image at a time."""

from __future__ import annotations

import csv
import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from eval.photographs import NONE, Frame, Pixels, make_frame, read_image
from tf_strattack import InputError, shipped
from tf_strattack.adapters import load_or_explain
from tf_strattack.checks import Images
from training.data import load_raw

_FOLDER_LABELS, _FOLDER_IMAGES = "labels.csv", "images"


class Record(NamedTuple):
    """One image (H, W, C) in [0, 1], its label, and a name that is unique in its data set."""

    name: str
    image: Images
    label: int


class Data(NamedTuple):
    """A data set: its records in their own order, read as they are asked for, and class names by index where known."""

    records: Iterator[Record]
    class_names: Mapping[int, str]


def read_dataset(
    name: str,
    *,
    data_dir: str | None,
    split: str,
    download: bool,
    image_shape: tuple[int | None, ...] | None = None,
    resize: str = NONE,
) -> Data:
    """Opens the data set `name`.

    Args:
      name: "sample"; a folder with images and labels.csv (columns filename, class_index and, where known, class_name;
        there or in the folder above); an `.npz` file with arrays images (uint8, or floating point in [0, 1]) and
        labels; else the name of a TFDS data set.
      data_dir, download: where TFDS looks, and whether it may download.
      split: of a TFDS data set.
      image_shape: (H, W, C) of the network, None for what is not fixed.
      resize: how images are brought to that size, as for `make_frame`.

    Raises:
      InputError: nothing of that name, or files that cannot be read.
    """
    path = Path(name)
    frame_of = functools.partial(make_frame, resize, image_shape)
    channels = image_shape[-1] if image_shape else None
    if name == "sample":
        sample = shipped.load_sample()
        names = [f"mnist_test_{index}" for index in sample.indices]
        frame, pixels = frame_of(varied=False), np.round(sample.images * 255).astype(np.uint8)
        return _data(zip(names, pixels, sample.labels, strict=True), frame)
    if path.is_dir():
        return _read_folder(path, frame_of(varied=True), channels)
    if path.suffix == ".npz":
        return _data(_read_npz(path), frame_of(varied=False))
    if "/" in name or path.suffix:
        raise InputError(f"expected --dataset to be sample, a TFDS name, a folder or an .npz file, received {name!r}")
    (pairs,) = _load_tfds(name, split, data_dir, download)
    varied = None in pairs.element_spec[0].shape
    rows = ((f"{name}_{split}_{index}", *pair) for index, pair in enumerate(pairs.as_numpy_iterator()))
    return _data(rows, frame_of(varied=varied))


def _data(
    rows: Iterable[tuple[str, Pixels, int]], frame: Frame | None, class_names: Mapping[int, str] | None = None
) -> Data:
    def record(name: str, image: Pixels, label: int) -> Record:
        return Record(name, _unit(image if frame is None else frame(image, name), name), int(label))

    return Data((record(*row) for row in rows), class_names or {})


def _load_tfds(name: str, split: str, data_dir: str | None, download: bool) -> list[tf.data.Dataset]:
    try:
        return load_raw(name, [split], data_dir=data_dir, download=download)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"expected a split of {name}, received --split={split}: {error}") from error


def _read_folder(folder: Path, frame: Frame | None, channels: int | None) -> Data:
    places = [place / _FOLDER_LABELS for place in (folder, folder.resolve().parent)]
    labels = next((place for place in places if place.exists()), None)
    if labels is None:
        raise InputError(
            f"expected {places[0]} with columns filename, class_index, there or in the folder above, received none"
        )
    rows = load_or_explain(functools.partial(_read_table, labels), labels, "a table of labels")
    if not rows or not {"filename", "class_index"} <= rows[0].keys():
        columns = sorted(map(str, rows[0])) if rows else "no rows"
        raise InputError(f"expected columns filename, class_index in {labels}, received {columns}")
    names_of_files = Counter(row["filename"] for row in rows)
    for row in rows:
        if not row["filename"] or names_of_files[row["filename"]] > 1:
            raise InputError(
                f"expected each image in a row of its own in {labels}, received {row['filename'] or 'none'!r} "
                f"in {names_of_files[row['filename']]}"
            )
    indices = [_label(row["class_index"], labels) for row in rows]
    names = {index: row["class_name"] for index, row in zip(indices, rows, strict=True) if row.get("class_name")}

    def decoded() -> Iterator[tuple[str, Pixels, int]]:
        for row, index in zip(rows, indices, strict=True):
            # Images may lie apart from the table, in a folder of their own.
            paths = [folder / row["filename"], folder / _FOLDER_IMAGES / row["filename"]]
            path = next((path for path in paths if path.exists()), paths[0])
            image = load_or_explain(functools.partial(read_image, path, channels), path, "an image file")
            yield row["filename"], image, index

    return _data(decoded(), frame, names)


def _read_table(path: Path) -> list[dict[str, str]]:
    # Spreadsheets write a mark before the first name.
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def _label(text: str | None, source: Path) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise InputError(f"expected whole numbers as class_index in {source}, received {text!r}") from None


def _read_npz(path: Path) -> Iterator[tuple[str, Pixels, int]]:
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
    return zip(names, images, labels, strict=False)


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
