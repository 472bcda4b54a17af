"""The page itself: blocks in, one self-contained HTML file out (Jinja2, plain JavaScript)."""

from __future__ import annotations

import base64
import dataclasses
import functools
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import markupsafe
from PIL import Image

from tf_strattack.runtime.files import write_text

from ..tables.table import Table

REPORT = "report.html"
_FOLDER = Path(__file__).parent
# Bytes of a picture above which it is compressed.
_LARGE = 200_000
_SCRIPTS = ("tables.js", "matrix.js", "images.js", "gallery.js")


@dataclasses.dataclass(frozen=True)
class Chart:
    """A drawing: `svg`, whose colours follow the page's, and what it shows in words."""

    title: str
    alt: str
    svg: str


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG file, embedded, and what it shows in words."""

    title: str
    alt: str
    path: Path

    @functools.cached_property
    def address(self) -> str:
        """The picture as a data: address, with losses that are hardly seen where the file is large."""
        content, kind = self.path.read_bytes(), "png"
        if len(content) > _LARGE:
            file = io.BytesIO()
            Image.open(self.path).convert("RGB").save(file, format="WEBP", quality=88)
            content, kind = file.getvalue(), "webp"
        return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


class Figure(NamedTuple):
    """A figure to be seen first: its name, its text, and what it means, in a few words."""

    name: str
    text: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Page:
    """What a report shows, from top to bottom.

    Attributes:
      title: of the page.
      command: what made it.
      facts: the configuration, versions and so on; JSON values.
      summary: a line under the title.
      notes: what a reader must know before any figure.
      figures: the most important ones.
      tables, charts, pictures: blocks.
      matrix: success and distances by label and target, as of `matrix_of`; None leaves it out.
      gallery: examples, as of `gallery_of`; None leaves it out.
    """

    title: str
    command: str
    facts: Mapping[str, Any]
    summary: str = ""
    notes: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    pictures: Sequence[Picture] = ()
    matrix: Mapping[str, Any] | None = None
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
    text = environment.get_template("page.html.j2").render(
        page=page,
        facts=sorted(_flat(page.facts)),
        charts=[(chart, markupsafe.Markup(chart.svg)) for chart in page.charts],
        style=_inline("report.css"),
        scripts=[_inline(name) for name in _SCRIPTS],
        data=_json({"matrix": page.matrix, "gallery": page.gallery}),
    )
    write_text(path, text)


def _inline(name: str) -> markupsafe.Markup:
    return markupsafe.Markup((_FOLDER / name).read_text())


def _json(content: Any) -> markupsafe.Markup:
    """JSON that may stand within <script>: no name in it can end the element."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c"))


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values under dotted names, as text."""
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            lines += _flat(value, f"{prefix}{name}.")
        else:
            lines.append((prefix + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return lines
