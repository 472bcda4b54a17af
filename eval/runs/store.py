"""The shards of a run: files that are written atomically, and an entry with the checksum of each."""

from __future__ import annotations

import dataclasses
import functools
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from tf_strattack import AttackResult
from tf_strattack.images import from_uint8
from tf_strattack.programs.directories.layouts import DATASET, ENTRIES, LAYOUTS
from tf_strattack.programs.directories.sealed import read_sealed, write_sealed
from tf_strattack.runtime.files import partial_of, sha256_of
from tf_strattack.versions import versions

from .plan import Plan
from .records import Measures
from .tfds_directory import UNTARGETED, features_of, read_shard, rows_of, shard_name, write_shard
from .work import Outcome

DATASET_FOLDER, _ENTRIES = "dataset", "shards"
# The name of a process that works alone.
ALONE = "run"

Entry = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Store:
    """The shards of `plan` in `directory`.

    A shard is a file in dataset/ and an entry in shards/. The entry is a JSON file with the shard's checksum, the
    measures of its examples and the other fields of an `AttackResult`. Both are written under a temporary name and
    renamed, the entry last. A shard without an entry does not count, nor does an entry of another shard, plan or
    configuration.

    Attributes:
      directory: the output directory.
      plan: the plan of the run.
      configuration: the configuration of the run; JSON values.
      writer: a name that no other process uses at the same time.
    """

    directory: Path
    plan: Plan
    configuration: dict[str, Any]
    writer: str = ALONE

    @functools.cached_property
    def features(self) -> tfds.features.FeaturesDict:
        """The features of an example."""
        return features_of(self.plan.image_shape, self.configuration["image_dtype"])

    def open(self) -> None:
        """Makes the folders, and removes half-written files of an earlier process of this name that was killed.

        Under the name `ALONE` there are no other processes, so all half-written files are removed.
        """
        pattern = "*.partial" if self.writer == ALONE else f"*.{self.writer}.partial"
        folders = {
            self.directory: LAYOUTS["eval.generate"],
            self.directory / DATASET_FOLDER: DATASET,
            self.directory / _ENTRIES: ENTRIES,
        }
        for folder, names in folders.items():
            folder.mkdir(exist_ok=True)
            for path in folder.glob(pattern):
                if names.partial(path.name) and names.owns(path) and not path.is_dir():
                    path.unlink()

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.directory / DATASET_FOLDER / shard_name(number, self.plan.num_shards)

    def write(self, number: int, outcome: Outcome) -> None:
        """Writes a shard, and then its entry.

        Raises:
          OSError: the disk is full; no part of the shard remains.
        """
        result, path = outcome.result, self.path(number)
        partial = partial_of(path, f"{secrets.token_hex(4)}.{self.writer}")  # random, so that no link can have it
        try:
            examples = write_shard(partial, self.features, rows_of(result, self.configuration["image_dtype"]))
            entry = {
                "shard": number,
                "file": path.name,
                "plan": self.plan.digest,  # covers the configuration
                "sha256": sha256_of(partial),
                "bytes": partial.stat().st_size,
                "num_examples": examples,
                "versions": versions(),
                "attack": result.attack,
                "calls": [[*key, calls] for key, calls in result.calls.items()],
                "measures": {name: values.tolist() for name, values in outcome.measures.items()},
                # JSON has no NaN.
                "c": [float(c) if np.isfinite(c) else None for c in result.c],
                "clean_correct": result.clean_correct.tolist(),
                "origin": None if result.origin is None else result.origin.tolist(),
            }
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        write_sealed(self._entry_path(number), entry, writer=self.writer)

    def places(self, number: int) -> tuple[Path, Path]:
        """The paths of a shard: its examples, and its entry."""
        return self.path(number), self._entry_path(number)

    def missing(self, number: int) -> bool:
        """Whether a shard has never been finished."""
        return not os.path.lexists(self._entry_path(number))

    def damage(self, number: int) -> str | None:
        """What is wrong with a shard, in words; None if its file and entry agree, or both are missing."""
        path, its_entry = self.path(number), f"its entry {self._entry_path(number).name}"
        if self.missing(number):
            return f"{its_entry} is missing" if os.path.lexists(path) else None
        entry = read_sealed(self._entry_path(number))
        if entry is None:
            return f"{its_entry} cannot be read"
        if entry["plan"] != self.plan.digest:
            return f"{its_entry} belongs to another plan or configuration"
        if (entry["shard"], entry["file"]) != (number, path.name):
            return f"{its_entry} belongs to {entry['file']}"
        if not os.path.lexists(path):
            return "the file is missing"
        if not stat.S_ISREG(path.lstat().st_mode):
            return "it is not a file"
        if path.stat().st_size != entry["bytes"]:
            return f"the file has {path.stat().st_size} bytes instead of {entry['bytes']}"
        return None if sha256_of(path) == entry["sha256"] else "the file has another checksum"

    def rows(self, number: int) -> Iterator[dict[str, Any]]:
        """The examples of a finished shard, as NumPy values by feature."""
        return read_shard(self.path(number), self.features)

    def result(self, number: int) -> AttackResult:
        """A finished shard, as the attack returned it."""
        rows, entry = list(self.rows(number)), read_sealed(self._entry_path(number)) or {}
        low, high = self.configuration["bounds"]
        measures, targets = entry["measures"], _column(rows, "target", np.int32)
        return AttackResult(
            images=_images(rows, "original", (low, high)),
            adversarial=_images(rows, "image", (low, high)),
            success=_column(rows, "success", np.bool_),
            labels=_column(rows, "label", np.int32),
            targets=None if (targets == UNTARGETED).all() else targets,
            clean_correct=np.array(entry["clean_correct"], np.bool_),
            c=np.array(entry["c"], np.float32),
            gradient_evaluations=np.array(measures["gradient"], np.int32),
            forward_evaluations=np.array(measures["forward"], np.int32),
            seconds=np.array(measures["seconds"], np.float32),
            bounds=(low, high),
            attack=entry["attack"],
            calls={(kind, size): calls for kind, size, calls in entry["calls"]},
            example_ids=np.array([row["example_id"].decode() for row in rows]),
            origin=None if entry.get("origin") is None else np.array(entry["origin"]),
        )

    def results(self) -> Iterator[AttackResult]:
        """All shards, in order, one at a time."""
        return map(self.result, range(self.plan.num_shards))

    def entries(self) -> Iterator[Entry]:
        """The entries that can be read, in order."""
        found: Iterable[Entry | None] = map(read_sealed, map(self._entry_path, range(self.plan.num_shards)))
        return (entry for entry in found if entry is not None)

    def measures(self) -> Iterator[Measures]:
        """The measures of all shards, in order."""
        for entry in self.entries():
            yield {name: np.array(values) for name, values in entry["measures"].items()}

    def _entry_path(self, number: int) -> Path:
        return self.directory / _ENTRIES / f"{number:05d}.json"


def _images(rows: list[dict[str, Any]], feature: str, bounds: tuple[float, float]) -> npt.NDArray[np.float32]:
    images = np.stack([row[feature] for row in rows])
    return from_uint8(images, bounds) if images.dtype == np.uint8 else images


def _column(rows: list[dict[str, Any]], feature: str, dtype: Any) -> npt.NDArray[Any]:
    return np.array([row[feature] for row in rows], dtype)
