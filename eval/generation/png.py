"""Examples as PNG files, and whether the network is still fooled by what is read from them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tf_strattack import Classifier
from tf_strattack.images import from_uint8, write_png
from tf_strattack.programs.directories.files import partial_of, write_text
from tf_strattack.programs.directories.layouts import PNG_FILES
from tf_strattack.programs.directories.removal import remove, replace_written

from ..inputs.image_files import read_image
from .store import Store
from .verification import fooled

# The table that makes the folder one that --dataset reads.
_TABLE = "labels.csv"
_COLUMNS = ("filename", "class_index", "class_name", "target", "example_id")


def export(
    store: Store, directory: Path, classifier: Classifier, confidence: float, class_names: Mapping[int, str]
) -> dict[str, Any]:
    """Writes the successful examples to PNG files, a folder a shard, with a table of labels; reads and classifies them.

    Folders that are there, and whose files hold what the shards do, stay as they are.

    Returns:
      How many files there are, and how many of these fool the network with `confidence` once they are read again.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, _COLUMNS)
    writer.writeheader()
    files = successes = 0
    for number in tqdm(range(store.plan.num_shards), unit="shard", desc="PNG"):
        rows = [row for row in store.rows(number) if row["success"]]
        folder = directory / f"{number:05d}"
        names = _names(rows)
        if not _holds(folder, names, rows):
            _write(folder, names, rows)
        if rows:
            read = np.stack([_read(folder / name, row) for name, row in zip(names, rows, strict=True)])
            successes += int(fooled(classifier, from_uint8(read, classifier.bounds), rows, confidence).sum())
        files += len(rows)
        writer.writerows(_entries(folder, names, rows, class_names))
    write_text(directory / _TABLE, table.getvalue())
    return {"files": files, "num_successes": successes}


def _names(rows: list[dict[str, Any]]) -> list[str]:
    """Names of files, after the examples; of those that are alike as names of files, with a number."""
    plain = ["".join(c if c.isalnum() or c in "-_." else "_" for c in row["example_id"].decode()) for row in rows]
    number = Counter(plain)
    # A name of its own cannot have the mark.
    return [f"{name}.png" if number[name] == 1 else f"{name}~{place}.png" for place, name in enumerate(plain)]


def _holds(folder: Path, names: list[str], rows: list[dict[str, Any]]) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    if {path.name for path in folder.iterdir() if PNG_FILES.owns(path)} != set(names):
        return False
    try:
        return all((_read(folder / name, row) == row["image"]).all() for name, row in zip(names, rows, strict=True))
    except (OSError, ValueError):  # not a picture, or of another size
        return False


def _write(folder: Path, names: list[str], rows: list[dict[str, Any]]) -> None:
    partial = partial_of(folder)
    remove(partial, PNG_FILES)
    partial.mkdir(exist_ok=True)
    for name, row in zip(names, rows, strict=True):
        write_png(partial / name, row["image"])
    replace_written(folder, partial, PNG_FILES)


def _read(path: Path, row: dict[str, Any]) -> Any:
    # By the reader of --dataset, which knows nothing of how the file was written.
    return read_image(path, row["image"].shape[-1])


def _entries(
    folder: Path, names: list[str], rows: list[dict[str, Any]], class_names: Mapping[int, str]
) -> Iterator[dict[str, Any]]:
    for name, row in zip(names, rows, strict=True):
        yield {
            "filename": f"{folder.name}/{name}",
            "class_index": row["label"],
            "target": row["target"],
            "class_name": class_names.get(int(row["label"]), ""),
            "example_id": row["example_id"].decode(),
        }
