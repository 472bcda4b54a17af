"""`--groups`: which pixels belong together, for the attack and for the measures."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, InputError, LabelMap, SlidingMask
from tf_strattack import groups as makers
from tf_strattack.problem.groups import Groups, GroupStructure
from tf_strattack.programs.command_line import public_name
from tf_strattack.runtime.files import replacing, sha256_of
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Images

from .examples import image_ids

FORMS = (
    "squares:2, squares:3,2 (side, step), superpixels:64, rows, columns, channels, channels:2, windows:8 (steps of a "
    "series), blocks:16,4 (depth of a volume, side) or file:MAPS.npz"
)
_FILE = "file"
# In a file of maps, as `--groups=file:` takes it and a run keeps it.
_LABELS, _IMAGE_IDS = "labels", "image_ids"
# Name → how many numbers follow, and the groups of images (N, H, W, C) in any scale, given these.
_MAKERS: dict[str, tuple[tuple[int, ...], Callable[..., GroupStructure]]] = {
    "squares": ((1, 2), lambda images, *sides: _squares(*sides)),
    "superpixels": ((1,), lambda images, segments: makers.superpixels(images, segments)),
    "rows": ((0,), lambda images: makers.rows(*images.shape[1:3])),
    "columns": ((0,), lambda images: makers.columns(*images.shape[1:3])),
    "channels": ((0, 1), lambda images, *side: makers.channels(*images.shape[1:], size=side[0] if side else None)),
    "windows": ((1,), lambda images, size: _windows(images.shape, size)),
    "blocks": ((2,), lambda images, depth, side: _blocks(images.shape, depth, side)),
}


def _windows(shape: tuple[int, ...], size: int) -> GroupStructure:
    if shape[1] != 1:
        raise InputError(f"expected --groups=windows:{size} with series, images (N, 1, T, C), received {shape}")
    return makers.windows(shape[2], size)


def _blocks(shape: tuple[int, ...], depth: int, side: int) -> LabelMap:
    height, remainder = divmod(shape[1], depth)
    if remainder or not height:
        raise InputError(
            f"expected --groups=blocks:DEPTH,SIDE with the depth of the volumes, which divides the height of images "
            f"(N, DEPTH * height, width, C), received {depth} and {shape}"
        )
    return makers.blocks(depth, height, shape[2], side)


def _squares(side: int, step: int | None = None) -> SlidingMask:
    return SlidingMask(side, step)


@dataclasses.dataclass(frozen=True)
class Grouping(GroupStructure):
    """What --groups says, until the images are known: as `groups=` of an attack it stands for those of its images.

    Attributes:
      text: as it is recorded.
      numbers: what follows the name.
      maps: of a file: the map of each image by its name, or of all by "".
      sha256: of a file.
    """

    text: str
    numbers: tuple[int, ...] = ()
    maps: dict[str, npt.NDArray[np.int32]] | None = dataclasses.field(default=None, compare=False, repr=False)
    sha256: str | None = None

    @property
    def record(self) -> dict[str, Any]:
        """What records hold of it."""
        return {"groups": self.text, "sha256": self.sha256}

    @property
    def facts(self) -> dict[str, Any]:
        """What a run records about it."""
        return {"groups": self.text, "groups_sha256": self.sha256}

    @property
    def for_attack(self) -> GroupStructure:
        """The groups of an attack: squares, or itself until its images are known."""
        return self.squares or self

    @property
    def squares(self) -> SlidingMask | None:
        """The mask, where it is one: the only groups that need no image."""
        return _squares(*self.numbers) if self.text.startswith("squares") else None

    @property
    def overlapping(self) -> bool:
        """Whether a pixel can be in several groups."""
        return self.squares is not None and self.squares.overlapping

    def of(self, height: int, width: int) -> Groups:
        """Groups of images of this size, for what does not depend on the image.

        Raises:
          InputError: what does not fit.
        """
        return self.structure(np.zeros((1, height, width, 1), np.float32), [""]).of(height, width)

    def structure(self, images: Images, image_ids: Sequence[str] | npt.NDArray[np.str_]) -> GroupStructure:
        """The groups of images (N, H, W, C) of these names (N,).

        Raises:
          InputError: what does not fit, or an image without a map.
        """
        name = self.text.partition(":")[0]
        if self.squares is not None:
            return self.squares
        if self.maps is not None and "" in self.maps:
            return LabelMap(self.maps[""])
        unique, first, rows = np.unique(np.asarray(image_ids, str), return_index=True, return_inverse=True)
        if self.maps is None:
            made = _MAKERS[name][1](np.asarray(images)[first], *self.numbers)
            return made[rows]
        missing = [image for image in unique if image not in self.maps]
        if missing:
            raise InputError(f"expected a map of each image in --groups={self.text}, received none of {missing[0]}")
        return LabelMap(np.stack([self.maps[image] for image in unique])[rows])

    def of_result(self, result: AttackResult) -> GroupStructure:
        """The groups of the images of a result."""
        unnamed = result.example_ids is None
        names = np.arange(len(result)).astype(str) if unnamed else image_ids(result)
        return self.structure(result.images, names)

    def check(self, image_shape: Sequence[int | None]) -> None:
        """Refuses groups that do not fit images of shape (H, W, C), as far as it is known.

        Raises:
          InputError: such groups.
        """
        height, width = image_shape[:2]
        if not height or not width:
            return
        if self.squares is not None:
            self.squares.of(height, width)
        elif self.text.startswith(("windows", "blocks")):
            self.of(height, width)
        for image, labels in (self.maps or {}).items():
            if labels.shape[-3 if labels.ndim == 4 else -2 :][:2] != (height, width):
                where = f" of {image}" if image else ""
                raise InputError(
                    f"expected labels{where} for images of {height} x {width} pixels in --groups={self.text}, "
                    f"received {labels.shape}"
                )


def parse_groups(text: str) -> Grouping:
    """What --groups says.

    Raises:
      InputError: another form, a number that does not fit, or a file that holds no maps.
    """
    name, colon, rest = text.partition(":")
    if name == _FILE and rest:
        return _of_file(Path(rest))
    counts, _ = _MAKERS.get(name, ((), None))
    numbers = tuple(map(int, rest.split(","))) if re.fullmatch(r"\d{1,9}(,\d{1,9})?", rest) else ()
    if len(numbers) not in counts or bool(colon) != bool(numbers):
        raise InputError(f"expected --groups={FORMS}, received {text!r}")
    grouping = Grouping(text, numbers)
    if 0 in numbers:
        raise InputError(f"expected --groups with numbers of at least 1, received {text!r}")
    _ = grouping.squares  # refuses a step beyond the side
    if name == "superpixels":
        makers.superpixels(np.zeros((1, 2, 2, 1), np.float32), 1)  # refuses them without the package that makes them
    return grouping


def write_maps(path: Path, grouping: Grouping, results: Iterable[AttackResult]) -> None:
    """Writes the maps of the images of `results` to `path`, as `--groups=file:` takes them."""
    maps: dict[str, npt.NDArray[Any]] = {}
    for result in results:
        names, structure = image_ids(result), grouping.of_result(result)
        if not isinstance(structure, LabelMap):
            raise TypeError(f"no map: {structure}")
        if structure.labels.ndim == 2 or len(structure.labels) == 1:  # of all images
            maps[""] = structure.labels
            break
        maps |= {name: structure.labels[row] for row, name in enumerate(names)}
    arrays = (
        {_LABELS: maps[""]} if "" in maps else {_LABELS: np.stack(list(maps.values())), _IMAGE_IDS: np.array([*maps])}
    )
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _of_file(path: Path) -> Grouping:
    arrays = load_or_explain(functools.partial(_read, path), path, f"an .npz file with {_LABELS}")
    labels, names = arrays.get(_LABELS), arrays.get(_IMAGE_IDS)
    if labels is None or (names is None and labels.ndim == 3):
        raise InputError(
            f"expected {_LABELS} (H, W), or {_LABELS} (N, H, W) and the names {_IMAGE_IDS} (N,), in {path}, received "
            + ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        )
    if names is not None and names.shape != labels.shape[:1]:
        raise InputError(f"expected {_IMAGE_IDS} of shape {labels.shape[:1]} in {path}, received {names.shape}")
    LabelMap(labels)  # refuses what is no map
    maps = {"": labels} if names is None else dict(zip(map(str, names), labels, strict=True))
    return Grouping(f"{_FILE}:{public_name(str(path))}", (), maps, sha256_of(path))


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
