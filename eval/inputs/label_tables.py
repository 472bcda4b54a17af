"""labels.csv: which image has which class, as spreadsheets and programs write such tables."""

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
# Programs that have a gap in the column write 1.0, and where the comma is the decimal point, 1,0.
_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(?:[.,]0*)?")
# The longer mark starts with the shorter one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Label(NamedTuple):
    """A row of the table; `class_name` is "" where there is none."""

    filename: str
    class_index: int
    class_name: str


def read_labels(path: Path) -> list[Label]:
    """Reads a table with the columns filename, class_index and, where there is one, class_name; others are ignored.

    Commas, semicolons or tabs stand between the cells; the text is UTF-8, or UTF-16; names of columns may be
    capitals; a class_index such as 1.0 counts as whole.

    Raises:
      InputError: no such table, or one with a row that is none.
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
    """The cells of each row that has any, without the blanks around them; the first row names the columns."""
    text = re.sub(r"\Asep=.\s*", "", _decoded(path))  # what spreadsheets tell each other of the delimiter
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=lambda mark: len(next(_cells(first, mark), [])))
    return [row for row in _cells(text, delimiter) if any(row)]


def _cells(text: str, delimiter: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
        yield [cell.strip() for cell in row]


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and 0 in data[:2]:  # UTF-16 without its mark
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
        raise InputError(f"expected whole numbers as {_INDEX} in {path}, received {text!r} of {filename!r}")
    return int(match[1])
