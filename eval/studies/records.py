"""The records of a study: a file for each finished row, in the order that its manifest keeps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tf_strattack.programs.directories.sealed import digest_of, read_sealed

from ..runs.manifest import MANIFEST, file_damage

ROWS = "rows"


def record_in(path: Path, configuration: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record in a file; None if it is damaged, or belongs to another study or another row."""
    entry = read_sealed(path)
    if entry is None or entry["configuration"] != digest_of(configuration) or entry["name"] != path.stem:
        return None
    return entry


def records_in(directory: Path, configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All records, by the places that they had when they were made."""
    found = (record_in(path, configuration) for path in sorted((directory / ROWS).glob("*.json")))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: int(entry["place"]))


def order_in(directory: Path, configuration: Mapping[str, Any]) -> list[str]:
    """The names of the rows made so far, in order: from the manifest, which remembers lost entries, or the entries."""
    manifest = read_sealed(directory / MANIFEST)
    entries = [entry["name"] for entry in records_in(directory, configuration)]
    if manifest is None or manifest["configuration"] != configuration:
        return entries
    return list(dict.fromkeys([*manifest["rows"], *entries]))


def place_for(order: Sequence[str], name: str, among: Sequence[str]) -> int:
    """Where to insert `name` into `order`: next to its neighbour `among` the rows of a command, or at the end."""
    at = among.index(name) if name in among else len(among)
    before = [order.index(other) for other in among[:at] if other in order]
    behind = [order.index(other) for other in among[at + 1 :] if other in order]
    return before[-1] + 1 if before else behind[0] if behind else len(order)


def damages_in(directory: Path, configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The damages of the files of a study: names and reasons."""
    path = directory / MANIFEST
    manifest = read_sealed(path)
    if manifest is None:
        if os.path.lexists(path):
            yield MANIFEST, "its content has changed"
        elif (directory / ROWS).is_dir() and any((directory / ROWS).glob("*.json")):
            yield MANIFEST, "it is missing"
        manifest = {"files": {}, "rows": []}
    elif manifest["configuration"] != configuration:
        yield MANIFEST, "it belongs to another study"
        manifest = {"files": {}, "rows": []}
    for name, checksum in manifest["files"].items():
        if reason := file_damage(directory / name, checksum):
            yield name, reason
    for name in sorted({*manifest["rows"], *(path.stem for path in (directory / ROWS).glob("*.json"))}):
        file = directory / ROWS / f"{name}.json"
        if record_in(file, configuration) is None:
            yield f"{ROWS}/{file.name}", "its content has changed" if file.exists() else "it is missing"
