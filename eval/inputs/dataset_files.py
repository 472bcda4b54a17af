"""What files of a data set hold: images one at a time, each with a name and a label."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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


def rows_of_files(files: Sequence[ImageFile], channels: int | None, table: bytes) -> Rows:
    """The images of files in their order, decoded as they are asked for.

    Args:
      files: where they are.
      channels: of the images, None: as found; see `read_image`.
      table: where names and labels come from; with the sizes of the images, all of which would take too long to read,
        it makes the version.
    """

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
