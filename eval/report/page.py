"""The page: renders blocks to one self-contained HTML file (Jinja2, plain JavaScript)."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import markupsafe

from tf_strattack.runtime.files import write_text

from ..tables.measures import PAPER
from ..tables.table import Table
from .failures import Failures

REPORT = "report.html"
_FOLDER = Path(__file__).parent
_SCRIPTS = ("page.js", "tables.js", "matrix.js", "images.js", "card.js", "gallery.js")
# Parameters under more titles than this are collapsed at first.
_MOST_OPEN = 3


@dataclasses.dataclass(frozen=True)
class Chart:
    """Drawings side by side.

    Attributes:
      title: the title of the chart.
      alt: a description in words.
      panels: SVG elements, from `to_svg`.
      legend: the names of series 0, 1, ..., in the colours of the page.
      note: a sentence for the reader.
      large: whether a panel takes the width of the page.
    """

    title: str
    alt: str
    panels: Sequence[str]
    legend: Sequence[str] = ()
    note: str = ""
    large: bool = False


class Figure(NamedTuple):
    """A figure at the top of the page: its name, its text, and its meaning in a few words."""

    name: str
    text: str
    meaning: str = ""


@dataclasses.dataclass(frozen=True)
class Page:
    """The content of a report, from top to bottom.

    Attributes:
      title: the title of the page.
      command: the command that made the report.
      facts: the configuration, versions and so on; JSON values.
      summary: a line under the title.
      finding: the result in a sentence.
      notes: warnings to read before any figure.
      figures: the most important figures.
      even: whether all figures have the same size, instead of a larger first one.
      parameters: the parameters at the top: title → values by name.
      opening: charts before the tables.
      tables, charts: blocks.
      series: the names that have a colour in charts, in their order.
      matrix: success and distances by label and target, from `matrix_of`; None to leave it out.
      failures: from `failures_of`.
      gallery: examples, from `gallery_of`; None to leave it out.
    """

    title: str
    command: str
    facts: Mapping[str, Any]
    summary: str = ""
    finding: str = ""
    notes: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    even: bool = False
    parameters: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    opening: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    series: Sequence[str] = ()
    matrix: Mapping[str, Any] | None = None
    failures: Sequence[Failures] = ()
    gallery: Mapping[str, Any] | None = None


def write_page(path: Path, page: Page) -> None:
    """Writes the report to `path`, replacing an earlier one."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["svg"] = markupsafe.Markup
    environment.filters["command"] = _command
    text = environment.get_template("page.html.j2").render(
        page=page,
        stamp=_stamp(page.facts),
        facts=sorted(_flat(page.facts)),
        parameters={title: _lines(values) for title, values in page.parameters.items()},
        tables=[(table, _classes(table)) for table in page.tables],
        most_open=_MOST_OPEN,
        style=_inline("report.css"),
        scripts=[_inline(name) for name in _SCRIPTS],
        data=_json({"matrix": page.matrix, "gallery": page.gallery}),
    )
    write_text(path, text)


def _command(text: str) -> markupsafe.Markup:
    """A command whose flags are not broken after their hyphens."""
    parts = re.split(r"(?<!\S)(--\w+|-m)\b", text)
    return markupsafe.Markup("").join(
        markupsafe.Markup("<span class=flag>{}</span>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
    )


def _stamp(facts: Mapping[str, Any]) -> str:
    """Version and time, as far as they are recorded: "tf_strattack 0.3.0, 2026-01-31 12:00 UTC"."""
    version = facts.get("versions", {}).get("tf_strattack")
    finished = str(facts.get("finished_at") or "").replace("T", " ")[:16]
    return ", ".join([*([f"tf_strattack {version}"] if version else []), *([f"{finished} UTC"] if finished else [])])


def _classes(table: Table) -> list[str]:
    """The CSS class of each row: "paper" for the paper's figures, "first" for the first of several with one name."""
    kinds, above = [], None
    names = [row[0].text for row in table.rows]
    blocks = len(set(names)) < len(names) and PAPER not in names
    for name in names:
        kinds.append("paper" if name == PAPER else "first" if blocks and name != above else "")
        above = name
    return kinds


def _inline(name: str) -> markupsafe.Markup:
    return markupsafe.Markup((_FOLDER / name).read_text())


def _json(content: Any) -> markupsafe.Markup:
    """JSON that is safe inside <script>: no text in it can end the element."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c"))


def _lines(values: Mapping[str, Any]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Values as lines: plain values in the first line, then a line for each nested mapping, with its name and class."""
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    lines = [("", str(plain.pop("class", "")), [(name, _text(value)) for name, value in plain.items()])]
    for name, value in values.items():
        if isinstance(value, Mapping):
            (_, kind, own), *nested = _lines(value)
            lines.append((name, kind, own))
            lines += [(f"{name} {inner}", inner_kind, pairs) for inner, inner_kind, pairs in nested]
    return lines


def _text(value: Any) -> str:
    """A value as Python would print it."""
    return str(value) if value is None or isinstance(value, str | bool) else json.dumps(value, ensure_ascii=False)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as texts with dotted names."""
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            lines += _flat(value, f"{prefix}{name}.")
        else:
            lines.append((prefix + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return lines
