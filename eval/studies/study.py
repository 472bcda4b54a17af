"""A study: rows that other programs make, remembered one by one, and written as tables beside each other."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tf_strattack import InputError
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim, require_finished, require_no_folder
from tf_strattack.programs.directories.marker import config_damage
from tf_strattack.programs.directories.sealed import digest_of, read_sealed, write_sealed
from tf_strattack.programs.running import announce
from tf_strattack.runtime.files import sha256_of
from tf_strattack.versions import versions

from ..runs.manifest import MANIFEST, file_damage
from ..runs.reading import whole_run
from ..runs.verification import report
from ..tables.measures import numbered
from .steps import Step

_ROWS = "rows"
_CLAIM = "claim_"
Figures = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a study.

    Attributes:
      name: of the row.
      run: the directory of the run of eval.attack that it is about, which the last step makes.
      steps: the programs that make it, in order.
    """

    name: str
    run: Path
    steps: tuple[Step, ...]

    def made_of(self) -> list[str] | None:
        """Hashes of what the row's figures are read from; None unless all of it is there and whole."""
        run = whole_run(self.run)
        return None if run is None else [run]


AnyRow = TypeVar("AnyRow", bound=Row)


class Study:
    """The directory of a study: a file with a checksum for each row that is finished, and the tables of all of them.

    Attributes:
      directory: of everything.
      facts: configuration, command and versions, to be recorded.
    """

    def __init__(self, program: str, directory: Path, configuration: dict[str, Any], *, overwrite: bool) -> None:
        """Claims `directory` for the study of `configuration` by `program`.

        Raises:
          InputError: a directory that is not this study's.
        """
        claim(directory, configuration, program=program, flag="--output_dir", overwrite=overwrite)
        announce(directory)
        self.directory = directory
        self.facts = {**configuration, "command": command(), "versions": versions()}
        self._configuration = json.loads(json.dumps(configuration))
        self._more = ("--overwrite",) if overwrite else ()
        self._known: dict[str, list[str] | None] = {}
        (directory / _ROWS).mkdir(exist_ok=True)
        self._order = _order_in(directory, self._configuration)
        for name, reason in _damages(directory, self._configuration):
            require_no_folder(program, directory / name)
            report(name, f"{reason}; made again")
        self._write_manifest(complete=False, files={})

    def todo(self, rows: Iterable[AnyRow]) -> list[AnyRow]:
        """The rows that are not finished, or of which something is damaged."""
        return [row for row in rows if self._remembered(row.name, self._made_of(row)) is None]

    def make(self, rows: Iterable[AnyRow], read: Callable[[AnyRow], Figures]) -> Iterator[AnyRow]:
        """Makes each row that is not finished, and yields all of them in turn; `read` finds the figures of a row.

        Raises:
          SystemExit: a step failed, with its status; it has said why.
        """
        for row in rows:
            if self._remembered(row.name, self._made_of(row)) is None:
                for step in row.steps:
                    if status := step.run(row.name, *(self._more if step.leaves is None else ())):
                        sys.exit(status)
                del self._known[row.name]
                self._remember(row.name, self._made_of(row), read(row))
            yield row

    def rows(self) -> list[Figures]:
        """The figures of every row that was ever finished, in the order in which they were."""
        return [entry["figures"] for entry in self._entries() if not entry["name"].startswith(_CLAIM)]

    def claims(self) -> dict[str, Figures]:
        """What was measured of several rows, by name, in the order in which it was."""
        found = (entry for entry in self._entries() if entry["name"].startswith(_CLAIM))
        return {entry["name"].removeprefix(_CLAIM): entry["figures"] for entry in found}

    def measure(self, name: str, rows: Sequence[Row], measured: Callable[[], Figures]) -> None:
        """Measures the claim `name` about finished rows, unless that was done for these."""
        made_of = [digest for row in rows for digest in self._made_of(row) or []]
        if self._remembered(_CLAIM + name, made_of) is None:
            print(f"\nclaim: {name}", flush=True)
            self._remember(_CLAIM + name, made_of, measured())

    def seal(self, names: Iterable[str]) -> None:
        """Records the checksums of the files `names`, those of them that are there; the study is complete by that."""
        files = {name: sha256_of(self.directory / name) for name in names if (self.directory / name).exists()}
        self._write_manifest(complete=True, files=files)

    def _write_manifest(self, *, complete: bool, files: dict[str, str]) -> None:
        manifest = {
            "configuration": self._configuration,
            "complete": complete,
            "files": files,
            "rows": self._order,
        }
        write_sealed(self.directory / MANIFEST, manifest)

    def _made_of(self, row: Row) -> list[str] | None:
        """As of the row, whose files are read once: only its own steps change them while the study is claimed."""
        if row.name not in self._known:
            self._known[row.name] = row.made_of()
        return self._known[row.name]

    def _remembered(self, name: str, made_of: Sequence[str] | None) -> Figures | None:
        entry = _entry(self._path(name), self._configuration)
        return entry["figures"] if entry and made_of is not None and entry["made_of"] == made_of else None

    def _remember(self, name: str, made_of: Sequence[str] | None, figures: Figures) -> None:
        if name not in self._order:
            self._order.append(name)
        entry = {
            "name": name,
            "place": self._order.index(name),
            "configuration": digest_of(self._configuration),
            "made_of": made_of,
            "figures": json.loads(json.dumps(figures)),
        }
        write_sealed(self._path(name), entry)

    def _entries(self) -> list[dict[str, Any]]:
        return _entries_in(self.directory, self._configuration)

    def _path(self, name: str) -> Path:
        return self.directory / _ROWS / f"{name}.json"


