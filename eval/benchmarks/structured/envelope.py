"""The best known results of each example: a file that every run verifies and may improve."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_strattack import InputError
from tf_strattack.programs.directories.locks import one_at_a_time
from tf_strattack.runtime.files import replacing
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Images

_FORMAT = 1
_KEY = ("network", "image", "target", "structure", "measure")
_FIELDS = (*_KEY, "value", "found_by", "example")
# Values of float32 images, measured by another version of numpy.
_TOLERANCE = 1e-5


class Key(NamedTuple):
    """What a best known result belongs to: hashes of network and image, the target, the structure and the measure."""

    network: str
    image: str
    target: int
    structure: str
    measure: str


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    """A best known result.

    Attributes:
      value: of the measure.
      adversarial: the image (H, W, C) that has it, in the scale of the network's bounds.
      found_by: the attack and its hyper-parameters, or the name of another program.
    """

    value: float
    adversarial: Images
    found_by: str


Entries = dict[Key, Entry]
# Which of the entries hold, by the network itself.
Verify = Callable[[Mapping[Key, Entry]], set[Key]]


def hash_of(image: Images) -> str:
    """The hash of an image (H, W, C): of its shape and its float32 values."""
    digest = hashlib.sha256(str(image.shape).encode())
    digest.update(np.ascontiguousarray(image, np.float32).tobytes())
    return digest.hexdigest()


def better(entries: Entries, others: Mapping[Key, Entry]) -> Entries:
    """Both together, for each key the entry of the lower value, and the first of equal ones."""
    merged = dict(entries)
    for key, entry in others.items():
        if key not in merged or entry.value < merged[key].value:
            merged[key] = entry
    return merged


def agrees(entry: Entry, value: float) -> bool:
    """Whether the value that was measured again is the entry's."""
    return bool(np.isclose(value, entry.value, rtol=_TOLERANCE, atol=0.0))


def read(path: Path) -> Entries:
    """The entries of a file; none if it does not exist.

    Raises:
      InputError: a file that is not an envelope.
    """
    if not path.exists():
        return {}

    def load() -> dict[str, Any]:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if int(arrays["format"]) != _FORMAT or not {"pixels", "start", "shape", *_FIELDS} <= arrays.keys():
            raise ValueError("another format")
        return arrays

    arrays = load_or_explain(load, path, "an envelope that --envelope has written")
    images = [
        arrays["pixels"][start : start + np.prod(shape)].reshape(shape)
        for start, shape in zip(arrays["start"], arrays["shape"], strict=True)
    ]
    found: Entries = {}
    for network, image, target, structure, measure, value, found_by, example in zip(
        *(arrays[name].tolist() for name in _FIELDS), strict=True
    ):
        found[Key(network, image, target, structure, measure)] = Entry(value, images[example], found_by)
    return found


def check(path: Path) -> None:
    """Refuses a file that is no envelope, or that cannot be created.

    Raises:
      InputError: such a file.
    """
    if not path.parent.is_dir():
        raise InputError(f"expected --envelope in a directory that exists, received {path}")
    read(path)


def improve(path: Path, found: Mapping[Key, Entry], verify: Verify) -> Entries:
    """Adds what was `found`, and verified, to the file where it is better, and returns the entries for these keys.

    Entries for the same keys that do not hold are replaced; entries for other keys stay as they are.

    Raises:
      InputError: a file that is not an envelope.
    """
    check(path)
    with one_at_a_time(path):
        stored = read(path)
        mine = {key: stored[key] for key in found if key in stored}
        held = verify(mine)
        best = better({key: entry for key, entry in mine.items() if key in held}, found)
        written = {**stored, **best}
        if written != stored:
            _write(path, written)
    return best


def _write(path: Path, entries: Entries) -> None:
    unique: dict[str, tuple[int, Images]] = {}
    places = [
        unique.setdefault(hash_of(entry.adversarial), (len(unique), entry.adversarial))[0] for entry in entries.values()
    ]
    images = [image.astype(np.float32) for _, image in unique.values()]
    columns: dict[str, Any] = {name: np.array([getattr(key, name) for key in entries]) for name in _KEY}
    with replacing(path) as file:
        np.savez_compressed(
            file,
            format=np.array(_FORMAT),
            **columns,
            value=np.array([entry.value for entry in entries.values()], np.float64),
            found_by=np.array([entry.found_by for entry in entries.values()]),
            example=np.array(places),
            pixels=np.concatenate([image.ravel() for image in images]),
            start=np.cumsum([0, *(image.size for image in images[:-1])]),
            shape=np.array([image.shape for image in images]),
        )
