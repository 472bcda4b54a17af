"""The page itself: blocks in, one self-contained HTML file out (Jinja2, plain JavaScript)."""

from __future__ import annotations

import dataclasses
import json
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
# Parameters under so many titles at most are shown; more have to be opened.
_MOST_OPEN = 3


@dataclasses.dataclass(frozen=True)
class Chart:
    """Drawings side by side.

    Attributes:
      title: of all.
      alt: what they show, in words.
      panels: SVG elements, as of `to_svg`.
      legend: the names of series 0, 1, ..., which have the colours of the page.
      note: a sentence for its reader.
      large: whether a panel takes the width of the page.
    """

    title: str
    alt: str
    panels: Sequence[str]
    legend: Sequence[str] = ()
    note: str = ""
    large: bool = False


class Figure(NamedTuple):
    """A figure to be seen first: its name, its text, and what it means, in a few words."""

    name: str
    text: str
    meaning: str = ""


@dataclasses.dataclass(frozen=True)
class Page:
    """What a report shows, from top to bottom.

    Attributes:
      title: of the page.
      command: what made it.
      facts: the configuration, versions and so on; JSON values.
      summary: a line under the title.
      finding: what was found, in a sentence.
      notes: what a reader must know before any figure.
      figures: the most important ones.
      even: whether all figures have the same size, and not the first a larger one.
      parameters: what was asked for, to be seen at once: a title, and values by name.
      opening: charts in front of the tables.
      tables, charts: blocks.
      series: the names that have a colour in charts, in their order.
      matrix: success and distances by label and target, as of `matrix_of`; None leaves it out.
      failures: as of `failures_of`.
      gallery: examples, as of `gallery_of`; None leaves it out.
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


def _stamp(facts: Mapping[str, Any]) -> str:
    """By what, and when, as far as it is recorded: "tf_strattack 0.3.0, 2026-01-31 12:00 UTC"."""
    version = facts.get("versions", {}).get("tf_strattack")
    finished = str(facts.get("finished_at") or "").replace("T", " ")[:16]
    return ", ".join([*([f"tf_strattack {version}"] if version else []), *([f"{finished} UTC"] if finished else [])])


def _classes(table: Table) -> list[str]:
    """How each row of a table looks: one of the paper's, or the first of several with the same name."""
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
    """JSON that may stand within <script>: no name in it can end the element."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c"))


def _lines(values: Mapping[str, Any]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Values in lines: plain ones in the first, then each nested one, with its name and its class, in its own."""
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    lines = [("", str(plain.pop("class", "")), [(name, _text(value)) for name, value in plain.items()])]
    for name, value in values.items():
        if isinstance(value, Mapping):
            (_, kind, own), *nested = _lines(value)
            lines.append((name, kind, own))
            lines += [(f"{name} {inner}", inner_kind, pairs) for inner, inner_kind, pairs in nested]
    return lines


def _text(value: Any) -> str:
    """A value as it is read in Python."""
    return str(value) if value is None or isinstance(value, str | bool) else json.dumps(value, ensure_ascii=False)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values under dotted names, as text."""
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            lines += _flat(value, f"{prefix}{name}.")
        else:
            lines.append((prefix + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return lines