def verify_study(program: str, directory: Path, configuration: dict[str, Any], rows: Iterable[Row]) -> str:
    """Checks the files of a study and, each by its own program, the runs of `rows`; returns what was found, in a line.

    Raises:
      InputError: it holds no study of `configuration`, or something is wrong with it, which is printed.
    """
    found = require_finished(directory, configuration, program=program, flag="--output_dir", ignoring=[])
    wrong = [report(*damage) for damage in _damages(directory, found.configuration)]
    if reason := config_damage(directory, found):
        wrong.append(report("config.json", reason))
    manifest = read_sealed(directory / MANIFEST)
    if manifest is not None and not manifest["complete"]:
        wrong.append(report(MANIFEST, "the study has not ended"))
    checked = [row.name for row in rows]
    for row in rows:
        if row.steps[-1].run(row.name, "--verify"):
            wrong.append(report(row.name, "something is wrong with its run"))
        elif (entry := _entry(directory / _ROWS / f"{row.name}.json", found.configuration)) is None:
            wrong.append(report(f"{_ROWS}/{row.name}.json", "it is missing"))
        elif entry["made_of"] != row.made_of():
            wrong.append(report(f"{_ROWS}/{row.name}.json", "it was read from other files"))
    if wrong:
        raise InputError(
            f"expected the files of {len(checked)} rows as they were written, received {len(set(wrong))} damaged or "
            "missing, listed above: the command without --verify makes the damaged ones again"
        )
    return f"every file has its checksum; {numbered(len(checked), 'row')}: {', '.join(checked)}"


def _entry(path: Path, configuration: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is remembered in a file; None if that is damaged, or of another study or place."""
    entry = read_sealed(path)
    if entry is None or entry["configuration"] != digest_of(configuration) or entry["name"] != path.stem:
        return None
    return entry


def _entries_in(directory: Path, configuration: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is remembered, in the order in which it was made."""
    found = (_entry(path, configuration) for path in sorted((directory / _ROWS).glob("*.json")))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: int(entry["place"]))


def _order_in(directory: Path, configuration: Mapping[str, Any]) -> list[str]:
    """The names of what was made so far, in order: by the manifest, which outlives an entry, or by the entries."""
    manifest = read_sealed(directory / MANIFEST)
    entries = [entry["name"] for entry in _entries_in(directory, configuration)]
    if manifest is None or manifest["configuration"] != configuration:
        return entries
    return list(dict.fromkeys([*manifest["rows"], *entries]))


def _damages(directory: Path, configuration: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the files of a study that was complete: names, and reasons."""
    path = directory / MANIFEST
    manifest = read_sealed(path)
    if manifest is None:
        if os.path.lexists(path):
            yield MANIFEST, "it is not as it was written"
        elif (directory / _ROWS).is_dir() and any((directory / _ROWS).glob("*.json")):
            yield MANIFEST, "it is missing"
        manifest = {"files": {}, "rows": []}
    elif manifest["configuration"] != configuration:
        yield MANIFEST, "it is of another study"
        manifest = {"files": {}, "rows": []}
    for name, checksum in manifest["files"].items():
        if reason := file_damage(directory / name, checksum):
            yield name, reason
    for name in sorted({*manifest["rows"], *(path.stem for path in (directory / _ROWS).glob("*.json"))}):
        file = directory / _ROWS / f"{name}.json"
        if _entry(file, configuration) is None:
            yield f"{_ROWS}/{file.name}", "it is not as it was written" if file.exists() else "it is missing"
