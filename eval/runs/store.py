"""The directory of a generation: shards that appear whole, an entry with the checksum of each, and the manifest."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from tf_strattack import AttackResult
from tf_strattack.programs.directories.files import partial_of, sha256_of, write_json
from tf_strattack.programs.directories.layouts import DATASET, ENTRIES, LAYOUTS
from tf_strattack.versions import versions

from .records import Measures
from ..report.page import REPORT
from .tfds_directory import features_of, read_shard, rows_of, shard_name, write_info, write_shard
from .plan import Plan

PROGRAM = "eval.generate"
MANIFEST, METRICS = "manifest.json", "metrics.json"
_DATASET, _ENTRIES = "dataset", "shards"
# What makes dataset/ a data set; there only while all shards are.
_INFO = ("dataset_info.json", "features.json", "metadata.json")
# The name of the only process at work.
ALONE = "run"
_CHECKSUM = "checksum_of_this_file"
# What the manifest tells of a shard; its entry has the measures of its examples besides.
_LISTED = ("shard", "file", "sha256", "bytes", "num_examples", "versions")

Entry = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Store:
    """The shards of `plan` in `directory`.

    A shard is a file in dataset/ and then an entry in shards/, a JSON file with its checksum and measures. Both are
    written beside and renamed; without its entry a shard does not count. The manifest joins the entries.

    Attributes:
      directory: the output directory.
      plan: what the shards hold.
      dtype: of the images, "float32" or "uint8".
      writer: a name under which no other process writes at the same time.
    """

    directory: Path
    plan: Plan
    dtype: str
    writer: str

    @functools.cached_property
    def features(self) -> tfds.features.FeaturesDict:
        """The features of an example."""
        return features_of(self.plan.image_shape, self.dtype)

    def open(self) -> None:
        """Makes the folders, and removes what a process of this name that was killed has left half-written.

        With the name `ALONE` there is no other process, and everything that is half-written goes.
        """
        pattern = "*.partial" if self.writer == ALONE else f"*.{self.writer}.partial"
        folders = {
            self.directory: LAYOUTS[PROGRAM],
            self.directory / _DATASET: DATASET,
            self.directory / _ENTRIES: ENTRIES,
        }
        for folder, names in folders.items():
            folder.mkdir(exist_ok=True)
            for path in folder.glob(pattern):
                if names.partial(path.name) and names.owns(path):
                    path.unlink()

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.directory / _DATASET / shard_name(number, self.plan.num_shards)

    def write(self, number: int, result: AttackResult, measures: Measures) -> None:
        """Writes a shard, and then its entry.

        Raises:
          OSError: no room for it; nothing of it is left.
        """
        path = self.path(number)
        partial = partial_of(path, self.writer)
        try:
            examples = write_shard(partial, self.features, rows_of(result, self.dtype))
            entry = {
                "shard": number,
                "file": path.name,
                "sha256": sha256_of(partial),
                "bytes": partial.stat().st_size,
                "num_examples": examples,
                "versions": versions(),
                "plan": self.plan.digest,
                "measures": {name: values.tolist() for name, values in measures.items()},
            }
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        write_json(self._entry_path(number), _sealed(entry), writer=self.writer)

    def missing(self, number: int) -> bool:
        """Whether a shard has never been finished."""
        return not self._entry_path(number).exists()

    def damage(self, number: int) -> str | None:
        """What is wrong with a finished shard, in words; None if its file has the checksum in its entry."""
        entry, path = _unsealed(self._entry_path(number)), self.path(number)
        if entry is None:
            return f"the entry {self._entry_path(number).name} cannot be read"
        if entry["plan"] != self.plan.digest:
            return "it is of another plan"
        if not path.exists():
            return "the file is missing"
        if path.stat().st_size != entry["bytes"]:
            return f"the file has {path.stat().st_size} bytes in place of {entry['bytes']}"
        return None if sha256_of(path) == entry["sha256"] else "the file has another checksum"

    def rows(self, number: int) -> Iterator[dict[str, Any]]:
        """The examples of a finished shard, as NumPy values by feature."""
        return read_shard(self.path(number), self.features)

    def measures(self) -> Iterator[Measures]:
        """The measures of all shards, in order."""
        for entry in self._entries():
            yield {name: np.array(values) for name, values in entry["measures"].items()}

    def untouched(self) -> bool:
        """Whether nothing has been made yet."""
        return not any(map(ENTRIES.owns, (self.directory / _ENTRIES).glob("*.json")))

    def disassemble(self, configuration: dict[str, Any]) -> None:
        """Takes away what makes the shards a data set, and says so in the manifest, until all are there again."""
        for path in (
            *(self.directory / _DATASET / name for name in _INFO),
            *map(self.directory.joinpath, (METRICS, REPORT)),
        ):
            path.unlink(missing_ok=True)
        self.write_manifest(configuration, complete=False)

    def assemble(self, configuration: dict[str, Any], facts: dict[str, Any]) -> None:
        """Makes dataset/ a directory that TFDS reads, with `facts` as its metadata; every shard must be intact."""
        files = [(entry["num_examples"], entry["bytes"]) for entry in self._entries()]
        write_info(self.directory / _DATASET, self.features, files, facts)
        self.write_manifest(configuration, complete=True)

    def assembled(self) -> bool:
        """Whether dataset/ is a directory that TFDS reads, with its figures beside."""
        names = (self.directory / _DATASET / name for name in _INFO)
        manifest = _unsealed(self.directory / MANIFEST)
        return all(map(Path.exists, [*names, self.directory / METRICS])) and bool(manifest and manifest["complete"])

    def manifest_damage(self) -> str | None:
        """What is wrong with the manifest, in words; None if nothing is."""
        path = self.directory / MANIFEST
        if not path.exists():
            return "it is missing"
        return "it cannot be read" if _unsealed(path) is None else None

    def write_manifest(self, configuration: dict[str, Any], *, complete: bool) -> None:
        """Writes the manifest: configuration, plan, and the shards finished so far with their checksums."""
        plan = self.plan
        shards = [{name: entry[name] for name in _LISTED} for entry in self._entries()]
        manifest = {
            "configuration": json.loads(json.dumps(configuration)),
            "num_images": len(plan.positions),
            "skipped_misclassified": plan.skipped,
            "num_examples": plan.num_examples,
            "shard_size": plan.shard_size,
            "num_shards": plan.num_shards,
            "plan": plan.digest,
            "complete": complete,
            "shards": shards,
        }
        write_json(self.directory / MANIFEST, _sealed(manifest), writer=self.writer)

    def _entry_path(self, number: int) -> Path:
        return self.directory / _ENTRIES / f"{number:05d}.json"

    def _entries(self) -> Iterator[Entry]:
        """The entries that can be read, in order."""
        found: Iterable[Entry | None] = map(_unsealed, map(self._entry_path, range(self.plan.num_shards)))
        return (entry for entry in found if entry is not None)


def _sealed(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, _CHECKSUM: _digest(content)}


def _unsealed(path: Path) -> dict[str, Any] | None:
    """The content of a sealed file; None if there is none, or it is not as it was written."""
    try:
        content = json.loads(path.read_bytes())
        claimed = content.pop(_CHECKSUM)
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    return content if isinstance(content, dict) and claimed == _digest(content) else None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
