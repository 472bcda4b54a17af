"""`--groups`: the groups of pixels, for the attack and for the measures."""

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
    "squares:2, squares:3,2 (side, stride), superpixels:64, rows, columns, channels, channels:2, windows:8 (steps of a "
    "series), blocks:16,4 (depth of a volume, side) or file:MAPS.npz"
)
FILE = "file"
# The arrays in a file of maps, which `--groups=file:` reads and a run writes.
_LABELS, _IMAGE_IDS = "labels", "image_ids"
# Name → how many numbers may follow, and a function that makes groups from images (N, H, W, C) and these numbers.
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
            f"expected --groups=blocks:DEPTH,SIDE with the depth of the volumes, stored as images "
            f"(N, DEPTH * height, width, C), received depth {depth} and images {shape}"
        )
    return makers.blocks(depth, height, shape[2], side)


def _squares(side: int, step: int | None = None) -> SlidingMask:
    return SlidingMask(side, step)


@dataclasses.dataclass(frozen=True)
class Grouping(GroupStructure):
    """The value of --groups. As `groups=` of an attack it is a placeholder until the images are known.

    Attributes:
      text: the value as it is recorded.
      numbers: the numbers after the name.
      maps: for a file, the map of each image by its name, or one map of all images under "".
      sha256: for a file, its hash.
    """

    text: str
    numbers: tuple[int, ...] = ()
    maps: dict[str, npt.NDArray[np.int32]] | None = dataclasses.field(default=None, compare=False, repr=False)
    sha256: str | None = None

    def __str__(self) -> str:
        """The text of the command line."""
        return self.text

    @property
    def record(self) -> dict[str, Any]:
        """The groups as records describe them."""
        return {"groups": self.text, "sha256": self.sha256}

    @property
    def facts(self) -> dict[str, Any]:
        """The groups as a run records them."""
        return {"groups": self.text, "groups_sha256": self.sha256}

    @property
    def for_attack(self) -> GroupStructure:
        """The groups for an attack: squares, or this placeholder if the groups depend on the images."""
        return self.squares or self

    @property
    def squares(self) -> SlidingMask | None:
        """The mask, if the groups are squares, the only groups that need no image; else None."""
        return _squares(*self.numbers) if self.text.startswith("squares") else None

    @property
    def overlapping(self) -> bool:
        """Whether a pixel can be in several groups."""
        return self.squares is not None and self.squares.overlapping

    def of(self, height: int, width: int) -> Groups:
        """Groups of images of this size, if they do not depend on the image.

        Raises:
          InputError: the groups do not fit.
        """
        return self.structure(np.zeros((1, height, width, 1), np.float32), [""]).of(height, width)

    def structure(self, images: Images, image_ids: Sequence[str] | npt.NDArray[np.str_]) -> GroupStructure:
        """The groups of images (N, H, W, C) with these names (N,).

        Raises:
          InputError: groups that do not fit, or an image without a map.
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
            raise InputError(f"expected a map for each image in --groups={self.text}, received none for {missing[0]}")
        return LabelMap(np.stack([self.maps[image] for image in unique])[rows])

    def of_result(self, result: AttackResult) -> GroupStructure:
        """The groups of the images of a result."""
        unnamed = result.example_ids is None
        names = np.arange(len(result)).astype(str) if unnamed else image_ids(result)
        return self.structure(result.images, names)

    def check(self, image_shape: Sequence[int | None]) -> None:
        """Refuses groups that do not fit images of shape (H, W, C); sizes may be None.

        Raises:
          InputError: the groups do not fit.
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
                    f"expected labels{where} for {height} x {width} pixels in --groups={self.text}, "
                    f"received {labels.shape}"
                )


def parse_groups(text: str) -> Grouping:
    """Parses the value of --groups.

    Raises:
      InputError: another form, a number that does not fit, or a file without maps.
    """
    name, colon, rest = text.partition(":")
    if name == FILE and rest:
        return _of_file(Path(rest))
    counts, _ = _MAKERS.get(name, ((), None))
    numbers = tuple(map(int, rest.split(","))) if re.fullmatch(r"\d{1,9}(,\d{1,9})?", rest) else ()
    if len(numbers) not in counts or bool(colon) != bool(numbers):
        raise InputError(f"expected --groups={FORMS}, received {text!r}")
    grouping = Grouping(text, numbers)
    if 0 in numbers:
        raise InputError(f"expected --groups with numbers of at least 1, received {text!r}")
    _ = grouping.squares  # refuses a stride above the side
    if name == "superpixels":
        makers.superpixels(np.zeros((1, 2, 2, 1), np.float32), 1)  # refuses superpixels if their package is missing
    return grouping


def write_maps(path: Path, grouping: Grouping, results: Iterable[AttackResult]) -> None:
    """Writes the maps of the images of `results` to `path`, in the format of `--groups=file:`."""
    maps: dict[str, npt.NDArray[Any]] = {}
    for result in results:
        names, structure = image_ids(result), grouping.of_result(result)
        if not isinstance(structure, LabelMap):
            raise TypeError(f"no map: {structure}")
        if structure.labels.ndim == 2 or len(structure.labels) == 1:  # one map for all images
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
    LabelMap(labels)  # refuses arrays that are not maps
    maps = {"": labels} if names is None else dict(zip(map(str, names), labels, strict=True))
    return Grouping(f"{FILE}:{public_name(str(path))}", (), maps, sha256_of(path))


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
