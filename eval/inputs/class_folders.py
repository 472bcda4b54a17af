"""Folders with a sub-folder of images for each class, as `keras.utils.image_dataset_from_directory` reads them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from tf_strattack import InputError
from tf_strattack.programs.notices import notice
from tf_strattack.programs.numbers import whole_number

from .dataset_files import ImageFile

# Formats that Pillow opens but that hold no photographs, or need an external program.
_NO_IMAGES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}
# The folder with the images of a labels.csv; on its own it means that the table is missing.
_IMAGES = "images"
# The most classes in the message about their numbers.
_NAMED = 6


def find_class_folders(folder: Path) -> list[ImageFile]:
    """The images of the sub-folders, one class per sub-folder, interleaved; empty if there are no such folders.

    Classes are numbered in alphabetical order, including empty folders, as in Keras. If all names are whole numbers,
    the names are the class numbers. Hidden files and folders are ignored.

    Raises:
      InputError: the sub-folders are splits of a data set.
    """
    classes = sorted(path for path in _visible(folder) if path.is_dir())
    found = {path: sorted(file for file in path.rglob("*") if _counts(file, path)) for path in classes}
    images = {path: [file for file in files if _is_image(file)] for path, files in found.items()}
    if not any(images.values()) or [path.name for path in classes] == [_IMAGES]:
        return []
    if {path.name.lower() for path in classes} <= _SPLITS:
        example = next(path for path, files in images.items() if files)
        raise InputError(
            f"expected one sub-folder of images per class in {folder}, received the splits "
            f"{', '.join(path.name for path in classes)}: name one of them, such as {example}"
        )
    numbers = _number(classes)
    outside = [path for path in _visible(folder) if path.is_file() and _is_image(path)]
    _report_left_out(folder, outside + [file for files in found.values() for file in files if not _is_image(file)])
    # Interleaved, so that the first few images belong to many classes.
    turns = itertools.zip_longest(*(zip(itertools.repeat(path), images[path], strict=False) for path in classes))
    return [
        ImageFile(file.relative_to(folder).as_posix(), file, numbers[path], path.name)
        for turn in turns
        for path, file in filter(None, turn)
    ]


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _counts(file: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in file.relative_to(folder).parts) and file.is_file()


@functools.cache
def _suffixes() -> frozenset[str]:
    known = Image.registered_extensions()
    return frozenset(suffix for suffix, kind in known.items() if kind in Image.OPEN and kind not in _NO_IMAGES)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _suffixes()


def _number(classes: list[Path]) -> Mapping[Path, int]:
    own = [whole_number(path.name) for path in classes]
    numbers = [number for number in own if number is not None]
    by_number = len(numbers) == len(classes)
    if not by_number:
        numbers = list(range(len(classes)))
    pairs = [f"{path.name}={number}" for path, number in zip(classes, numbers, strict=True)]
    shown = pairs if len(pairs) <= _NAMED else [*pairs[: _NAMED - 1], "...", pairs[-1]]
    how = (
        "class folders numbered by their names"
        if by_number
        else "class folders numbered in alphabetical order, as in Keras"
    )
    notice(f"{how}: {', '.join(shown)}")
    return dict(zip(classes, numbers, strict=True))


def _report_left_out(folder: Path, left_out: list[Path]) -> None:
    if left_out:
        example = left_out[0].relative_to(folder).as_posix()
        notice(f"{len(left_out)} files in {folder} are not images in a class folder and are ignored, such as {example}")
