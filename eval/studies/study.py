"""A study: rows made by other programs, recorded one by one and written as tables."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
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

from ..runs.manifest import MANIFEST
from ..runs.reading import whole_run
from ..runs.verification import report
from ..tables.measures import numbered
from .records import ROWS, damages_in, order_in, place_for, record_in, records_in
from .steps import Step

_CLAIM = "claim_"
Figures = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a study.

    Attributes:
      name: the name of the row.
      run: the directory of the row's run of eval.attack, which the last step makes.
      steps: the programs that make the row, in order.
    """

    name: str
    run: Path
    steps: tuple[Step, ...]

    def made_of(self) -> list[str] | None:
        """Hashes of the sources of the row's figures; None if a source is missing or damaged."""
        run = whole_run(self.run)
        return None if run is None else [run]


AnyRow = TypeVar("AnyRow", bound=Row)


class Study:
    """The directory of a study: a file with a checksum for each finished row, and the tables of all rows.

    Attributes:
      directory: the directory of the study.
      facts: a record of configuration, command and versions.
    """

    def __init__(self, program: str, directory: Path, configuration: dict[str, Any], *, overwrite: bool) -> None:
        """Claims `directory` for the study of `configuration` by `program`.

        Raises:
          InputError: the directory belongs to something else.
        """
        claim(directory, configuration, program=program, flag="--output_dir", overwrite=overwrite)
        announce(directory)
        self.directory = directory
        self.facts = {**configuration, "command": command(), "versions": versions()}
        self._configuration = json.loads(json.dumps(configuration))
        self._more = ("--overwrite",) if overwrite else ()
        self._known: dict[str, list[str] | None] = {}
        (directory / ROWS).mkdir(exist_ok=True)
        self._order = order_in(directory, self._configuration)
        for name, reason in damages_in(directory, self._configuration):
            require_no_folder(program, directory / name)
            report(name, f"{reason}; made again")
        self._write_manifest(complete=False, files={})

    def todo(self, rows: Iterable[AnyRow]) -> list[AnyRow]:
        """The rows that are unfinished or damaged."""
        return [row for row in rows if self._remembered(row.name, self._made_of(row)) is None]

    def make(self, rows: Iterable[AnyRow], read: Callable[[AnyRow], Figures]) -> Iterator[AnyRow]:
        """Makes unfinished rows, and yields all rows in turn; `read` returns the figures of a row.

        Raises:
          SystemExit: a step failed, with its exit status; the step has printed the error.
        """
        rows = list(rows)
        names = [row.name for row in rows]
        for row in rows:
            if self._remembered(row.name, self._made_of(row)) is None:
                for step in row.steps:
                    if status := step.run(row.name, *(self._more if step.leaves is None else ())):
                        sys.exit(status)
                del self._known[row.name]
                self._remember(row.name, self._made_of(row), read(row), among=names)
            yield row

    def rows(self) -> list[Figures]:
        """The figures of all rows that were ever finished.

        A row that was added later is next to its neighbour in the command that added it.
        """
        return [entry["figures"] for entry in self._entries() if not entry["name"].startswith(_CLAIM)]

    def claims(self) -> dict[str, Figures]:
        """The measured claims and figures by name, in the order of measurement."""
        found = (entry for entry in self._entries() if entry["name"].startswith(_CLAIM))
        return {entry["name"].removeprefix(_CLAIM): entry["figures"] for entry in found}

    def measure(self, name: str, rows: Sequence[Row], measured: Callable[[], Figures]) -> None:
        """Measures the claim or figure `name` about finished rows, unless it was measured on the same rows before."""
        made_of = [digest for row in rows for digest in self._made_of(row) or []]
        if self._remembered(_CLAIM + name, made_of) is None:
            print(f"\nmeasuring {name}", flush=True)
            self._remember(_CLAIM + name, made_of, measured())

    def seal(self, names: Iterable[str]) -> None:
        """Records the checksums of those files `names` that exist, which completes the study."""
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
        """`row.made_of()`, computed once: while the study is claimed, only the row's own steps change its files."""
        if row.name not in self._known:
            self._known[row.name] = row.made_of()
        return self._known[row.name]

    def _remembered(self, name: str, made_of: Sequence[str] | None) -> Figures | None:
        entry = record_in(self._path(name), self._configuration)
        return entry["figures"] if entry and made_of is not None and entry["made_of"] == made_of else None

    def _remember(
        self, name: str, made_of: Sequence[str] | None, figures: Figures, *, among: Sequence[str] = ()
    ) -> None:
        """Stores a row or claim; a new one gets its place `among` the rows of the command."""
        if name not in self._order:
            self._order.insert(place_for(self._order, name, among), name)
        entry = {
            "name": name,
            "place": self._order.index(name),
            "configuration": digest_of(self._configuration),
            "made_of": made_of,
            "figures": json.loads(json.dumps(figures)),
        }
        write_sealed(self._path(name), entry)
        self._write_manifest(complete=False, files={})

    def _entries(self) -> list[dict[str, Any]]:
        entries = records_in(self.directory, self._configuration)
        return sorted(entries, key=lambda entry: self._order.index(entry["name"]))

    def _path(self, name: str) -> Path:
        return self.directory / ROWS / f"{name}.json"


def verify_study(program: str, directory: Path, configuration: dict[str, Any], rows: Iterable[Row]) -> str:
    """Checks the files of a study and, by their programs, the runs of `rows`; returns a line about the result.

    Raises:
      InputError: no study of `configuration`, or a damaged study; the damages are printed.
    """
    found = require_finished(directory, configuration, program=program, flag="--output_dir", ignoring=[])
    wrong = [report(*damage) for damage in damages_in(directory, found.configuration)]
    if reason := config_damage(directory, found):
        wrong.append(report("config.json", reason))
    manifest = read_sealed(directory / MANIFEST)
    if manifest is not None and not manifest["complete"]:
        wrong.append(report(MANIFEST, "the study is unfinished"))
    checked = [row.name for row in rows]
    for row in rows:
        if row.steps[-1].run(row.name, "--verify"):
            wrong.append(report(row.name, "something is wrong with its run"))
        elif (entry := record_in(directory / ROWS / f"{row.name}.json", found.configuration)) is None:
            wrong.append(report(f"{ROWS}/{row.name}.json", "it is missing"))
        elif entry["made_of"] != row.made_of():
            wrong.append(report(f"{ROWS}/{row.name}.json", "it was read from other files"))
    if wrong:
        raise InputError(
            f"expected intact files of {len(checked)} rows, received {len(set(wrong))} damaged or missing files, "
            "listed above: run the command without --verify to make them again"
        )
    return f"all checksums match; {numbered(len(checked), 'row')}: {', '.join(checked)}"
