"""labels.csv: the classes of images, in the variants that spreadsheets and programs write."""

from __future__ import annotations

import codecs
import csv
import functools
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tf_strattack import InputError
from tf_strattack.runtime.loading import load_or_explain

_FILENAME, _INDEX, _NAME = "filename", "class_index", "class_name"
_DELIMITERS = ",;\t"
# Programs write 1.0 if the column has a gap, or 1,0 in languages with a decimal comma.
_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(?:[.,]0*)?")
# UTF-32 first: its mark starts with the mark of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Label(NamedTuple):
    """A row of the table; `class_name` is "" if the table has none."""

    filename: str
    class_index: int
    class_name: str


def read_labels(path: Path) -> list[Label]:
    """Reads a table with the columns filename, class_index and, optionally, class_name; other columns are ignored.

    Cells are separated by commas, semicolons or tabs. The text is UTF-8 or UTF-16. Column names may be in capitals. A
    class_index such as 1.0 counts as a whole number.

    Raises:
      InputError: no such table, or a row that does not fit.
    """
    rows = load_or_explain(functools.partial(_read, path), path, "a table of labels")
    columns = {name: place for place, name in reversed(list(enumerate(map(str.lower, rows[0] if rows else []))))}
    if len(rows) < 2 or not {_FILENAME, _INDEX} <= columns.keys():
        received = sorted(rows[0]) if len(rows) > 1 else "no rows"
        raise InputError(
            f"expected columns {_FILENAME}, {_INDEX} in {path}, named in its first line, received {received}"
        )

    def cell(row: list[str], name: str) -> str:
        place = columns.get(name, len(row))
        return row[place] if place < len(row) else ""

    return [
        Label(cell(row, _FILENAME), _whole(cell(row, _INDEX), cell(row, _FILENAME), path), cell(row, _NAME))
        for row in rows[1:]
    ]


def _read(path: Path) -> list[list[str]]:
    """The non-empty rows, with cells stripped of blanks; the first row names the columns."""
    text = re.sub(r"\Asep=.\s*", "", _decoded(path))  # spreadsheets declare the delimiter this way
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=lambda mark: len(next(_cells(first, mark), [])))
    return [row for row in _cells(text, delimiter) if any(row)]


def _cells(text: str, delimiter: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
        yield [cell.strip() for cell in row]


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and 0 in data[:2]:  # UTF-16 without a byte order mark
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"expected text in UTF-8 or UTF-16, received {path}, which cannot be read: {error.reason} at byte "
            f"{error.start}: save it as UTF-8"
        ) from error


def _whole(text: str, filename: str, path: Path) -> int:
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise InputError(f"expected whole numbers as {_INDEX} in {path}, received {text!r} for {filename!r}")
    return int(match[1])
