"""The contents of data set files: images one at a time, each with a name and a label."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tf_strattack import InputError
from tf_strattack.runtime.loading import load_or_explain

from .image_files import read_image
from .pixels import Pixels

# Name, pixels (H, W, C) and label of an image.
Row = tuple[str, Pixels, int]


class Rows(NamedTuple):
    """The contents of files.

    Attributes:
      rows_from: the rows from a position on, read lazily.
      version: a text that changes with the content.
      class_names: the known names of classes, by index.
      number: the number of rows.
    """

    rows_from: Callable[[int], Iterable[Row]]
    version: str
    class_names: Mapping[int, str]
    number: int


class ImageFile(NamedTuple):
    """An image file with its label, a name that is unique in its data set, and the name of its class, or ""."""

    name: str
    path: Path
    label: int
    class_name: str


def rows_of_files(
    files: Sequence[ImageFile], channels: int | None, table: bytes, *, folder: Path, allow_outside: bool
) -> Rows:
    """The images of files in their order, decoded lazily.

    Args:
      files: the image files.
      channels: number of channels of the images; None to keep them, see `read_image`.
      table: the source of names and labels. The version is a hash of it and of the file sizes: reading all images would
        take too long.
      folder: the folder of the data set.
      allow_outside: whether files may be, or links may lead, outside the folder.

    Raises:
      InputError: a file outside the folder, or a name that is not valid UTF-8.
    """
    _check_names(files, folder, allow_outside=allow_outside)

    def rows_from(start: int) -> Iterator[Row]:
        for file in itertools.islice(files, start, None):
            read = functools.partial(read_image, file.path, channels)
            yield file.name, load_or_explain(read, file.path, "an image file"), file.label

    digest = hashlib.sha256(table)
    for file in files:
        size = file.path.stat().st_size if file.path.exists() else None
        digest.update(f"{file.name} {size}\n".encode())
    names = {file.label: file.class_name for file in files if file.class_name}
    return Rows(rows_from, f"sha256 {digest.hexdigest()}", names, len(files))


def _check_names(files: Sequence[ImageFile], folder: Path, *, allow_outside: bool) -> None:
    """Refuses paths by which a data set from others could bring a private image into a report."""
    home = os.path.realpath(folder)
    for file in files:
        if any("\ud800" <= c <= "\udfff" for c in file.name):
            raise InputError(f"expected file names in UTF-8, received {file.name!r} in {folder}: rename the file")
        place = os.path.realpath(file.path)
        if not allow_outside and not Path(place).is_relative_to(home):
            raise InputError(
                f"expected image files within {folder}, received {file.name!r}, which is or leads to "
                f"{place}: add --allow_outside if this is intended"
            )
