"""The examples of a run and their shards, fixed before the first attack."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tf_strattack import InputError
from tf_strattack.images import from_unit
from tf_strattack.programs.directories.locks import one_at_a_time
from tf_strattack.runtime.files import replacing
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Images

from ..inputs.datasets import Data, Record
from ..inputs.examples import Examples, Selection, examples_of
from ..inputs.targets import Targets, parse_targets

# Skipped records are decoded too; beyond so many, opening the data set again at the position is faster.
_GAP = 64
# Starting points: up to 3 per class, among the first 100 images. An example without success tries all of them.
_STARTING_PER_CLASS, _STARTING_AMONG = 3, 100


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """The images to attack, with everything that determines their examples.

    Attributes:
      positions: (M,) positions of the images in the data set, in order.
      labels: (M,) their labels.
      skipped: the number of images that the network misclassified.
      image_shape: (H, W, C).
      num_classes: the number of classes of the network.
      least_likely: (M,) the classes with the lowest score if these are the targets, else -1.
      targets: the value of --targets.
      per_image: the number of examples per image.
      shard_size: examples per shard; the last may have fewer.
      seed: the seed of random targets.
      configuration: a hash of the configuration of the run.
    """

    positions: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    least_likely: npt.NDArray[np.int64]
    skipped: int
    image_shape: tuple[int, ...]
    num_classes: int
    targets: str
    per_image: int
    shard_size: int
    seed: int
    configuration: str

    @property
    def num_examples(self) -> int:
        """The number of examples."""
        return len(self.positions) * self.per_image

    @property
    def num_shards(self) -> int:
        """The number of shards."""
        return -(-self.num_examples // self.shard_size)

    def length(self, shard: int) -> int:
        """The number of examples of a shard."""
        return min(self.shard_size, self.num_examples - shard * self.shard_size)

    @functools.cached_property
    def digest(self) -> str:
        """A hash of all attributes."""
        arrays = self.positions, self.labels, self.least_likely
        facts = [
            *(self.image_shape, self.num_classes, self.targets),
            *(self.per_image, self.shard_size, self.seed, self.configuration, self.skipped),
        ]
        return hashlib.sha256(b"".join(map(np.ndarray.tobytes, arrays)) + repr(facts).encode()).hexdigest()

    def shards(self, data: Data, bounds: tuple[float, float], numbers: Iterable[int]) -> Iterator[tuple[int, Examples]]:
        """Reads the examples of the shards `numbers`, in ascending order, with images in the scale of `bounds`."""
        image_at, targets = _reader(data), parse_targets(self.targets)
        for number in numbers:
            first = number * self.shard_size
            pairs: list[tuple[Record, int | None]] = []
            for example in range(first, first + self.length(number)):
                rank, which = divmod(example, self.per_image)
                label = int(self.labels[rank])
                if which == 0 or not pairs:
                    record = image_at(int(self.positions[rank]))
                    record = record._replace(image=from_unit(record.image, bounds), label=label)
                    goals = targets.of(label, int(self.least_likely[rank]), rank, self.num_classes, self.seed)
                pairs.append((record, goals[which]))
            yield number, examples_of(pairs)

    def starting_points(self, data: Data, bounds: tuple[float, float]) -> Images:
        """Images (P, H, W, C) in the scale of `bounds` from which attacks start again if they find nothing.

        Some images of each class, drawn by seed and label alone from the first attacked ones, since the network
        classifies these correctly.
        """
        chosen: list[np.int64] = []
        first = self.labels[:_STARTING_AMONG]
        for label in np.unique(first):
            places = np.flatnonzero(first == label)
            chosen += np.random.default_rng([self.seed, int(label)]).permutation(places)[:_STARTING_PER_CLASS].tolist()
        image_at = _reader(data)
        return np.stack([from_unit(image_at(int(self.positions[rank])).image, bounds) for rank in sorted(chosen)])


def keep_plan(path: Path, configuration: str, make: Callable[[], Plan]) -> Plan:
    """The plan of `configuration` in the file `path`; if it is missing or damaged, makes and writes a new one.

    If several processes call this at once, the first makes the plan and the others wait.
    """
    with one_at_a_time(path):
        if os.path.lexists(path):
            damage = plan_damage(path, configuration)
            if damage is None:
                return load_plan(path)
            tqdm.write(f"{path.name}: {damage}; made again")
        plan = make()
        with replacing(path) as file:
            np.savez_compressed(file, **dataclasses.asdict(plan), digest=plan.digest)
        return plan


def plan_damage(path: Path, configuration: str) -> str | None:
    """What is wrong with the plan in the file `path`, in words; None if it is intact and belongs to `configuration`."""
    if not os.path.lexists(path):
        return "it is missing"
    if path.is_symlink():
        return "it is not a file"
    try:
        return None if load_plan(path).configuration == configuration else "it belongs to another configuration"
    except InputError:
        return "its content has changed"


def make_plan(
    selection: Selection, num_classes: int, targets: Targets, *, shard_size: int, seed: int, configuration: str
) -> Plan:
    """Classifies the data set and plans its examples; `configuration` is the hash of the run's configuration."""
    with tqdm(selection, unit="img", desc="classified correctly", leave=False) as progress_bar:
        chosen = [(record.position, record.label, record.least_likely) for record in progress_bar]
    positions, labels, least_likely = np.array(chosen, np.int64).T
    return Plan(
        positions,
        labels,
        least_likely,
        selection.skipped,
        selection.image_shape,
        num_classes,
        str(targets),
        targets.per_image(num_classes),
        shard_size,
        seed,
        configuration,
    )


def load_plan(path: Path) -> Plan:
    """The plan in the file `path`.

    Raises:
      InputError: no readable plan.
    """

    def read() -> Plan:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        values: dict[str, Any] = {name: value if value.ndim else value.item() for name, value in arrays.items()}
        digest = values.pop("digest")
        values["image_shape"] = tuple(map(int, values["image_shape"]))
        plan = Plan(**values)
        if plan.digest != digest:
            raise ValueError("its content has another checksum")
        return plan

    plan: Plan = load_or_explain(read, path, "the plan of a run")
    return plan


def _reader(data: Data) -> Callable[[int], Record]:
    """A function that reads the record at a position; fast where positions ascend."""
    records, last = data.records, None

    def image_at(position: int) -> Record:
        nonlocal records, last
        here = -1 if last is None else last.position
        if last is not None and here == position:
            return last
        if position < here or position - here > _GAP:
            records = data.records_from(position)
        last = next((record for record in records if record.position == position), None)
        if last is None:
            raise InputError(f"expected a data set of more than {position} images, as in the plan, received fewer")
        return last

    return image_at
