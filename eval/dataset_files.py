"""Data sets in files: a folder of images with labels.csv, or an `.npz` file."""

from __future__ import annotations

import csv
import functools
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eval.files import sha256_of
from eval.image_files import read_image
from eval.pixels import Pixels
from tf_strattack import InputError
from tf_strattack.adapters import load_or_explain

_LABELS, _IMAGES = "labels.csv", "images"

# Name, pixels (H, W, C) and label of an image.
Row = tuple[str, Pixels, int]


class Rows(NamedTuple):
    """What files hold: the rows from a position on, read as they are asked for, a version, and class names by index."""

    rows_from: Callable[[int], Iterable[Row]]
    version: str
    class_names: Mapping[int, str]


def read_folder(folder: Path, channels: int | None) -> Rows:
    """Opens a folder of images and its table of labels, see `eval.datasets.read_dataset`; `channels` None: as found.

    Raises:
      InputError: no table, or one that does not fit.
    """
    places = [place / _LABELS for place in (folder, folder.resolve().parent)]
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

    # Images may lie apart from the table, in a folder of their own.
    paths = {row["filename"]: _existing(folder / row["filename"], folder / _IMAGES / row["filename"]) for row in rows}

    def decoded(start: int) -> Iterator[Row]:
        for row, index in itertools.islice(zip(rows, indices, strict=True), start, None):
            path = paths[row["filename"]]
            image = load_or_explain(functools.partial(read_image, path, channels), path, "an image file")
            yield row["filename"], image, index

    return Rows(decoded, _version(labels, paths), names)


def _existing(*paths: Path) -> Path:
    return next((path for path in paths if path.exists()), paths[0])


def _version(labels: Path, images: Mapping[str, Path]) -> str:
    """A hash of the table and of the sizes of the images, to read all of which would take too long."""
    digest = hashlib.sha256(labels.read_bytes())
    for name, path in images.items():
        digest.update(f"{name} {path.stat().st_size if path.exists() else None}\n".encode())
    return f"sha256 {digest.hexdigest()}"


def _read_table(path: Path) -> list[dict[str, str]]:
    # Spreadsheets write a mark before the first name.
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def _label(text: str | None, source: Path) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise InputError(f"expected whole numbers as class_index in {source}, received {text!r}") from None


def read_npz(path: Path) -> Rows:
    """Opens an `.npz` file of images and labels, see `eval.datasets.read_dataset`.

    Raises:
      InputError: a missing or corrupt file, or arrays that do not fit.
    """

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
    names = [f"{path.stem}_{index}" for index in range(len(images))]

    def rows(start: int) -> Iterable[Row]:
        return zip(names[start:], images[start:], labels[start:], strict=True)

    return Rows(rows, f"sha256 {sha256_of(path)}", {})
