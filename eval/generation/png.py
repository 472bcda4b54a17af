"""Examples as PNG files, and a test whether the files still fool the network after reading."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tf_strattack import Classifier
from tf_strattack.images import from_uint8, write_png
from tf_strattack.programs.directories.layouts import CARD, LAYOUTS, PNG_FILES
from tf_strattack.programs.directories.removal import remove_partial, replace_written
from tf_strattack.runtime.files import partial_of, write_text

from ..inputs.image_files import read_image
from ..runs.croissant import CROISSANT, croissant_of_png
from ..runs.dataset_card import PNG, card_of, is_theirs, write_card
from ..runs.rows import UNTARGETED
from ..runs.store import Store
from ..tables.table import Cell, Table, cells

# labels.csv makes the folder readable for --dataset, metadata.csv makes it an image folder of Hugging Face.
_LABELS, _METADATA = "labels.csv", "metadata.csv"
_COLUMNS = {
    _LABELS: ("filename", "class_index", "class_name", "target", "example_id"),
    _METADATA: ("file_name", "label", "class_name", "target", "example_id"),
}


def export(
    store: Store,
    directory: Path,
    classifier: Classifier,
    confidence: float,
    class_names: Mapping[int, str],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes the successful examples to PNG files with tables of labels; reads the files and classifies them.

    There is one folder per shard. Folders whose files agree with their shard are kept.

    Args:
      store: the shards.
      directory: the place of the files.
      classifier, confidence: as in `verify`.
      class_names: the known names of classes.
      facts: what the card says in addition to the configuration.

    Returns:
      The number of files, and how many of them fool the network with `confidence` after they are read.
    """
    remove_partial(directory, LAYOUTS["eval.generate --png_dir"])
    entries: list[list[Cell]] = []
    successes = 0
    for folder, names, rows in tqdm(_folders(store, directory), total=store.plan.num_shards, unit="shard", desc="PNG"):
        if not _holds(folder, names, rows):
            _write(folder, names, rows)
        if rows:
            read = np.stack([_read(folder / name, row) for name, row in zip(names, rows, strict=True)])
            images = from_uint8(read, classifier.bounds)
            labels, targets = (np.array([row[name] for row in rows], np.int32) for name in ("label", "target"))
            wanted = None if (targets == UNTARGETED).all() else targets
            successes += int(classifier.fooled_by(images, labels, wanted, confidence=confidence).sum())
        entries += _entries(folder, names, rows, class_names)
    for name, text in _texts(entries, {**store.configuration, **facts}).items():
        (write_card if name == CARD else write_text)(directory / name, text)
    return {"files": len(entries), "num_successes": successes}


def damaged(
    store: Store, directory: Path, class_names: Mapping[int, str], facts: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Files that differ from what `export` writes: names and reasons."""
    entries: list[list[Cell]] = []
    for folder, names, rows in _folders(store, directory):
        if not _holds(folder, names, rows):
            yield folder.name, "its files differ from the shard"
        entries += _entries(folder, names, rows, class_names)
    for name, text in _texts(entries, {**store.configuration, **facts}).items():
        path = directory / name
        if name == CARD and is_theirs(path):
            continue
        if not path.is_file() or path.read_bytes() != text.encode():
            yield name, "it is missing, or does not describe these files"


def _texts(entries: list[list[Cell]], facts: Mapping[str, Any]) -> dict[str, str]:
    """The tables, the card and the Croissant metadata, by file name."""
    tables = {name: Table("", columns, entries).csv() for name, columns in _COLUMNS.items()}
    table = tables[_METADATA].encode()
    croissant = croissant_of_png(facts, _METADATA, hashlib.sha256(table).hexdigest(), len(table))
    return {**tables, CARD: card_of(facts, PNG), CROISSANT: json.dumps(croissant, indent=2) + "\n"}


def _folders(store: Store, directory: Path) -> Iterator[tuple[Path, list[str], list[dict[str, Any]]]]:
    """For each shard, its folder, the names of its files, and the successful examples."""
    for number in range(store.plan.num_shards):
        rows = [row for row in store.rows(number) if row["success"]]
        yield directory / f"{number:05d}", _names(rows), rows


def _names(rows: list[dict[str, Any]]) -> list[str]:
    """File names made from example ids; ids that give the same file name get a number."""
    plain = ["".join(c if c.isalnum() or c in "-_." else "_" for c in row["example_id"]) for row in rows]
    number = Counter(plain)
    # The mark cannot occur in `plain`.
    return [f"{name}.png" if number[name] == 1 else f"{name}~{place}.png" for place, name in enumerate(plain)]


def _holds(folder: Path, names: list[str], rows: list[dict[str, Any]]) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    if {path.name for path in folder.iterdir() if PNG_FILES.owns(path)} != set(names):
        return False
    try:
        return all((_read(folder / name, row) == row["image"]).all() for name, row in zip(names, rows, strict=True))
    except (OSError, ValueError):  # not a picture, or a picture of another size
        return False


def _write(folder: Path, names: list[str], rows: list[dict[str, Any]]) -> None:
    partial = partial_of(folder, secrets.token_hex(4))  # random, so that no link can have it
    partial.mkdir()
    for name, row in zip(names, rows, strict=True):
        write_png(partial / name, row["image"])
    replace_written(folder, partial, PNG_FILES)


def _read(path: Path, row: dict[str, Any]) -> Any:
    # The reader of --dataset, which is independent of the writer.
    return read_image(path, row["image"].shape[-1])


def _entries(
    folder: Path, names: list[str], rows: list[dict[str, Any]], class_names: Mapping[int, str]
) -> Iterator[list[Cell]]:
    for name, row in zip(names, rows, strict=True):
        label, example_id = int(row["label"]), row["example_id"]
        yield cells([f"{folder.name}/{name}", label, class_names.get(label, ""), int(row["target"]), example_id])
