"""A folder of images as a data set; labels.csv or the sub-folders give the classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from tf_strattack import InputError

from .class_folders import find_class_folders
from .dataset_files import ImageFile, Rows, rows_of_files
from .label_tables import read_labels

_LABELS, _IMAGES = "labels.csv", "images"


def read_folder(folder: Path, channels: int | None, *, allow_outside: bool = False) -> Rows:
    """Opens a folder of images, see `eval.inputs.datasets.read_dataset`; `channels` as in `read_image`.

    labels.csv takes precedence over sub-folders: in the folder, or in the folder above if it names an image in here.

    Raises:
      InputError: neither a table nor sub-folders of images, or a table that does not fit.
    """
    own, above = folder / _LABELS, folder.resolve().parent / _LABELS
    table = next((path for path in (own, above) if path.exists()), None)
    files = [] if table is None else _files_of(table, folder)
    if table is not None and (table == own or any(file.path.exists() for file in files)):
        return rows_of_files(files, channels, table.read_bytes(), folder=folder, allow_outside=allow_outside)
    if classes := find_class_folders(folder):
        labels = "".join(f"{file.name}={file.label}\n" for file in classes).encode(errors="backslashreplace")
        return rows_of_files(classes, channels, labels, folder=folder, allow_outside=allow_outside)
    if table is not None:
        raise InputError(f"expected images of {folder} in {table}, received {files[0].name!r}, which does not exist")
    raise InputError(
        f"expected {own} with columns filename, class_index, there or in the folder above, or one sub-folder of images "
        "per class, received neither"
    )


def _files_of(table: Path, folder: Path) -> list[ImageFile]:
    files = []
    for filename, index, class_name in read_labels(table):
        name, path = _find(filename, folder)
        files.append(ImageFile(name, path, index, class_name))
    for name, number in Counter(file.name for file in files).items():
        if name == ".":  # the path of an empty text
            raise InputError(f"expected a name in each row of {table}, received {number} without")
        if number > 1:
            raise InputError(f"expected one row per image in {table}, received {number} rows for {name!r}")
    return files


def _find(filename: str, folder: Path) -> tuple[str, Path]:
    """The file's name in portable form, and the path where it is or should be."""
    # Windows writes backslashes; on other systems they may be part of a name.
    names = [PurePosixPath(filename), PurePosixPath(filename.replace("\\", "/"))]
    # Images may be in a sub-folder next to the table.
    places = [(name.as_posix(), folder / within / name) for name in names for within in ("", _IMAGES)]
    return next(((name, path) for name, path in places if path.is_file()), places[0])
