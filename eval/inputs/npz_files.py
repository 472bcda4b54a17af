"""An `.npz` file of images and labels, with the names of these arrays or Keras's."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_strattack import InputError
from tf_strattack.programs.notices import notice
from tf_strattack.runtime.files import sha256_of
from tf_strattack.runtime.loading import load_or_explain

from .dataset_files import Row, Rows
from .pixels import Pixels, check_pixels

_IMAGES, _LABELS = "images", "labels"
# The splits in files that keras.datasets downloads.
_SPLITS = ("train", "test")


def read_npz(path: Path, split: str) -> tuple[Rows, bool]:
    """Opens an `.npz` file, see `eval.inputs.datasets.read_dataset`; also whether the file has splits.

    Grey images (N, H, W) get a channel axis, labels (N, 1) lose an axis, and labels that are bool, or whole numbers in
    floating point, become integers. Each conversion is reported once.

    Raises:
      InputError: a missing or corrupt file, or arrays that do not fit.
    """
    read = functools.partial(_read, path, split)
    arrays = load_or_explain(read, path, "an .npz file with images and labels")
    images, labels, notes = _converted(arrays)
    if images.ndim != 4 or 0 in images.shape[1:] or labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise InputError(
            f"expected images (N, H, W, C) and integer labels (N,) in {path}, received {arrays.images.shape} and "
            f"{arrays.labels.dtype} {arrays.labels.shape}{_remedy(images, labels)}"
        )
    check_pixels(images, path)
    for note in notes:
        notice(f"in {path}, {note}")
    names = [f"{arrays.stem}_{index}" for index in range(len(images))]

    def rows(start: int) -> Iterable[Row]:
        return zip(names[start:], images[start:], labels[start:], strict=True)

    return Rows(rows, f"sha256 {sha256_of(path)}", {}, len(images)), arrays.of_split


class _Arrays(NamedTuple):
    """The arrays of the file, the beginning of its images' names, notes for the user, whether they are of a split."""

    images: Pixels
    labels: Pixels
    stem: str
    notes: tuple[str, ...] = ()
    of_split: bool = False


def _read(path: Path, split: str) -> _Arrays:
    opened = np.load(path, allow_pickle=False)
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise InputError(f"expected an .npz file with arrays images and labels, received a single array in {path}")
    with opened as file:
        if {_IMAGES, _LABELS} <= set(file.files):
            return _Arrays(_array(file, _IMAGES, path), _array(file, _LABELS, path), path.stem)
        images, labels, note = _of_split(file.files, split, path)
        return _Arrays(_array(file, images, path), _array(file, labels, path), f"{path.stem}_{split}", (note,), True)


def _of_split(names: Sequence[str], split: str, path: Path) -> tuple[str, str, str]:
    """The names of Keras's arrays of a split, and a note that says so."""
    splits = [name for name in _SPLITS if {f"x_{name}", f"y_{name}"} <= set(names)]
    if not splits:
        raise InputError(
            f"expected arrays images and labels, or Keras's x_test and y_test, in {path}, received {sorted(names)}"
        )
    if split not in splits:
        raise InputError(f"expected --split={' or '.join(splits)} with the arrays of {path}, received {split!r}")
    others = "".join(f"; --split={name} reads the others" for name in splits if name != split)
    return f"x_{split}", f"y_{split}", f"x_{split} and y_{split} are read{others}"


def _array(file: np.lib.npyio.NpzFile, name: str, path: Path) -> Pixels:
    try:
        return np.asarray(file[name])
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise InputError(
            f"expected numbers in {name} of {path}, received Python objects: store np.stack({name})"
        ) from error


def _converted(arrays: _Arrays) -> tuple[Pixels, Pixels, list[str]]:
    """Images and labels in the expected shapes and types, and a note about each conversion."""
    images, labels, notes = arrays.images, arrays.labels, list(arrays.notes)
    if images.ndim == 3:
        notes.append(f"images {images.shape} are read as grey ones {(*images.shape, 1)}")
        images = images[..., np.newaxis]
    if labels.ndim == 2 and labels.shape[1] == 1:
        notes.append(f"labels {labels.shape} are read as {labels.shape[:1]}")
        labels = labels[:, 0]
    if labels.dtype.kind == "b":
        notes.append("labels False and True are read as classes 0 and 1")
        labels = labels.astype(np.int64)
    if labels.dtype.kind == "f" and ((labels == np.floor(labels)) & (np.abs(labels) < 2**31)).all():
        notes.append(f"whole-number labels of type {labels.dtype} are read as integers")
        labels = labels.astype(np.int64)
    return images, labels, notes


def _remedy(images: Pixels, labels: Pixels) -> str:
    if images.ndim == 2:
        return ": give images their height and width by images.reshape(-1, H, W, C)"
    if images.ndim == 5:
        return ": store volumes as images, tf_strattack.images.from_volumes(images)"
    if labels.ndim == 2 and len(labels) == len(images):
        return ": store labels.argmax(axis=1) of one-hot labels"
    if labels.shape == images.shape[:1] and labels.dtype.kind in "SU":
        return ": number the classes, such as by np.unique(labels, return_inverse=True)[1]"
    return ""
