"""The shards of a run: files that are written atomically, and an entry with their checksums."""

from __future__ import annotations

import dataclasses
import functools
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_strattack import AttackResult
from tf_strattack.programs.directories.layouts import ENTRIES, LAYOUTS
from tf_strattack.programs.directories.sealed import write_sealed
from tf_strattack.runtime.files import partial_of, sha256_of

from .entries import Entry, entry_of, read_entry, result_of
from .formats import FORMATS, TFDS
from .plan import Plan
from .records import Measures
from .rows import Row, Schema, ShardFile, rows_of
from .work import Outcome

_ENTRIES = "shards"
# The name of a process that works alone.
ALONE = "run"


@dataclasses.dataclass(frozen=True)
class Store:
    """The shards of `plan` in `directory`.

    A shard is a file in the folder of each format and an entry in shards/, a JSON file with the checksums of these
    files, the measures of the examples and the other fields of an `AttackResult`. All are written under temporary names
    and renamed, the entry last. A shard without an entry does not count, nor does an entry of another shard, plan or
    configuration.

    Attributes:
      directory: the output directory.
      plan: the plan of the run.
      configuration: the configuration of the run; JSON values.
      writer: a name that no other process uses at the same time.
      formats: names in `FORMATS`, in that order. The first is the one that is read.
      class_names: as in `Schema`.
    """

    directory: Path
    plan: Plan
    configuration: dict[str, Any]
    writer: str = ALONE
    formats: tuple[str, ...] = (TFDS,)
    class_names: tuple[str, ...] = ()

    @functools.cached_property
    def schema(self) -> Schema:
        """What the rows have in common."""
        return Schema(self.plan.image_shape, self.configuration["image_dtype"], self.class_names)

    def with_earlier_formats(self) -> Store:
        """The same with the formats in which shards were written before: they remain formats of the run."""
        folders = {Path(file).parent.name for entry in self.entries() for file in entry["files"]}
        earlier = {name for name, form in FORMATS.items() if form.FOLDER in folders}
        formats = tuple(name for name in FORMATS if name in {*self.formats, *earlier})
        return dataclasses.replace(self, formats=formats or (TFDS,))

    def open(self) -> None:
        """Makes the folders, and removes half-written files of an earlier process of this name that was killed.

        Under the name `ALONE` there are no other processes, so all half-written files are removed.
        """
        pattern = "*.partial" if self.writer == ALONE else f"*.{self.writer}.partial"
        folders = {
            self.directory: LAYOUTS["eval.generate"],
            **{self.directory / FORMATS[name].FOLDER: FORMATS[name].LAYOUT for name in self.formats},
            self.directory / _ENTRIES: ENTRIES,
        }
        for folder, names in folders.items():
            folder.mkdir(exist_ok=True)
            for path in folder.glob(pattern):
                if names.partial(path.name) and names.owns(path) and not path.is_dir():
                    path.unlink()

    def path(self, number: int, form: str | None = None) -> Path:
        """The file of a shard in a format, by default the one that is read."""
        return self.directory / self._file(number, form or self.formats[0])

    def write(self, number: int, outcome: Outcome) -> None:
        """Writes a shard in all formats, and then its entry.

        Raises:
          OSError: the disk is full; no part of the shard remains.
        """
        rows = list(rows_of(outcome.result, self.schema.dtype))
        self._write_files(entry_of(number, self.plan.digest, outcome), rows, self.formats)

    def copy(self, number: int) -> None:
        """Writes a shard in the formats in which it is damaged or lacking, from one in which it is intact.

        Raises:
          OSError: the disk is full; the shard is as before.
        """
        intact, (entry, _) = self.intact(number), self._entry(number)
        rows = list(FORMATS[intact[0]].read_shard(self.path(number, intact[0]), self.schema))
        self._write_files(entry or {}, rows, [name for name in self.formats if name not in intact])

    def _write_files(self, entry: Entry, rows: Sequence[Row], formats: Iterable[str]) -> None:
        """Writes files of a shard, and then its entry with their checksums."""
        number, files, partials = entry["shard"], dict(entry["files"]), {}
        try:
            for name in formats:
                path = self.path(number, name)
                # Random, so that no link can have it.
                partials[path] = partial = partial_of(path, f"{secrets.token_hex(4)}.{self.writer}")
                FORMATS[name].write_shard(partial, self.schema, rows)
                files[self._file(number, name)] = {"sha256": sha256_of(partial), "bytes": partial.stat().st_size}
            for path, partial in partials.items():
                partial.replace(path)
        finally:
            for partial in partials.values():
                partial.unlink(missing_ok=True)
        # In the same order, whichever was written first.
        entry = {**entry, "files": dict(sorted(files.items()))}
        write_sealed(self._entry_path(number), entry, writer=self.writer)

    def places(self, number: int) -> list[Path]:
        """The paths of a shard: its examples in each format, and its entry."""
        return [*(self.path(number, name) for name in self.formats), self._entry_path(number)]

    def missing(self, number: int) -> bool:
        """Whether a shard has never been finished."""
        return not os.path.lexists(self._entry_path(number))

    def lacking(self, number: int) -> list[str]:
        """The names of files of a shard that have never been finished; if there are others, their formats are new."""
        entry, _ = self._entry(number)
        if entry is None and not self.missing(number):
            return []
        files = {} if entry is None else entry["files"]
        return [Path(file).name for file in self._files(number) if file not in files]

    def damages(self, number: int) -> dict[str, str]:
        """What is wrong with a shard, in words by file name; empty if its files and entry agree, or all are missing."""
        its_entry = f"its entry {self._entry_path(number).name}"
        if self.missing(number):
            there = [file for file in self._files(number) if os.path.lexists(self.directory / file)]
            return {Path(file).name: f"{its_entry} is missing" for file in there}
        entry, reason = self._entry(number)
        if entry is None:
            return {self.path(number).name: f"{its_entry} {reason}"}
        reasons = {Path(file).name: _damage(self.directory / file, facts) for file, facts in entry["files"].items()}
        return {name: reason for name, reason in reasons.items() if reason}

    def intact(self, number: int) -> list[str]:
        """The formats in which a shard is intact."""
        entry, _ = self._entry(number)
        files = {} if entry is None else entry["files"]
        recorded = {name: files.get(self._file(number, name)) for name in self.formats}
        return [name for name, facts in recorded.items() if facts and not _damage(self.path(number, name), facts)]

    def contradictions(self, number: int) -> dict[str, str]:
        """What is wrong with files of an intact shard that hold other examples than the one that is read."""
        rows, first = list(self.rows(number)), self.path(number).name
        return {
            self.path(number, name).name: f"its examples are not those of {first}; delete the file"
            for name in self.formats[1:]
            if not _same(rows, list(FORMATS[name].read_shard(self.path(number, name), self.schema)))
        }

    def rows(self, number: int) -> Iterator[Row]:
        """The examples of a finished shard."""
        return FORMATS[self.formats[0]].read_shard(self.path(number), self.schema)

    def result(self, number: int) -> AttackResult:
        """A finished shard, as the attack returned it."""
        entry, (low, high) = read_entry(self._entry_path(number)) or {}, self.configuration["bounds"]
        return result_of(list(self.rows(number)), entry, (low, high))

    def results(self) -> Iterator[AttackResult]:
        """All shards, in order, one at a time."""
        return map(self.result, range(self.plan.num_shards))

    def entries(self) -> Iterator[Entry]:
        """The entries that can be read, in order."""
        found: Iterable[Entry | None] = map(read_entry, map(self._entry_path, range(self.plan.num_shards)))
        return (entry for entry in found if entry is not None)

    def files(self, form: str) -> list[ShardFile]:
        """The files of all shards in a format, in order."""
        recorded = [(self._file(entry["shard"], form), entry) for entry in self.entries()]
        return [
            ShardFile(Path(file).name, num_examples=entry["num_examples"], **entry["files"][file])
            for file, entry in recorded
        ]

    def measures(self) -> Iterator[Measures]:
        """The measures of all shards, in order."""
        for entry in self.entries():
            yield {name: np.array(values) for name, values in entry["measures"].items()}

    def _entry(self, number: int) -> tuple[Entry | None, str]:
        """The entry of a shard; if it has none of its own, None and what is wrong, in words."""
        entry = read_entry(self._entry_path(number))
        if entry is None:
            return None, "cannot be read"
        if entry["plan"] != self.plan.digest:
            return None, "belongs to another plan or configuration"
        if entry["shard"] != number:
            return None, f"belongs to {self.path(entry['shard']).name}"
        return entry, ""

    def _file(self, number: int, form: str) -> str:
        """The file of a shard in a format, as a path within the directory."""
        return f"{FORMATS[form].FOLDER}/{FORMATS[form].shard_name(number, self.plan.num_shards)}"

    def _files(self, number: int) -> list[str]:
        return [self._file(number, name) for name in self.formats]

    def _entry_path(self, number: int) -> Path:
        return self.directory / _ENTRIES / f"{number:05d}.json"


def _damage(path: Path, facts: dict[str, Any]) -> str | None:
    """What is wrong with a file of a shard, in words; None if it has the size and the checksum that are recorded."""
    if not os.path.lexists(path):
        return "the file is missing"
    if not stat.S_ISREG(path.lstat().st_mode):
        return "it is not a file"
    if path.stat().st_size != facts["bytes"]:
        return f"the file has {path.stat().st_size} bytes instead of {facts['bytes']}"
    return None if sha256_of(path) == facts["sha256"] else "the file has another checksum"


def _same(ours: list[Row], theirs: list[Row]) -> bool:
    """Whether rows are equal, value by value."""
    return len(ours) == len(theirs) and all(
        np.array_equal(values, other[name])
        for row, other in zip(ours, theirs, strict=True)
        for name, values in row.items()
    )
