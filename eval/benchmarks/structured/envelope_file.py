"""The file of an envelope: reading it with all checks, and writing it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import InputError
from tf_strattack.runtime.files import replacing
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Images

from .entries import Entries, Entry, Key, hash_of

_FORMAT = 2
# Array → the kinds of its numbers, and its axes. Those of the first line have a row for each entry, `start` and `shape`
# for each image.
_COLUMNS = {**dict.fromkeys(("network", "image", "structure", "measure", "found_by"), "U"), "target": "iu"}
_COLUMNS |= {"value": "f", "example": "iu"}
_ARRAYS = {**{name: (kinds, 1) for name, kinds in _COLUMNS.items()}, "start": ("iu", 1), "shape": ("iu", 2)}
_ARRAYS |= {"pixels": ("f", 1), "format": ("iu", 0)}

Arrays = dict[str, npt.NDArray[Any]]


def read(path: Path) -> Entries:
    """The entries of a file; none if it does not exist.

    Raises:
      InputError: a file that is not an envelope of this format.
    """
    if not path.exists() and not path.is_symlink():
        return {}

    def load() -> Entries:
        with np.load(path, allow_pickle=False) as file:
            return _entries({name: file[name] for name in file.files}, path)

    entries: Entries = load_or_explain(load, path, "an envelope that --envelope has written")
    return entries


def _entries(arrays: Arrays, path: Path) -> Entries:
    """The entries in the arrays of a file.

    Raises:
      InputError: another format.
      ValueError: arrays that do not fit together.
    """
    if arrays.keys() != _ARRAYS.keys():
        raise ValueError(f"its arrays are {', '.join(sorted(arrays)) or 'none'}")
    for name, (kinds, axes) in _ARRAYS.items():
        if arrays[name].dtype.kind not in kinds or arrays[name].ndim != axes:
            raise ValueError(f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}")
    if arrays["format"] != _FORMAT:
        raise InputError(
            f"expected an envelope of format {_FORMAT}, received {path} of format {arrays['format']}: name a new file"
        )
    images, example = _images(arrays), arrays["example"].tolist()
    if len({len(arrays[name]) for name in _COLUMNS}) != 1:
        raise ValueError("its columns differ in length")
    if example and not 0 <= min(example) <= max(example) < len(images):
        raise ValueError(f"it has {len(images)} images, and entries for others")
    keys = zip(*(arrays[name].tolist() for name in Key._fields), strict=True)
    found = zip(
        arrays["value"].tolist(), [images[place] for place in example], arrays["found_by"].tolist(), strict=True
    )
    return {Key(*key): Entry(*entry) for key, entry in zip(keys, found, strict=True)}


def _images(arrays: Arrays) -> list[Images]:
    pixels, starts, shapes = arrays["pixels"], arrays["start"].tolist(), arrays["shape"].tolist()
    if len(starts) != len(shapes) or arrays["shape"].shape[1] != 3 or (arrays["shape"] < 1).any():
        raise ValueError(f"start has shape {arrays['start'].shape}, and shape {arrays['shape'].shape}")
    ends = [start + int(np.prod(shape)) for start, shape in zip(starts, shapes, strict=True)]
    if starts and (min(starts) < 0 or max(ends) > len(pixels)):
        raise ValueError(f"it has {len(pixels)} pixels, and images beyond them")
    return [pixels[start:end].reshape(shape) for start, end, shape in zip(starts, ends, shapes, strict=True)]


def write(path: Path, entries: Entries) -> None:
    """Writes a whole file, with the permissions of the one it replaces; equal images are stored once."""
    unique: dict[str, tuple[int, Images]] = {}
    places = [
        unique.setdefault(hash_of(entry.adversarial), (len(unique), entry.adversarial))[0] for entry in entries.values()
    ]
    images = [image.astype(np.float32) for _, image in unique.values()]
    empty = None if entries else "U1"  # the type of no texts
    text: dict[str, Any] = {
        name: np.array([getattr(key, name) for key in entries], empty) for name in Key._fields if name != "target"
    }
    with replacing(path) as file:
        if path.exists():
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
        np.savez_compressed(
            file,
            format=np.array(_FORMAT),
            **text,
            target=np.array([key.target for key in entries], np.int64),
            value=np.array([entry.value for entry in entries.values()], np.float64),
            found_by=np.array([entry.found_by for entry in entries.values()], empty),
            example=np.array(places, np.int64),
            pixels=np.concatenate([np.zeros(0, np.float32), *(image.ravel() for image in images)]),
            start=np.cumsum([0, *(image.size for image in images)])[:-1],
            shape=np.array([image.shape for image in images], np.int64).reshape(-1, 3),
        )
