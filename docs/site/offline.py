"""MkDocs hook: refuses pages that would ask another host for a script, a style, a font or an image."""

from __future__ import annotations

import logging
import re
from html.parser import HTMLParser
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

_log = logging.getLogger("mkdocs.hooks.offline")

# Element → the attributes from which a browser loads.
_LOADING = {
    "script": ["src"],
    "img": ["src"],
    "iframe": ["src"],
    "source": ["src"],
    "audio": ["src"],
    "embed": ["src"],
    "video": ["src", "poster"],
    "object": ["data"],
    "input": ["src"],
    "image": ["href", "xlink:href"],
}
# Relations of <link> that only say where something is.
_NAMING = {"canonical", "next", "prev", "alternate", "license"}
_FOREIGN = re.compile(r"(https?:)?//", re.IGNORECASE)
_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


class _Requests(HTMLParser):
    """Collects what a page loads from other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Looks at one element."""
        values = {name: value or "" for name, value in attrs}
        loaded = [*(values.get(name, "") for name in _LOADING.get(tag, [])), *values.get("srcset", "").split()]
        if tag == "link" and not _NAMING & set(values.get("rel", "").split()):
            loaded.append(values.get("href", ""))
        self.foreign += [*filter(_FOREIGN.match, loaded), *_STYLE.findall(values.get("style", ""))]

    def handle_data(self, data: str) -> None:
        """Looks at inlined styles; in text that a page shows these patterns are not followed."""
        if (self.get_starttag_text() or "").startswith("<style"):
            self.foreign += _STYLE.findall(data)


def foreign_requests(site: Path) -> list[tuple[str, str]]:
    """All (file, address) of the pages and styles of a built site that a browser would ask another host for."""
    found = []
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.suffix == ".html":
            page = _Requests()
            page.feed(path.read_text(encoding="utf-8"))
            found += [(name, address) for address in page.foreign]
        elif path.suffix == ".css":
            found += [(name, address) for address in _STYLE.findall(path.read_text(encoding="utf-8"))]
    return found


def on_post_build(config: MkDocsConfig) -> None:
    """Warns of every such request, which ends a strict build."""
    for name, address in foreign_requests(Path(config.site_dir)):
        _log.warning("'%s' loads %s from another host", name, address)
