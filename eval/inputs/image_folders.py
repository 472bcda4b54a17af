"""A folder of images as a data set: its classes are in labels.csv, or they are its sub-folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from tf_strattack import InputError

from .class_folders import find_class_folders
from .dataset_files import ImageFile, Rows, rows_of_files
from .label_tables import read_labels

_LABELS, _IMAGES = "labels.csv", "images"


def read_folder(folder: Path, channels: int | None, *, allow_outside: bool = False) -> Rows:
    """Opens a folder of images, see `eval.inputs.datasets.read_dataset`; `channels` as for `read_image`.

    labels.csv comes before sub-folders: the one in the folder, or the one above if it names an image that is here.

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
        raise InputError(f"expected images of {folder} in {table}, received {files[0].name!r}, which is not there")
    raise InputError(
        f"expected {own} with columns filename, class_index, there or in the folder above, or a sub-folder of images "
        "for each class, received neither"
    )


def _files_of(table: Path, folder: Path) -> list[ImageFile]:
    files = []
    for filename, index, class_name in read_labels(table):
        name, path = _find(filename, folder)
        files.append(ImageFile(name, path, index, class_name))
    for name, number in Counter(file.name for file in files).items():
        if name == "." or number > 1:
            received = "none" if name == "." else name
            raise InputError(f"expected each image in a row of its own in {table}, received {received!r} in {number}")
    return files


def _find(filename: str, folder: Path) -> tuple[str, Path]:
    """The file's name without what is particular to the program that wrote it, and where it is or should be."""
    # Windows writes backslashes; elsewhere they may be part of a name.
    names = [PurePosixPath(filename), PurePosixPath(filename.replace("\\", "/"))]
    # Images may lie apart from the table, in a folder of their own.
    places = [(name.as_posix(), folder / within / name) for name in names for within in ("", _IMAGES)]
    return next(((name, path) for name, path in places if path.is_file()), places[0])
