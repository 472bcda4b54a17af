"""The examples of a run as rows, which the shards hold in every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tf_strattack import AttackResult, metrics
from tf_strattack.images import to_uint8

# The value of `target` in examples of an untargeted attack.
UNTARGETED = -1
FLOAT32, UINT8 = "float32", "uint8"
DISTANCES = ("l0", "l1", "l2", "linf")

# NumPy values by column.
Row = dict[str, Any]


class Schema(NamedTuple):
    """What the rows of a run have in common.

    Attributes:
      image_shape: (H, W, C).
      dtype: "float32" for images in the classifier's scale, or "uint8".
      class_names: the names of all classes, in order and without duplicates; empty if they are not known.
    """

    image_shape: tuple[int, ...]
    dtype: str
    class_names: tuple[str, ...] = ()

    @property
    def as_png(self) -> bool:
        """Whether PNG files can hold the images."""
        return self.dtype == UINT8 and self.image_shape[-1] in (1, 3, 4)


class ShardFile(NamedTuple):
    """A file of a finished shard: its name, checksum, size and number of examples."""

    name: str
    sha256: str
    bytes: int
    num_examples: int


def names_in_order(known: Mapping[int, str], number: int) -> tuple[str, ...]:
    """The names of `number` classes for a `Schema`; a name that several classes have gets the number of the class."""
    if not number or any(not known.get(index) for index in range(number)):
        return ()
    often = Counter(known[index] for index in range(number))
    return tuple(known[index] if often[known[index]] == 1 else f"{known[index]} ({index})" for index in range(number))


def rows_of(result: AttackResult, dtype: str) -> Iterator[Row]:
    """The examples of a result with ids; "uint8" rounds images to the nearest levels."""
    targets = np.full(len(result), UNTARGETED) if result.targets is None else result.targets
    distances = {name: getattr(metrics, name)(result.delta) for name in DISTANCES}
    image: Any = result.adversarial
    original: Any = result.images
    if dtype == UINT8:
        image, original = to_uint8(image, result.bounds), to_uint8(original, result.bounds)
    for row, name in enumerate(result.example_ids if result.example_ids is not None else []):
        yield {
            "image": image[row],
            "original": original[row],
            "label": result.labels[row],
            "target": targets[row],
            "success": result.success[row],
            "example_id": str(name),
            **{measure: np.float32(values[row]) for measure, values in distances.items()},
        }
