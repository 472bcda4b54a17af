"""The best known results of each example."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tf_strattack.typing import Images

# Values of float32 images, measured by another version of numpy.
_TOLERANCE = 1e-5


class Key(NamedTuple):
    """What a best known result belongs to.

    Attributes:
      network: the hash of the network's file, with what stands between the images and the network.
      image: the hash of the image.
      target: the class.
      structure: the groups.
      measure: the name of the measure.
    """

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
