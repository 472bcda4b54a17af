"""A table of values: for the terminal, as Markdown, as CSV, and, with `report/page.html.j2`, as HTML."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# A spreadsheet takes a cell that starts with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Cell(NamedTuple):
    """A cell: the text that it shows, and the value by which it is sorted; None (no value) sorts last."""

    text: str
    value: Any

    @property
    def numeric(self) -> bool:
        """Whether the cell shows a number."""
        return isinstance(self.value, int | float) and self.text.lstrip("+-−")[:1].isdigit()


def plain(value: Any) -> Cell:
    """A cell that shows its value as it is."""
    return Cell("" if value is None else str(value), value)


def cells(values: Iterable[Any]) -> list[Cell]:
    """Cells that show their values as they are."""
    return list(map(plain, values))


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of cells, with a heading for each column.

    Attributes:
      title: a few words; "" for none.
      columns: the headings.
      rows: one cell per column in each row.
      note: a sentence for the reader.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, to be aligned to the right."""
        return [any(row[column].numeric for row in self.rows) for column in range(len(self.columns))]

    def text(self) -> str:
        """The table as text for a terminal, with columns aligned to the right."""
        lines = self._lines()
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        set_lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([set_lines[0], "-" * len(set_lines[0]), *set_lines[1:]])

    def markdown(self) -> str:
        """The table as Markdown, with numbers aligned to the right."""
        heading, *lines = self._lines()
        rule = ["---", *["---:"] * (len(heading) - 1)]
        return "".join(f"| {' | '.join(line)} |\n" for line in [heading, rule, *lines])

    def section(self) -> str:
        """Title, note and table as a section of a Markdown document."""
        note = [f"{self.note}\n"] if self.note else []
        return "\n".join([f"## {self.title}\n", *note, self.markdown()])

    def csv(self) -> str:
        """The values at full precision; texts that a spreadsheet would take for a formula get a quote."""
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(self.columns)
        writer.writerows([_harmless(cell.value) for cell in row] for row in self.rows)
        return file.getvalue()

    def _lines(self) -> list[list[str]]:
        return [list(self.columns), *([cell.text for cell in row] for row in self.rows)]


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
