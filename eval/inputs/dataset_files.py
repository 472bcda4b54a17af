"""What files of a data set hold: images one at a time, each with a name and a label."""

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
    """What files hold.

    Attributes:
      rows_from: the rows from a position on, read as they are asked for.
      version: another one where the content is another.
      class_names: by index, where known.
      number: of the rows.
    """

    rows_from: Callable[[int], Iterable[Row]]
    version: str
    class_names: Mapping[int, str]
    number: int


class ImageFile(NamedTuple):
    """An image file with its label, a name that is unique in its data set, and its class's name, or ""."""

    name: str
    path: Path
    label: int
    class_name: str


def rows_of_files(
    files: Sequence[ImageFile], channels: int | None, table: bytes, *, folder: Path, allow_outside: bool
) -> Rows:
    """The images of files in their order, decoded as they are asked for.

    Args:
      files: where they are.
      channels: of the images, None: as found; see `read_image`.
      table: where names and labels come from; with the sizes of the images, all of which would take too long to read,
        it makes the version.
      folder: of the data set.
      allow_outside: whether files may lie, or links lead, outside of the folder.

    Raises:
      InputError: a file outside of the folder, or a name that is no text.
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
    """Refuses what a data set of others could name to have a private image of this machine end up in a report."""
    home = os.path.realpath(folder)
    for file in files:
        if any("\ud800" <= c <= "\udfff" for c in file.name):
            raise InputError(f"expected names of files in UTF-8, received {file.name!r} in {folder}: rename it")
        place = os.path.realpath(file.path)
        if not allow_outside and not Path(place).is_relative_to(home):
            raise InputError(
                f"expected image files within {folder}, received {file.name!r}, which is or leads to "
                f"{place}: add --allow_outside if that is meant"
            )
